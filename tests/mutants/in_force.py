"""Sources, revisions, approvals and prune."""

from tests.mutants.mutant import Mutant

MUTANTS: list[Mutant] = []
