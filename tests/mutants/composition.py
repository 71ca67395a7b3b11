"""Faults that only the production composition shows."""

from tests.mutants.mutant import Mutant

MUTANTS: list[Mutant] = []
