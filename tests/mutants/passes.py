"""Faults of one call, project or cluster that reached further."""

from tests.mutants.mutant import Mutant, m

EXECUTE = "tests/test_execute.py"
ISOLATION = "tests/cli/test_cli_isolation.py"

BOUNDS = "tests/core/test_bounds.py"
PAUSES = "tests/core/test_pauses.py"
REFUSALS = "tests/core/test_refusals.py"

# fmt: off
MUTANTS: list[Mutant] = [
    m("B19", "one refused step ends every later pass of the process", "execute.py",
      "            refused.add(step)",
      "            refused.add(step)\n            run.stopped.set()",
      f"{ISOLATION}::test_one_refused_step_is_tried_again_and_stops_no_later_pass"),
    m("B22", "a refusal of one project ends the steps of all projects", "execute.py",
      "return step.project in self._projects or (", "return bool(self._projects) or (",
      f"{EXECUTE}::test_a_refused_project_ends_no_step_of_another_project"),
    m("B22", "refused files end steps that need no file", "execute.py",
      "(self._files if needs_files else self._projects).add(step.project)",
      "self._projects.add(step.project)",
      f"{EXECUTE}::test_refused_files_end_no_step_that_needs_no_file"),
    m("B22", "one project that refuses ends a one-shot command for all", "cli/convergence.py",
      "if refused and not _unfinished(done) - {o.step.project for o in refused}:", "if refused:",
      f"{ISOLATION}::test_a_one_shot_command_finishes_the_projects_that_let_it"),
    m("B22", "a refused plan refuses the steps of all clusters", "core/planner.py",
      "steps = tuple(step for step in steps if step.cluster not in refused)",
      "steps = tuple(step for step in steps if not refused)",
      f"{REFUSALS}::test_a_refused_cluster_loses_its_steps_and_no_other_does"),
    m("B22", "a refused cluster takes the steps with it that it shares", "core/planner.py",
      "made = _without(refused, total(drafts))", "made = total(drafts)",
      f"{REFUSALS}::test_a_refused_cluster_takes_no_shared_step_with_it"),
    m("B20", "a member is deleted in a project whose list is torn", "core/leaving.py",
      "if project is None or not project.complete:", "if project is None:",
      f"{REFUSALS}::test_what_left_for_another_project_waits_until_the_old_list_is_whole"),
    m("B22", "a project that cannot be looked up ends the pass", "cli/workspace.py",
      "        if not found:", "        if faults:",
      f"{ISOLATION}::test_a_project_that_cannot_be_looked_at_stops_no_other_project"),
    m("B22", "a project that cannot be listed ends the pass", "cli/workspace.py",
      "if faults and len(faults) == len(seen):", "if faults:",
      f"{ISOLATION}::test_a_project_that_cannot_be_looked_at_stops_no_other_project"),
    m("B19", "a project that may not be seen is waited for", "cli/workspace.py",
      "return refused or isinstance(error, errors.NotFound)",
      "return isinstance(error, errors.NotFound)",
      f"{ISOLATION}::test_a_one_shot_command_waits_for_no_project_that_may_not_be_seen"),
    m("B3", "the id of a project is kept when it is gone", "cli/workspace.py",
      "if found != project}", "if found}",
      f"{ISOLATION}::test_a_project_that_is_made_anew_under_its_name_is_found_again"),
    m("B12", "a pause holds for a cluster of that name in any project", "core/observed.py",
      "found = None if self.files is None else self.files.pauses.get((project, cluster))",
      "found = None if self.files is None else next("
      "(p for (_, c), p in self.files.pauses.items() if c == cluster), None)",
      f"{PAUSES}::test_a_pause_holds_for_its_cluster_in_its_own_project_alone"),
    m("B11", "a paused cluster loses its launchers", "core/launchers.py",
      "if cluster in paused or observed.pause(project, cluster) is not None:", "if False:",
      f"{PAUSES}::test_no_launcher_of_a_paused_cluster_is_removed"),
    m("B18", "restarts of a stale member have no budget", "core/lifecycle.py",
      'held = spent(view.past, seat.key, "still runs an older configuration after a restart")',
      "held = None",
      f"{BOUNDS}::test_no_kind_of_restart_goes_on_without_a_bound"),
    m("B18", "the list does not show what an update brought, and it is repeated", "core/seats.py",
      'if held := spent(view.past, seat.key, "differs again after an update"):', "if held := None:",
      f"{BOUNDS}::test_no_kind_of_restart_goes_on_without_a_bound"),
    m("B15", "a member that is restarted in vain counts as quiet", "core/planner.py",
      "if case.stale or case.joined is False}", "if False}",
      f"{BOUNDS}::test_no_kind_of_restart_goes_on_without_a_bound"),
    m("B11", "a PATCH sends the environment of the list", "execute.py",
      "fields = step.action.merged_into({} if app is None else app.environment)",
      "fields = dict(step.action.fields)",
      f"{EXECUTE}::test_an_update_keeps_the_variables_that_others_set_meanwhile"),
    m("B2", "a create whose answer was lost is repeated", "core/history.py",
      "case Create() if done or outcome.result is Result.UNKNOWN:", "case Create() if done:",
      f"{BOUNDS}::test_a_create_that_may_have_happened_is_looked_for_as_long_as_lists_may_lag"),
    m("B22", "all applications are walked for each cluster", "core/observed.py",
      "if owner not in self._indexes:", "if True:",
      f"{BOUNDS}::test_the_work_of_a_pass_grows_as_the_number_of_clusters_does"),
]
# fmt: on
