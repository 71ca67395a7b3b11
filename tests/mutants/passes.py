"""Faults of one call, project or cluster that reached further."""

from tests.mutants.mutant import Mutant

MUTANTS: list[Mutant] = []
