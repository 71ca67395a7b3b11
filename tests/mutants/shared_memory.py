"""Faults in the shared memory of projects, in garbled settings and in jobs that run already."""

from tests.mutants.mutant import Mutant, m

SHARED = "tests/core/test_shared_memory.py"
CLI = "tests/cli/test_cli_shared_memory.py"

# fmt: off
MUTANTS: list[Mutant] = [
    m("B22", "shared memory is lowered", "core/planner/projects/shared_memory.py",
      "    if limit is None or limit >= need.limit_mb:", "    if limit is None or limit == need.limit_mb:",
      f"{SHARED}::test_it_is_never_lowered_and_unknown_is_not_low"),
    m("B22", "a limit that CML refuses is tried in every pass", "core/planner/projects/shared_memory.py",
      "    if past.denied_mb >= need.limit_mb:", "    if False:",
      f"{SHARED}::test_where_it_cannot_be_raised_that_is_a_note_and_nothing_else_stops"),
    m("B22", "members come before their shared memory", "execute.py",
      "        if isinstance(step.action, Create) and step.project in self.projects:",
      "        if False:",
      f"{CLI}::test_a_limit_that_fails_for_a_moment_holds_the_creates_for_one_pass"),
    m("B22", "no law forbids a lower limit", "core/audit/setup.py",
      "        if limit is None or step.action.limit_mb <= limit or step.project in raised:",
      "        if False:",
      f"{SHARED}::test_a_step_that_lowers_or_is_made_twice_or_is_not_wanted_breaks_a_law"),
    m("B22", "a capped store is not noticed", "core/planner/projects/shared_memory.py",
      "m.report is not None and m.report.is_capped for m in cluster.members", "False for _ in ()",
      f"{SHARED}::test_the_limit_is_read_before_pods_start_and_where_a_store_is_capped"),
    m("B20", "a limit that is not allowed ends the pass", "workspace/workspace.py",
      "                if error.status != _FORBIDDEN:\n", "                if True:\n",
      f"{CLI}::test_where_it_cannot_be_raised_that_is_said_and_the_cluster_comes"
      "[refused-not allowed for this]"),
    m("B22", "a browser's event is a setting", "settings.py",
      "return text.startswith('{\"isTrusted\"') or text == \"[objectObject]\"", "return False",
      "tests/cli/test_settings.py"
      "::test_a_value_that_a_form_stored_in_place_of_its_text_is_named_and_never_shown"),
]
# fmt: on
