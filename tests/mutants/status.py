"""States that are reported otherwise than they are."""

from tests.mutants.mutant import Mutant

MUTANTS: list[Mutant] = []
