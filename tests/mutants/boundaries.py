"""Boundaries: between clusters with similar names, and between what is at fault and the rest."""

from tests.mutants.mutant import Mutant, m

GONE = "tests/core/test_cluster_folders.py"
ISOLATION = "tests/cli/test_cli_isolation.py"
BUILT = "tests/core/test_environments.py"
EXECUTE = "tests/test_execute.py"
PLANNER = "tests/core/test_planner.py"
HEAD_CLOCK = "tests/core/test_head_clock.py"
SWEEPING = "tests/cli/test_cli_sweeping.py"

# fmt: off
FOLDERS = [
    m("B12", "a cluster keeps the files of one whose name begins its own",
      "core/planner/files/cluster_folders.py",
      "return cluster in (marked, launched)",
      'return app.subdomain.startswith(f"ray-{cluster}-") or cluster in (marked, launched)',
      f"{GONE}::test_every_pair_of_similar_clusters_keeps_its_own_files"),
    m("B12", "any name that begins like a cluster's is a member's", "core/model/member.py",
      'return tail == HEAD or parse_member("/".join(tail.rsplit("-", 1))) is not None',
      "return bool(tail)", f"{GONE}::test_a_cluster_with_a_similar_name_keeps_nothing"),
    m("B12", "the law takes a part of any path for a cluster", "core/audit/files.py",
      '".raycml/launchers/{name}/" in app.script', '"/{name}/" in app.script',
      f"{GONE}::test_a_cluster_named_like_a_part_of_a_path_leaves_its_files"),
    m("B10", "a cluster that moved keeps its files in the old project",
      "core/planner/files/cluster_folders.py",
      "if (project, folder.cluster) not in declared",
      "if folder.cluster not in {c for _, c in declared}",
      f"{GONE}::test_a_cluster_that_moved_leaves_no_files_behind"),
]
JOBS = [
    m("B22", "jobs that cannot be listed hide the environments that are there",
      "workspace/environments.py",
      """            jobs = self._listed()
        except (CmlError, Fault) as error:
""", """            jobs = self._listed()
        except ZeroDivisionError as error:
""", f"{ISOLATION}::test_jobs_that_fail_hold_up_only_what_needs_an_environment"
      "[list of jobs-500]"),
    m("B22", "runs that cannot be listed hide the environments that are there",
      "workspace/environments.py",
      "        except (CmlError, Fault) as error:\n            return _unknown(",
      "        except ZeroDivisionError as error:\n            return _unknown(",
      f"{ISOLATION}::test_jobs_that_fail_hold_up_only_what_needs_an_environment[runs-500]"),
    m("B20", "a job is made where there may be one", "core/planner/python_environments/build.py",
      "    if not site.observed.unknown:\n        return None", "    return None",
      f"{BUILT}::test_an_environment_that_cannot_be_looked_at_is_neither_built_nor_entered"),
    m("B22", "a refused job ends the repairs of its project", "execute.py",
      'return "jobs" if isinstance(step.action, OfEnvironment) else "applications"',
      'return "applications"', f"{EXECUTE}::test_refused_jobs_end_no_step_about_an_application"),
    m("B22", "jobs that hang use up the calls of their project", "cml/transport.py",
      "self.limit.waited(request.project, took_s, jobs=request.is_of_jobs)",
      "self.limit.waited(request.project, took_s)",
      f"{ISOLATION}::test_jobs_that_fail_hold_up_only_what_needs_an_environment"
      "[all jobs calls-hangs]"),
    m("B10", "an environment that could not be looked at is forgotten",
      "core/planner/python_environments/cleanup.py",

      '        if is_environment(place)\n        and (place in unknown or not situation.observed.is_complete(place[0]))\n',
      '        if False\n',
      f"{BUILT}::test_jobs_that_cannot_be_looked_at_keep_what_is_there_and_what_was_known_of_it"),
]
QUOTA = [
    m("B9", "an update that no quota was left for is never tried again", "core/planner/update.py",
      "    if refusal.fault is not FaultKind.QUOTA_EXCEEDED:", "    if True:",
      f"{PLANNER}::test_an_update_that_no_quota_was_left_for_is_tried_ever_less_often"),
    m("B18", "a member that serves is stopped every few minutes for a refused update",
      "core/planner/update.py", "slow_s if is_up(member.phase) else quick_s", "quick_s",
      f"{PLANNER}::test_an_update_that_no_quota_was_left_for_is_tried_ever_less_often"),
    m("B18", "a member is stopped for a refused update as often after ten times as after one",
      "core/model/history.py", "member.update_stops + (reason is Reason.OUTDATED)", "0",
      "tests/core/test_history.py::test_stops_for_an_update_are_counted_until_one_is_taken"),
    m("B18", "an update that was refused is sent in each pass where a launcher is gone",
      "core/planner/retries.py",
      'refusal = history.refused_update if action == "update" else history.refusal',
      "refusal = history.refusal",
      f"{PLANNER}::test_a_lost_launcher_does_not_lead_to_a_storm_of_refused_updates"),
    m("B18", "a refused start hides a refused update", "core/model/history.py",
      "return replace(member, refused_update=_refusal(before, member.fingerprint, outcome, now))",
      "return replace(member, refused_update=_refusal(member.refusal, member.fingerprint, outcome, "
      "now))", "tests/core/test_history.py::"
      "test_a_refused_start_is_remembered_beside_a_refused_update"),
    m("B6", "a group waits in vain for a member whose update was refused", "core/planner/rollout.py",

      '    if other is None:\n',
      '    if True:\n',
      f"{PLANNER}::test_no_member_is_stopped_for_a_change_that_was_refused_to_another_of_its_group"),
]
OLD_RECORDS = [
    m("B10", "the record of an old source is kept for ever", "files/old_records.py",
      "return monotonic - before[1] >= (KEPT_S if unknown else SEEN_S)", "return False",
      f"{SWEEPING}::test_inside_a_project_the_times_of_files_and_a_day_unchanged_decide"),
    m("B12", "the record of another installation is removed", "files/old_records.py",
      "elif record.revision and record_folder(owner, record.origin) == folder:",
      "elif record.revision:",
      f"{SWEEPING}::test_inside_a_project_the_times_of_files_and_a_day_unchanged_decide"),
    m("B21", "a clock that is ahead for a while removes a record", "files/old_records.py",
      "if not unknown and any(age is None or age < KEPT_S for age in ages):", "if False:",
      f"{SWEEPING}::test_a_record_of_last_week_stays_whatever_a_clock_says_for_a_while"),
    m("B1", "a removal that was killed leaves parts for ever", "files/old_records.py",
      "if not any(_STATE.fullmatch(one.name) for one in stored):", "if False:",
      f"{SWEEPING}::test_what_a_removal_left_that_was_killed_goes_too"),
    m("B13", "a record that was written since the look is removed", "files/old_records.py",
      "if _stamp(stored) != self._since[folder][0]:", "if False:",
      f"{SWEEPING}::test_a_record_that_was_written_since_the_look_is_not_removed"),
    m("B20", "a record is removed on a torn list", "run/old_sources.py",
      " or not listing.complete", "",
      "tests/core/test_old_sources.py::"
      "test_a_record_is_over_where_complete_lists_show_nothing_of_it"),
    m("B4", "a record is removed whose cluster runs", "run/old_sources.py",
      " or is_alive(name, listing):", ":",
      "tests/core/test_old_sources.py::"
      "test_a_record_is_over_where_complete_lists_show_nothing_of_it"),
]
CLOCKS = [
    m("B21", "a head whose clock is off is never believed", "workspace/head_clock.py",
      "if behind_s is None or abs(behind_s) <= IN_STEP_S:", "if True:",
      f"{HEAD_CLOCK}::test_a_head_whose_clock_is_off_is_believed_from_the_second_look_on"),
    m("B3", "an old report whose time is off is believed unseen", "workspace/head_clock.py",
      "return HeadClock(report.incarnation, report.observed_at, monotonic, sample)",
      "return HeadClock(report.incarnation, report.observed_at, monotonic, sample, sample)",
      f"{HEAD_CLOCK}::test_a_report_that_never_changes_is_never_believed"),
    m("B21", "a head whose clock was set is never believed again", "workspace/head_clock.py",
      "least = before.least_s if sample - before.least_s <= apart_s else sample",
      "least = before.least_s", f"{HEAD_CLOCK}::test_a_clock_that_is_set_costs_two_looks"),
    m("B3", "the clock of an incarnation that ended is taken for the next one's",
      "workspace/head_clock.py",
      "if before is None or before.incarnation != report.incarnation:", "if before is None:",
      f"{HEAD_CLOCK}::test_a_new_incarnation_begins_anew_and_clocks_in_step_change_nothing"),
]
# fmt: on

MUTANTS: list[Mutant] = [*FOLDERS, *JOBS, *QUOTA, *OLD_RECORDS, *CLOCKS]
