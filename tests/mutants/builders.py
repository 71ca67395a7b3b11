"""Faults in what builds Python environments, where jobs do not run or run already."""

from tests.mutants.mutant import Mutant, m

APPLICATIONS = "tests/core/test_environment_applications.py"
LAWS = "tests/core/test_audit_environments.py"
ENVIRONMENTS = "core/planner/python_environments"

# fmt: off
MUTANTS: list[Mutant] = [
    m("B22", "a run that was skipped beside another hides what became of that", "core/model/jobs.py",
      "    if skipped is not None and last is not None and _overlap(last, skipped):", "    if False:",
      "tests/core/test_environments.py"
      "::test_a_run_that_was_skipped_beside_another_is_no_failure_of_its_own"),
    m("B22", "no application builds where jobs are skipped", f"{ENVIRONMENTS}/application.py",
      "return site.application is not None or site.observed.skipped is not None",
      "return site.application is not None",
      f"{APPLICATIONS}::test_an_application_builds_where_cml_skipped_the_job"),
    m("B2", "an application whose answer was lost is created again",
      f"{ENVIRONMENTS}/application.py",
      "    if lag and not history.failures:", "    if False:",
      f"{APPLICATIONS}::test_a_call_that_does_not_show_yet_is_not_repeated"),
    m("B18", "a failed build by an application is tried in every pass",
      f"{ENVIRONMENTS}/application.py",
      "    if history.failed_at and (until :=", "    if None and (until :=",
      f"{APPLICATIONS}"
      "::test_a_build_that_failed_says_so_deletes_the_application_and_is_tried_again_later"),
    m("B10", "an application of another owner is deleted", "core/model/jobs.py",
      "return digest if mark and carried == mark and mark[SUBDOMAIN] == subdomain else \"\"",
      "return digest",
      f"{APPLICATIONS}::test_what_is_not_this_owners_application_is_left_alone"),
    m("B10", "a spec that cannot be read loses what builds for it", f"{ENVIRONMENTS}/cleanup.py",
      "    if needed or not _is_understood(situation) or", "    if needed or",
      f"{APPLICATIONS}"
      "::test_an_application_goes_when_nothing_asks_for_its_environment_any_more"),
    m("B22", "a paused cluster loses what builds for it", f"{ENVIRONMENTS}/cleanup.py",
      "    if asking and all(cluster.paused for cluster in asking):", "    if False:",
      f"{APPLICATIONS}::test_a_paused_cluster_neither_builds_nor_loses_what_builds"),
    m("B10", "an environment goes while an application builds it", f"{ENVIRONMENTS}/cleanup.py",
      "        if (project, digest) not in situation.index.builders\n", "",
      f"{APPLICATIONS}::test_no_environment_is_removed_while_an_application_builds_it"),
    m("B3", "no law forbids a second application", "core/audit/environments.py",
      "        if place in created or asked.subdomain in names:", "        if False:",
      f"{LAWS}::test_an_application_that_builds_is_created_once_and_only_with_the_mark"),
    m("B22", "an application that builds does not answer", "node/builder/build.py",
      "    do = build_and_answer if is_application(os.environ) else build", "    do = build",
      "tests/node/test_builder.py"
      "::test_an_application_answers_while_it_builds_and_until_it_is_deleted"),
    m("B22", "a run that is active already is a refusal", "workspace/workspace.py",
      "                if not is_already_active(error):\n", "                if True:\n",
      "tests/cli/test_cli_environment_applications.py"
      "::test_a_refusal_that_says_that_a_run_is_active_is_no_refusal_of_the_job[refused-True]"),
    m("B22", "what built the environment stays", "reconcile.py",
      " or has_builders(situation)", "",
      "tests/cli/test_cli_environment_applications.py"
      "::test_an_application_that_is_left_beside_a_converged_cluster_is_deleted"),
]
# fmt: on
