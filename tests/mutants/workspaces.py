"""Bugs in how the controller copes with workspaces whose API differs from the documented one."""

from tests.mutants.mutant import Mutant, m

UPLOADS = "tests/files/test_files_uploads.py"
RESTARTS = "tests/simulation/test_restarts.py"
QUOTA = "tests/cli/test_cli_quota.py"
DOCTOR = "tests/cli/test_cli_doctor.py"
KEYS = "tests/cli/test_cli_keys.py"

# fmt: off
MUTANTS: list[Mutant] = [
    m("B5", "a file that landed in the home is not uploaded again", "files/api.py",
      "        if not strays and not self._is_unserved(fault):\n", "        if True:\n",
      f"{UPLOADS}::test_a_file_that_a_post_left_in_the_home_is_uploaded_by_put_and_removed_there"),
    m("B10", "a file that landed in the home stays there", "files/api.py",
      "                self._delete(stray)\n", "                pass\n",
      f"{UPLOADS}::test_a_file_that_a_post_left_in_the_home_is_uploaded_by_put_and_removed_there"),
    m("B22", "a user's file in the home is taken for an upload", "files/api.py",
      "new = [other for other in sizes if other not in before]", "new = [*sizes]",
      f"{UPLOADS}::test_a_file_of_a_user_in_the_home_stays_whatever_it_contains[one]"),
    m("B22", "a file of the name is taken for an upload whatever it contains", "files/api.py",
      "return [other for other in same if self._download(other) == data]", "return same",
      f"{UPLOADS}::test_a_new_file_of_the_name_with_other_content_stays"),
    m("B5", "a restart that was refused for a state is given up", "core/model/history.py",
      "    if app is None or outcome.fault is not FaultKind.NOT_LIVE:\n", "    if True:\n",
      f"{RESTARTS}::test_a_failed_member_is_stopped_before_it_is_deleted"),
    m("B6", "a failed application is deleted where a stop suffices", "core/planner/starts.py",
      "        return Start.STOP\n", "        return Start.REPLACE\n",
      f"{RESTARTS}::test_a_failed_member_is_stopped_before_it_is_deleted"),
    m("B22", "a protected cluster loses an application to a restart", "core/planner/protection.py",
      '    if not cluster.desired.protected:\n        return None\n    message = (\n',
      '    if True:\n        return None\n    message = (\n',
      f"{RESTARTS}::test_a_protected_cluster_loses_no_application_and_says_what_to_do"),
    m("B18", "applications made anew count as no restarts", "core/model/history.py",
      "        case Delete() if done and reason in (Reason.DOWN, Reason.RESUMED):\n",
      "        case Delete() if done and reason is Reason.MOVED:\n",
      f"{RESTARTS}::test_a_crash_loop_is_as_bounded_as_with_restarts"),
    m("B3", "what runs again is deleted by a list that lags", "execute.py",
      "_OF_WHAT_IS_DOWN = frozenset({Reason.DOWN, Reason.RESUMED})",
      "_OF_WHAT_IS_DOWN = frozenset({Reason.MOVED})",
      f"{RESTARTS}::test_a_list_that_lags_deletes_nothing_that_runs"),
    m("B5", "every refusal of a restart is one for the state", "workspace/faults.py",
      "return of_restart and bool(_RUNS.search(message)) and not any(w in message for w in _OTHERS)",
      "return of_restart",
      f"{RESTARTS}::test_every_other_refusal_of_a_restart_still_waits_for_a_person"),
    m("B19", "a malformed key is a fault of the network", "cml/classify.py",
      "    malformed = _NO_KEY in words.lower()\n", "    malformed = False\n",
      f"{KEYS}::test_doctor_blames_the_key_and_nothing_else"),
    m("B19", "a controller starts with what is no key", "cli/commands/run.py",
      "        if isinstance(error, Unauthorized) and error.malformed:\n", "        if False:\n",
      f"{KEYS}::test_a_malformed_key_ends_every_command_with_the_keys_message[500 as JSON-run specs]"),
    m("B5", "a quota is taken for a name", "workspace/faults.py",
      "    if _QUOTA.search(message) or (conflict and any(word in message for word in _USED_UP)):\n",
      "    if False:\n",
      f"{QUOTA}::test_a_conflict_is_a_name_only_if_it_says_so"),
    m("B18", "a build without quota fails for ten minutes", "core/planner/python_environments/site.py",
      "        pause = quota_pause_s(history.failures)\n", "        pause = past.policy.resync_s\n",
      f"{QUOTA}::test_a_build_beyond_the_quota_is_retried_within_minutes"),
    m("B19", "a key of an application is not seen", "doctor/checks/project.py",
      "places[f\"application {app.name}\"] = frozenset(own)", "del own",
      f"{DOCTOR}::test_a_planted_fault_is_found"),
]
# fmt: on
