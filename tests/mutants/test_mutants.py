"""The catalogue of planted bugs as a whole; `test_mutants_*.py` plant them."""

from tests.mutants.catalogue import CATALOGUE, IN_CLI, IN_CORE, IN_SHELL


def test_every_class_of_bug_has_a_mutant() -> None:
    assert {mutant.bug for mutant in CATALOGUE} == {f"B{n}" for n in range(1, 23)}
    assert len(CATALOGUE) >= 40


def test_every_mutant_is_planted_once() -> None:
    planted = [*IN_CORE, *IN_CLI, *IN_SHELL]
    assert sorted(planted, key=repr) == sorted(CATALOGUE, key=repr)
    assert len({str(mutant) for mutant in CATALOGUE}) == len(CATALOGUE)
