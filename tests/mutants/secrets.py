"""Secrets and control characters in what is shown."""

from tests.mutants.mutant import Mutant

MUTANTS: list[Mutant] = []
