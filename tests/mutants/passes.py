"""Faults of one call, project or cluster that reached further."""

from tests.mutants.mutant import Mutant, m

EXECUTE = "tests/test_execute.py"
ISOLATION = "tests/cli/test_cli_isolation.py"

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
]
# fmt: on
