"""Leases, orders, time-outs and the end of a process."""

from tests.mutants.mutant import Mutant

MUTANTS: list[Mutant] = []
