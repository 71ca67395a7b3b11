"""Specs that pass validation and cannot start."""

from tests.mutants.mutant import Mutant

MUTANTS: list[Mutant] = []
