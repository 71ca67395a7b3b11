"""The node program and the project's files."""

from tests.mutants.mutant import Mutant

MUTANTS: list[Mutant] = []
