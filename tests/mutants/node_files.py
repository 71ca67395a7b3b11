"""The node program and the project's files."""

from tests.mutants.mutant import Mutant, m

FILES_API = "tests/files/test_files_api.py"

# fmt: off
FILES = [
    m("B1", "a state file is deleted before its content is kept elsewhere", "files/api.py",
      "self._upload(kept_path(path), there)", "pass",
      f"{FILES_API}::test_a_writer_that_is_killed_leaves_the_old_content_or_the_new"),
    m("B17", "the part of an upload that was cut short stays", "files/api.py",
      "if there is not None and there != data and data.startswith(there):", "if False:",
      f"{FILES_API}::test_an_upload_that_is_cut_short_leaves_the_old_content"),
    m("B11", "what was kept of a removed file stands in for it", "files/api.py",
      "self._delete(kept_path(checked_path(path)))  # first", "checked_path(path)  # first",
      f"{FILES_API}::test_a_removed_file_does_not_come_back_from_what_was_kept"),
    m("B13", "another writer's file of the same length is taken for ours", "files/api.py",
      "if sure and not copies and arrived.size == len(data):",
      "if sure and arrived.size == len(data):",
      f"{FILES_API}::test_another_writer_of_the_same_length_is_not_taken_for_this_one"),
    m("B1", "a pod does not read what a replacement from outside kept", "files/shared.py",
      "return self._read(kept_path(path)) if data is None else data", "return data",
      f"{FILES_API}::test_a_writer_that_is_killed_leaves_the_old_content_or_the_new"),
]
LARGE_LISTS = "tests/cml/test_cml_large_lists.py"
LISTS = [
    m("B20", "a page that is too large fails its list for ever", "cml/paging.py",
      "            size //= 2", "            raise",
      f"{LARGE_LISTS}::test_a_list_of_any_weight_is_read_whole"),
    m("B22", "an item that is too large hides those after it", "cml/paging.py",
      "if listing.problem and sort:", "if False:",
      f"{LARGE_LISTS}::test_one_item_that_is_too_large_hides_no_other"),
    m("B18", "a page that CML cannot send slows every call down", "cml/classify.py",
      "if not operation.write and _TOO_LARGE in words:", "if False:",
      f"{LARGE_LISTS}::test_a_list_that_cml_cannot_send_in_one_piece_is_no_call_to_slow_down"),
]
PARTS = "tests/node/test_node_parts.py"
REPORT = "tests/node/test_head_report.py"
NODE = [
    m("B21", "the pod that started last by its own clock owns a member's file",
      "node/generation.py",
      "self.number = _number(read_json(path) or {}) + 1", "self.number = int(clock.now())",
      f"{PARTS}::test_the_later_pod_owns_the_file_whatever_the_clocks_say"),
    m("B13", "an old pod never takes back the file of a later one that is gone",
      "node/generation.py",
      "return self._clock.monotonic() - self._changed_at <= SILENT_S", "return True",
      f"{PARTS}::test_a_pod_that_outlives_the_later_one_owns_the_file_again"),
    m("B21", "a head whose clock is ahead removes the files of living members",
      "node/report.py",
      "not (unchanged > _UNCHANGED_S and age > GONE_AFTER_S):", "not age > GONE_AFTER_S:",
      f"{REPORT}::test_a_head_whose_clock_is_ahead_removes_no_file_of_a_living_member"),
    m("B21", "a member's file from the future stays for ever", "node/report.py",
      "if unchanged <= GONE_AFTER_S and not", "if not",
      f"{REPORT}::test_a_file_from_the_future_is_removed_once_it_was_unchanged_for_a_day"),
    m("B19", "Ray's processes inherit the API key", "node/ray/command.py",
      '*(() if settings.api_key_access else API_KEYS)}', "}",
      f"{PARTS}::test_rays_processes_inherit_no_credential_but_a_key_that_the_spec_asked_for"),
    m("B8", "ports of an IPv6 pod are looked for in IPv4", "node/ports.py",
      'return socket.AF_INET6 if ":" in host else socket.AF_INET', "return socket.AF_INET",
      f"{PARTS}::test_a_port_that_anything_listens_on_is_not_claimed"),
]
REACH = "tests/node/test_node_reach.py"
MESH = [
    m("B8", "a connection that a mesh accepted counts as an answer", "node/reach.py",
      "        if not data:\n            return _closed()",
      "        if not data:\n            return Reach(REACHED)",
      f"{REACH}::test_a_mesh_that_takes_the_connection_and_closes_it_is_told_from_a_refusal"),
    m("B8", "another program's answer counts as Ray's", "node/reach.py",
      "if header[3] == _TYPE_SETTINGS:", "if header:",
      f"{REACH}::test_a_program_that_is_no_grpc_server_is_foreign"),
    m("B8", "a peer that drips holds the probe for ever", "node/reach.py",
      "left = deadline - time.monotonic()", "left = timeout_s",
      f"{REACH}::test_a_peer_that_drips_for_ever_does_not_hold_the_probe"),
    m("B8", "a fixed port is claimed although the spec sets it", "node/ray/fixed_ports.py",
      "row.option not in params and", "True and",
      f"{PARTS}::test_every_port_of_the_table_is_claimed_but_those_that_the_spec_sets"),
    m("B8", "a head never says that it cannot reach a worker", "node/report.py",
      'outcome = outcomes.get(owner.node_id, "") if owner else ""', 'outcome = ""',
      f"{REPORT}::test_the_report_says_if_the_head_reaches_each_node"),
    m("B8", "NCCL is given an interface that the pod does not have", "node/ray/gpu.py",
      'if (root / "sys" / "class" / "net" / INTERFACE).exists():', "if root:",
      "tests/node/test_launcher_world.py::"
      "test_an_interface_that_the_pod_does_not_have_is_not_named"),
    m("B8", "packages of a runtime add-on hide Ray", "node/child.py",
      'not in {"PYTHONPATH", "PYTHONHOME"}', 'not in {"PYTHONHOME"}',
      "tests/node/test_launcher_world.py::test_packages_of_the_platform_do_not_reach_ray"),
    m("B6", "an obstacle from the head to a worker is no finding", "core/status/reach.py",
      "(member.from_head, True)):", "):",
      "tests/cli/test_cli_doctor.py::test_the_fix_of_an_obstacle_says_what_to_ask_an_admin_for"),
]
VERSIONS = "tests/node/test_ray_versions.py"
RANGE = "tests/core/test_ray_range.py"
OLD_RAY = [
    m("B8", "an old Ray is given labels that it cannot read", "node/ray/command.py",
      "if habits(settings.ray_version).label_pairs:", "if settings:",
      f"{VERSIONS}::test_an_old_ray_takes_labels_as_json_and_a_new_one_as_pairs"),
    m("B8", "labels of a spec do not reach Ray", "node/ray/command.py",
      "        **settings.labels,\n", "",
      "tests/node/test_node_parts.py::test_labels_of_the_spec_join_those_of_raycml"),
    m("B8", "a worker names a folder that an old Ray ignores", "node/ray/command.py",
      "elif habits(settings.ray_version).own_temp_dir:", "else:",
      f"{VERSIONS}::test_a_worker_names_a_folder_only_where_its_ray_takes_one"),
    m("B8", "the folder that an old Ray used stays on the disk", "node/ray/run.py",
      "            self._adopted = path", "            pass",
      f"{VERSIONS}::test_a_folder_that_ray_chose_by_the_heads_is_removed_with_its_own"),
    m("B8", "a folder of another program is removed", "node/ray/run.py",
      "if self._adopts and os.path.basename(path).startswith(_PREFIX):", "if self._adopts:",
      f"{VERSIONS}::test_no_other_folder_is_removed"),
    m("B8", "a worker removes the head's folder on a shared disk", "node/ray/run.py",
      "if self._adopted and not _is_of_a_head(self._adopted):", "if self._adopted:",
      f"{VERSIONS}::test_the_heads_own_folder_on_a_shared_disk_is_not_removed"),
    m("B8", "Pythons of different patch versions are joined", "node/ray/versions.py",
      'if level == "minor":', "if level:",
      f"{VERSIONS}::test_pythons_agree_to_a_level"),
    m("B8", "an old Ray is believed to read the level of Python", "node/ray/versions.py",
      'minor = habits(version).match_level and environ', "minor = environ",
      f"{VERSIONS}::test_pythons_are_compared_to_the_level_that_ray_reads"),
    m("B8", "members of one disk start Ray together", "node/ray/turn.py",
      'holder.bind(f"\\0raycml-start-{address}")', "holder.fileno()",
      "tests/node/test_node_worker.py::test_members_of_one_disk_start_ray_one_after_the_other"),
    m("B8", "members of an old Ray cannot be told apart", "node/ray/gcs.py",
      'row.text("instance_id") or (state.instance_id if state else "")',
      'row.text("instance_id")',
      f"{VERSIONS}::test_an_old_rays_rows_are_joined_with_its_cluster_status"),
    m("B8", "a dashboard of an old Ray is asked without a name", "node/ports.py",
      'connection.request("GET", path, headers={"User-Agent": "raycml"})',
      'connection.request("GET", path)',
      f"{PARTS}::test_a_dashboard_that_asks_for_a_name_answers"),
    m("B8", "a Ray that raycml was not tried with passes", "core/spec/ray/versions.py",
      "elif numbers > NEWEST:", "elif not numbers:",
      f"{RANGE}::test_another_version_is_refused_with_the_range_and_a_remedy"),
    m("B8", "an option passes that Ray does not have", "core/spec/ray/versions.py",
      "if first is not None and _numbers(version) < first:", "if not key:",
      f"{RANGE}::test_an_option_is_refused_for_a_ray_that_does_not_have_it"),
]
CLOCKS = "tests/core/test_other_clocks.py"
TIMES = [
    m("B21", "a start in the future silences every report until then", "core/model/other_clocks.py",
      "start = credible(started, now, ahead_s=AHEAD_S)", "start = started",
      f"{CLOCKS}::test_a_platform_whose_clock_is_ahead_silences_no_report"),
    m("B21", "a launcher from the future is kept until then",
      "core/planner/files/cluster_folders.py",
      "since = min((time for time in times if time is not None), default=situation.now)",
      "since = file.modified_at or noticed or situation.now",
      f"{CLOCKS}::test_a_launcher_from_the_future_is_removed_an_hour_after_it_was_seen_unused"),
    m("B21", "a build that began in the future is waited for until then",
      "core/planner/python_environments/build.py",
      "begun = credible(run.created_at, past.now) or site.history.called_at or past.now",
      "begun = run.created_at or past.now",
      f"{CLOCKS}::test_a_run_from_the_future_is_waited_for_no_longer_than_another"),
]
PUBLIC = "tests/core/test_public_access.py"
ACCESS = [
    m("B11", "an application that a person opened to all stays open", "core/planner/member.py",

      'sign_in = _sign_in(cluster, member, app) if app.public else NOTHING',
      'sign_in = NOTHING',
      f"{PUBLIC}::test_a_sign_in_is_put_back_whatever_protects_the_member"),
    m("B18", "a sign-in that CML does not take is asked for in every pass", "core/model/history.py",
      "tries = member.sign_in_tries + 1", "tries = member.sign_in_tries",
      f"{PUBLIC}::test_what_cml_does_not_take_is_said_after_three_tries_and_holds_up_no_repair"),
]
GONE = "tests/core/test_cluster_folders.py"
FOLDERS = [
    m("B10", "the files of clusters that are gone are kept for ever",
      "core/planner/files/cluster_folders.py",

      'old = unused_for_s(folder, project, situation) >= situation.policy.environment_kept_s',
      'old = False', f"{GONE}::test_the_files_of_a_cluster_that_is_gone_go_after_a_day"),
    m("B20", "files of a cluster are removed on a torn list", "core/planner/files/cluster_folders.py",
      "if project in situation.observed.projects and situation.observed.projects[project].complete",
      "if project in situation.observed.projects", f"{GONE}::test_a_torn_list_or_a_pause_keeps_them"),
    m("B12", "files of another installation's cluster are removed",
      "core/planner/files/cluster_folders.py",
      "return cluster in (marked, launched)", "return cluster == launched",
      f"{GONE}::test_an_application_under_another_name_keeps_them"),
    m("B10", "temporary files of killed writers stay", "files/shared.py",
      "_sweep(handle, temporary)", "pass",
      "tests/files/test_files_shared.py::test_what_killed_writers_left_goes_with_the_next_write"),
]
# fmt: on

MUTANTS: list[Mutant] = [*FILES, *LISTS, *NODE, *MESH, *OLD_RAY, *TIMES, *ACCESS, *FOLDERS]
