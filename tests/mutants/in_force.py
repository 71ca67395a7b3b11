"""Sources, revisions, approvals and prune."""

from tests.mutants.mutant import Mutant, m

PARSE = "tests/source/test_parse.py"
RECORD = "tests/core/test_record.py"

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
]
# fmt: on
