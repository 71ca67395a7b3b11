"""States that are reported otherwise than they are."""

from tests.mutants.mutant import m

STATUS = "tests/cli/test_cli_status.py"
OFFERS = "tests/cli/test_cli_offers.py"

# fmt: off
MUTANTS = [
    m("B3", "status looks only at the specs here", "cli/status_basis.py",
      "        records = records_of(files, owner)\n", "        records = ()\n",
      f"{STATUS}::test_what_a_controller_follows_needs_no_spec_at_hand"),
    m("B6", "a cluster without a spec at hand has no member that is ready", "cli/status_judged.py",
      "        if cluster.name not in declared:\n", "        if False:\n",
      f"{STATUS}::test_a_cluster_that_no_spec_and_no_record_declares_runs_and_is_not_compared"),
    m("B6", "a comparison says that something reconciles", "cli/status_judged.py",
      "clusters.append(compared_only(cluster))", "clusters.append(cluster)",
      f"{STATUS}::test_a_comparison_that_nothing_acts_on_does_not_say_reconciling"),
    m("B7", "a broken spec hides every cluster", "cli/status.py",
      "        self._say(*map(str, chosen.revision.problems), *chosen.remarks)\n",
      "        if self.broken:\n            raise ValueError(chosen.revision.problems)\n",
      f"{STATUS}::test_a_broken_spec_hides_nothing"),
    m("B11", "another project is looked at as if its clusters were strangers", "cli/status.py",
      "session = opened if project is None else as_owner_there(screen, opened)",
      "session = opened",
      f"{STATUS}::test_another_project_is_seen_as_its_own_controller_sees_it"),
    m("B11", "what another installation owns is taken for edited by hand", "core/lifecycle.py",
      "    if mark is not None:\n        return (\n", "    if False:\n        return (\n",
      f"{STATUS}::test_an_application_of_another_installation_is_named_as_that"),
    m("B5", "an application is stopped for an image that CML then refuses", "core/seats.py",
      "    if said := _not_offered(view, case):\n",
      "    if (said := _not_offered(view, case)) and False:\n",
      f"{OFFERS}::test_a_typo_in_an_image_stops_nothing"),
    m("B5", "a catalogue without entries is believed", "core/offers.py",
      "    if not known:\n", "    if known is None:\n",
      f"{OFFERS}::test_a_catalogue_that_cannot_be_read_stops_nothing"),
    m("B22", "nodes that must agree are stopped for one that cannot follow", "core/seats.py",
      "others = view.cases if case.drift.whole_cluster else ()", "others: tuple[Case, ...] = ()",
      f"{OFFERS}::test_nodes_that_must_agree_wait_for_the_one_that_cannot_follow"),
    m("B20", "an image that runs is doubted", "core/observed.py",
      "return replace(self, offers=offers.with_images(sorted(running)))",
      "return replace(self, offers=offers.with_images(sorted(running)[:0]))",
      f"{OFFERS}::test_an_image_that_runs_is_offered_whatever_the_catalogue_leaves_out"),
    m("B6", "a removal is carried out under the mark of a creation", "core/bootstrap_facts.py",
      'return _MARKS.get(self, "+")', 'return "+"',
      "tests/cli/test_cli_bootstrap.py::test_the_marks_of_a_preview_are_those_of_the_execution"),
    m("B9", "what is advised before a project may go does not end the controller",
      "core/bootstrap_removal.py",
      'return f"{bootstrap}, then {deletion}, then the same command"',
      'return f"{deletion}, then the same command"',
      "tests/cli/test_cli_bootstrap.py"
      "::test_what_is_advised_for_a_project_with_clusters_leads_to_its_end"),
    m("B7", "with --local a project that was named is ignored", "cli/connect.py",
      "project=found.project_id if elsewhere or not named else named,",
      "project=found.project_id,",
      "tests/cli/test_cli_local.py"
      "::test_with_local_a_project_that_is_named_counts_or_is_said_not_to"),
    m("B7", "a folder that cannot be used is an unexpected error", "cli/failure.py",
      "case OSError() if error.filename:", "case OSError() if False:",
      "tests/cli/test_cli_local.py::test_any_other_file_that_cannot_be_used_is_named_too"),
    m("B3", "an approved revision still waits on the page", "web/verdict.py",
      "yield _approved(source.held) if is_approved(source.held.revision) else _held(source.held)",
      "yield _held(source.held)",
      "tests/web/test_web_orders.py::test_what_was_approved_no_longer_waits"),
]
# fmt: on
