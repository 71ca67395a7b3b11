"""Faults in names that are resolved to ids."""

from tests.mutants.mutant import Mutant, m

PLACED = "tests/cli/test_cli_placement.py"
RUNTIMES = "tests/cli/test_cli_runtimes.py"
CORE = "tests/core/test_placement.py"

# fmt: off
MUTANTS: list[Mutant] = [
    m("B5", "an accelerator that the workspace does not have is not asked for, and it starts anywhere",
      "core/planner/creation.py",
      "    if resolved.problem:\n        return unresolved(match.key, resolved)\n    return gate",
      "    return gate",
      f"{PLACED}::test_an_unknown_accelerator_creates_nothing_and_says_what_there_is"),
    m("B5", "a configuration without an id is no broken law", "core/audit/laws.py",
      "        if missing:\n            yield step, f\"{step.name} of {step.key} without",
      "        if False:\n            yield step, f\"{step.name} of {step.key} without",
      "tests/core/test_audit.py::test_nothing_is_configured_while_a_name_has_no_id"),
    m("B11", "an accelerator that was changed in CML is no drift", "core/situation/drift.py",
      "    if shown is None or shown == wants:", "    if True:",
      f"{PLACED}::test_an_accelerator_that_somebody_changed_is_set_again"),
    m("B3", "an update looks up again what the application has", "core/situation/resolution.py",
      "    record = kept(match.record, names)\n", "    record = kept({}, names)\n",
      f"{PLACED}::test_an_update_of_something_else_keeps_the_ids_and_needs_no_list"),
    m("B5", "a new member runs the newest runtime beside older ones", "core/situation/resolution.py",
      "        if name == str(choice) and usable:", "        if False:",
      f"{RUNTIMES}::test_a_newer_runtime_restarts_nothing_and_new_members_run_what_the_others_run"),
    m("B9", "an id that CML keeps after the spec gave it up is forgotten",
      "core/spec/placement/kinds.py",
      "    dropped = record.keys() - names.keys() - {RUNTIME}", "    dropped = set[str]()",
      f"{PLACED}::test_an_accelerator_is_given_up_also_where_cml_ignores_zero"),
    m("B7", "versions are compared as text", "core/model/offers.py",
      'numbers = [int(part) for part in re.findall(r"[0-9]{1,9}", self.version)]',
      'numbers = re.findall(r"[0-9]{1,9}", self.version)',
      f"{CORE}::test_the_newest_version_is_chosen_by_its_numbers"),
    m("B7", "an empty placement counts in the fingerprint", "core/spec/fingerprint.py",
      '**({"placement": given} if given else {}),', '"placement": given,',
      "tests/core/test_names_and_fingerprints.py"),
    m("B5", "a list that fails for a moment waits for a person", "workspace/offers.py",
      "is_lasting=not brief", "is_lasting=True",
      f"{PLACED}::test_a_list_that_fails_for_minutes_delays_the_member_only"),
    m("B5", "images of specs are registered at every workspace", "workspace/workspace.py",
      "        if self.registers:\n", "        if True:\n",
      "tests/cli/test_cli_local.py"
      "::test_the_local_emulator_gets_the_images_that_specs_name_and_no_other_workspace_does"),
]
