"""Adoptions that change what a person wanted to keep."""

from tests.mutants.mutant import m

ADOPTION = "tests/core/test_adoption.py"
SEED = "tests/cli/test_cli_adopt_seed.py"

# fmt: off
MUTANTS = [
    m("B11", "an adopted cluster is updated at once", "core/situation/cluster.py",
      "    if runs_as_adopted(matching.matches):", "    if False:",
      f"{ADOPTION}::"
      "test_a_cluster_that_was_adopted_as_it_is_has_an_empty_plan_whatever_it_runs"),
    m("B11", "an adopted cluster is kept whatever its spec says", "core/situation/drift.py",
      "return bool(mark.kept) and mark.kept ==", "return bool(mark.kept) or mark.kept ==",
      f"{ADOPTION}::test_any_change_of_the_spec_updates_every_member_that_was_kept"),
    m("B11", "a worker of raycml is created beside an adopted head", "core/planner/member.py",
      "_beside_adopted(member) if cluster.kept else _absent(cluster, member)",
      "_absent(cluster, member)",
      f"{ADOPTION}::test_a_member_that_is_missing_beside_an_adopted_head_waits_for_a_person"),
    m("B11", "an adopted member that is down is rewritten", "core/planner/restart.py",
      "    if cluster.lacks_launcher(app.script) and not member.kept:",
      "    if cluster.lacks_launcher(app.script):",
      f"{SEED}::test_a_member_that_fails_while_it_is_kept_is_started_again_as_it_is"),
    m("B11", "the word that keeps an application outlives its update", "core/situation/drift.py",
      "ENVIRONMENT, KEPT, RESOLVED, SUBDOMAIN})", "ENVIRONMENT, RESOLVED, SUBDOMAIN})",
      f"{ADOPTION}::test_an_update_of_a_kept_member_takes_the_word_off"),
    m("B12", "workers numbered by a time are members in any order", "adoption/proposal.py",
      "key=lambda each: (each.group, each.number, each.app.id)",
      "key=lambda each: (each.group, -each.number, each.app.id)",
      f"{ADOPTION}::"
      "test_workers_that_are_numbered_by_a_time_are_members_in_the_order_of_their_numbers"),
    m("B11", "a preview writes", "cli/commands/ownership/adopt.py",
      "        if dry_run:", "        if False:",
      f"{SEED}::test_the_cluster_of_a_launch_script_from_preview_to_release"),
]
