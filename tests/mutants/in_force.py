"""Sources, revisions, approvals and prune."""

from tests.mutants.mutant import Mutant, m

PARSE = "tests/source/test_parse.py"
RECORD = "tests/core/test_record.py"
RECORDS = "tests/files/test_files_records.py"
FOLLOW = "tests/test_follow.py"
AUDIT = "tests/core/test_audit.py"
STORY = "tests/cli/test_cli_in_force.py"

# fmt: off
MUTANTS: list[Mutant] = [
    m("B14", "a spec file that shrank to nothing is a deletion", "source/parse.py",
      "    if last_is_empty:\n", "    if last_is_empty and documents:\n",
      f"{PARSE}::test_a_file_without_a_spec_is_a_problem_and_not_a_deletion"),
    m("B14", "a file that was cut off between two documents loses the second", "source/parse.py",
      "    if last_is_empty:\n", "    if last_is_empty and not documents:\n",
      f"{PARSE}::test_a_file_that_ends_where_a_document_should_follow_is_a_problem"),
    m("B14", "a share that is not mounted is a deletion", "core/record.py",
      "        if lost:\n", "        if False:\n",
      f"{RECORD}::test_a_folder_that_lost_all_its_files_at_once_waits_whatever_was_allowed"),
    m("B14", "an approval counts for ever", "core/approval.py",
      "        return (self.base, self.revision, self.number) == step",
      "        return self.revision == step[1]",
      f"{FOLLOW}::test_an_approval_that_was_left_behind_fits_no_later_step"),
    m("B14", "an approval is not used up", "follow.py",
      "                self.holds.use_up()", "                pass",
      f"{FOLLOW}::test_an_approval_is_used_up_by_the_step_that_it_was_for"),
    m("B22", "many small removals are a way around a large one", "core/record.py",
      "    leaving = [*removed, *_leaving(record, reading.revision)]", "    leaving = [*removed]",
      f"{FOLLOW}::test_several_small_removals_in_a_row_are_no_way_around_a_large_one"),
    m("B22", "the audit lets clusters without agreement go all at once", "core/audit.py",
      "    alone = pruned.keys() - case.policy.delete - case.desired.agreed",
      "    alone: set[str] = set()",
      f"{AUDIT}::test_many_clusters_are_pruned_at_once_only_where_a_person_agreed"),
    m("B10", "a project that answers 404 makes a cluster forgotten", "core/places.py",
      "if place not in seen.present and place[1] in seen.complete",
      "if place not in seen.present",
      f"{FOLLOW}::test_a_torn_list_makes_nobody_forget"),
    m("B10", "the project that a spec left is not looked at", "core/record.py",
      "        found = {*known, *((last[name],) if moved else ())}",
      "        found: set[str] = set()",
      f"{STORY}::test_a_spec_that_moves_to_another_project_leaves_nothing_behind"),
    m("B4", "what cannot be listed is not reported", "core/unseen.py",
      "        if name not in desired.frozen\n", "        if False\n",
      f"{STORY}::test_what_runs_in_a_project_that_cannot_be_listed_is_reported_and_not_forgotten"),
    m("B21", "a clock that jumps ends a grace", "core/grace.py",
      "        if running is not None and running.since == each.since:", "        if False:",
      f"{FOLLOW}::test_a_clock_that_jumps_neither_shortens_nor_prolongs_the_grace"),
    m("B21", "a restart begins the grace anew", "core/grace.py",
      "passed = 0.0 if each.since is None else (now - each.since).total_seconds()", "passed = 0.0",
      f"{FOLLOW}::test_a_restart_neither_begins_the_grace_anew_nor_skips_it"),
    m("B14", "a cluster goes although its spec may be back", "follow.py",
      "if name not in declared and (count.left_s <= 0 or look.fetched_s >= count.ends_s)",
      "if self.clock.monotonic() >= count.ends_s",
      f"{FOLLOW}::test_nothing_is_gone_while_the_source_cannot_be_read_or_was_not_read_since"),
    m("B7", "a large record is cut off", "files/records.py",
      "        if len(body) > WHOLE_MAX:", "        if False:",
      f"{RECORDS}::test_a_record_that_is_larger_than_any_file_can_be_is_stored_in_parts"),
    m("B7", "a text that specs share is stored for each", "files/record_text.py",
      "            return {_SHARED_LINES: _named(joined, texts)}",
      "            return [_shared(each, texts) for each in value]",
      f"{RECORDS}::test_what_many_specs_share_is_stored_once"),
    m("B6", "a cluster that is held at an older spec is Synced", "core/status.py",
      "    if kept:\n", "    if False:\n",
      f"{STORY}::test_a_cluster_whose_newest_spec_is_broken_is_not_synced_and_says"
      "_since_which_revision"),
    m("B22", "protection ends at the folder of the specs", "cli/delete.py",
      "        check_recorded(session, chosen)\n", "",
      f"{STORY}::test_a_protected_cluster_is_not_deleted_from_any_folder"),
    m("B22", "a spec names any project", "core/allowed.py",
      "    if allowed is None or named is None or named in allowed:", "    if True:",
      f"{STORY}::test_a_spec_that_names_a_project_which_is_not_allowed_is_refused_with_its_place"),
    m("B6", "a home without locks fails without a word", "source/git_cache.py",
      "    def _take(self, handle: int) -> None:\n        try:\n",
      "    def _take(self, handle: int) -> None:\n        fcntl.flock(handle, 2)\n        try:\n",
      f"{STORY}::test_a_home_without_locks_is_said_to_be_why_a_repository_cannot_be_read"),
]
# fmt: on
