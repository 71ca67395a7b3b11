"""The catalogue of planted bugs as a whole; `test_mutants_*.py` plant them."""

import pytest

from tests.mutants.catalogue import CATALOGUE, IN_CLI, IN_CORE, IN_SHELL
from tests.mutants.mutant import Mutant
from tests.mutants.planting import ROOT


def test_every_class_of_bug_has_a_mutant() -> None:
    assert {mutant.bug for mutant in CATALOGUE} == {f"B{n}" for n in range(1, 23)}
    assert len(CATALOGUE) >= 40


def test_every_mutant_is_planted_once() -> None:
    planted = [*IN_CORE, *IN_CLI, *IN_SHELL]
    assert sorted(planted, key=repr) == sorted(CATALOGUE, key=repr)
    assert len({str(mutant) for mutant in CATALOGUE}) == len(CATALOGUE)


@pytest.mark.parametrize("mutant", CATALOGUE, ids=str)
def test_it_fits_the_source_and_names_a_test(mutant: Mutant) -> None:
    """What `make check` can tell of it."""
    page = ROOT / "controller" / mutant.page
    assert page.read_text("utf-8").count(mutant.old) == 1
    path, _, name = mutant.killer.partition("::")
    named = f"def {name.partition('[')[0]}(" if name else ""  # or all of the file
    assert named in (ROOT / path).read_text("utf-8")
