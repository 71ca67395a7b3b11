"""Faults that only the production composition shows, each with a short simulated history."""

from tests.mutants.mutant import Mutant, m

COMPOSITION = "tests/simulation/test_composition.py"

# fmt: off
MUTANTS: list[Mutant] = [
    m("B19", "one refused call is held against a process for ever", "execute.py",
      "            refused.add(step)",
      "            refused.add(step)\n            run.stopped.set()",
      f"{COMPOSITION}::test_one_answer_to_one_write_stops_nothing_for_good[FORBIDDEN]"),
    m("B22", "a name that cannot be looked up stops all projects", "workspace/workspace.py",
      "        if not found:", "        if faults:",
      f"{COMPOSITION}::test_a_name_that_cannot_be_looked_up_delays_no_cluster_elsewhere"
      "[Fault.FORBIDDEN]"),
    m("B22", "a list that is refused stops all projects", "workspace/workspace.py",
      "if faults and len(faults) == len(seen):", "if faults:",
      f"{COMPOSITION}::test_a_project_that_fails_delays_no_cluster_of_another"
      "[Fault.FORBIDDEN-lists]"),
    m("B20", "what left for another project is deleted by half a list", "core/planner/removal.py",
      "if project is None or not project.complete:", "if project is None:",
      f"{COMPOSITION}::test_a_member_that_moves_out_of_a_torn_project_holds_up_no_other"),
    m("B1", "a pause is away while it is written anew", "files/api.py",
      "self._upload(kept_path(path), there)", "pass",
      f"{COMPOSITION}::test_a_pause_that_is_written_anew_is_there_all_the_time"),
    m("B22", "a full disk stops every repair", "workspace/session.py",
      "            self.log.warning(\"lease not written\", error=str(error))\n            return",
      "            raise Fault(str(error), kind=\"Files\") from None",
      f"{COMPOSITION}::test_a_full_disk_stops_no_repair[home]"),
    m("B13", "the lease of a killed command blocks the next one", "run/convergence.py",
      "        await_lease(self.session, self.deadline,", "        raise fault\n        _ = (",
      f"{COMPOSITION}::test_a_command_outwaits_the_lease_of_one_that_was_killed"),
    m("B14", "a file that was cut deletes its cluster", "source/yaml/parser.py",
      "    if last_is_empty:\n", "    if False:\n",
      f"{COMPOSITION}::test_a_file_that_was_cut_deletes_nothing[emptied]"),
    m("B12", "a pause of one project ends that of another", "core/model/observed.py",
      "found = None if self.pauses is None else self.pauses.found.get((project, cluster))",
      "found = None if self.pauses is None else next((p for (_, c), p in sorted("
      "self.pauses.found.items(), key=lambda each: each[0][0] == project) if c == cluster), None)",
      f"{COMPOSITION}::test_a_pause_that_is_over_elsewhere_ends_no_pause"),
    m("B18", "a node with a wrong label is restarted for ever", "core/planner/restart.py",
      'waits = spent(cluster.past, match.key, "still runs an older configuration after a restart")',
      "waits = None",
      f"{COMPOSITION}::test_a_mark_that_never_agrees_costs_a_bounded_number_of_restarts"),
    m("B11", "an update drops what a person set after the list", "execute.py",
      "fields = action.merged_into({} if app is None else app.environment)",
      "fields = dict(step.action.fields)",
      f"{COMPOSITION}::test_what_a_person_set_meanwhile_outlives_an_update"),
    m("B2", "a create is sent again before a list had to show it", "core/model/history.py",
      "case Create() | CreateProject() if done or outcome.result is Result.UNKNOWN:",
      "case Create() | CreateProject() if done:",
      f"{COMPOSITION}::test_a_create_whose_answer_was_lost_is_looked_for[Fault.LOST_ANSWER]"),
    m("B10", "a cluster that left is forgotten while its project is away", "run/follow.py",
      "over |= self._absent.of(absent_places(self.record, seen), now)",
      "over |= absent_places(self.record, seen)",
      f"{COMPOSITION}::test_a_cluster_that_left_is_not_forgotten_while_its_project_is_away"),
    m("B10", "a cluster whose spec moved runs on in its old project", "core/model/record.py",
      "        if found:\n            places[name] = tuple(sorted(found))",
      "        if False:\n            places[name] = tuple(sorted(found))",
      f"{COMPOSITION}::test_a_cluster_whose_spec_moves_leaves_its_old_project"),
    m("B22", "a project that never answers takes the time of all", "cml/limit.py",
      "silent = self._silence.get(project, 0.0) >= SILENCE_S", "silent = False",
      f"{COMPOSITION}::test_files_that_never_answer_leave_time_for_other_projects"),
    m("B13", "a long pass loses the lease", "workspace/session.py",
      "with system.repeat(lease.renew, _BEAT_S):", "with system.repeat(lambda: None, _BEAT_S):",
      f"{COMPOSITION}::test_two_controllers_never_lead_at_once"),
]
# fmt: on
