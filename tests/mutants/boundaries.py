"""Boundaries: between clusters with similar names, and between what is at fault and the rest."""

from tests.mutants.mutant import Mutant, m

GONE = "tests/core/test_cluster_folders.py"
ISOLATION = "tests/cli/test_cli_isolation.py"
BUILT = "tests/core/test_environments.py"
EXECUTE = "tests/test_execute.py"
PLANNER = "tests/core/test_planner.py"

# fmt: off
FOLDERS = [
    m("B12", "a cluster keeps the files of one whose name begins its own",
      "core/cluster_folders.py",
      "return cluster in (marked, launched)",
      'return app.subdomain.startswith(f"ray-{cluster}-") or cluster in (marked, launched)',
      f"{GONE}::test_every_pair_of_similar_clusters_keeps_its_own_files"),
    m("B12", "any name that begins like a cluster's is a member's", "core/member.py",
      'return tail == HEAD or parse_member("/".join(tail.rsplit("-", 1))) is not None',
      "return bool(tail)", f"{GONE}::test_a_cluster_with_a_similar_name_keeps_nothing"),
    m("B12", "the law takes a part of any path for a cluster", "core/audit_files.py",
      '".raycml/launchers/{name}/" in app.script', '"/{name}/" in app.script',
      f"{GONE}::test_a_cluster_named_like_a_part_of_a_path_leaves_its_files"),
    m("B10", "a cluster that moved keeps its files in the old project", "core/cluster_folders.py",
      "if (project, folder.cluster) not in held",
      "if folder.cluster not in {c for _, c in held}",
      f"{GONE}::test_a_cluster_that_moved_leaves_no_files_behind"),
]
JOBS = [
    m("B22", "jobs that cannot be listed hide the environments that are there",
      "cli/look_environments.py",
      """            jobs = self._listed()
        except (CmlError, Fault) as error:
""", """            jobs = self._listed()
        except ZeroDivisionError as error:
""", f"{ISOLATION}::test_jobs_that_fail_hold_up_only_what_needs_an_environment"
      "[list of jobs-500]"),
    m("B22", "runs that cannot be listed hide the environments that are there",
      "cli/look_environments.py",
      "        except (CmlError, Fault) as error:\n            return _unknown(",
      "        except ZeroDivisionError as error:\n            return _unknown(",
      f"{ISOLATION}::test_jobs_that_fail_hold_up_only_what_needs_an_environment[runs-500]"),
    m("B20", "a job is made where there may be one", "core/building.py",
      "    if not site.seen.unknown:\n        return None", "    return None",
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
      "core/unused_environments.py",
      "if is_environment(place) and (place in unknown or not observed.is_complete(place[0]))",
      "if False",
      f"{BUILT}::test_jobs_that_cannot_be_looked_at_keep_what_is_there_and_what_was_known_of_it"),
]
QUOTA = [
    m("B9", "an update that no quota was left for is never tried again", "core/seats.py",
      "    if refusal.fault != QUOTA:", "    if True:",
      f"{PLANNER}::test_an_update_that_no_quota_was_left_for_is_tried_ever_less_often"),
    m("B18", "a member that serves is stopped every few minutes for a refused update",
      "core/seats.py", "slow_s if is_up(case.phase) else quick_s", "quick_s",
      f"{PLANNER}::test_an_update_that_no_quota_was_left_for_is_tried_ever_less_often"),
    m("B18", "a member is stopped for a refused update as often after ten times as after one",
      "core/history.py", "known.update_stops + (step.reason is Reason.OUTDATED)", "0",
      "tests/core/test_history.py::test_stops_for_an_update_are_counted_until_one_is_taken"),
    m("B18", "an update that was refused is sent in each pass where a launcher is gone",
      "core/gates.py",
      'refusal = known.refused_update if action == "update" else known.refusal',
      "refusal = known.refusal",
      f"{PLANNER}::test_a_lost_launcher_does_not_lead_to_a_storm_of_refused_updates"),
    m("B18", "a refused start hides a refused update", "core/history.py",
      "return replace(known, refused_update=_refusal(before, known.fingerprint, outcome, now))",
      "return replace(known, refused_update=_refusal(known.refusal, known.fingerprint, outcome, "
      "now))", "tests/core/test_history.py::"
      "test_a_refused_start_is_remembered_beside_a_refused_update"),
    m("B6", "a group waits in vain for a member whose update was refused", "core/seats.py",
      "        if other.available and refusal is not None:", "        if False:",
      f"{PLANNER}::test_no_member_is_stopped_for_a_change_that_was_refused_to_another_of_its_group"),
]
# fmt: on

MUTANTS: list[Mutant] = [*FOLDERS, *JOBS, *QUOTA]
