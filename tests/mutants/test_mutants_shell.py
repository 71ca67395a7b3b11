"""Bugs planted into all that the controller speaks to: each must be seen by its test.

One of three files with the same two tests, so that several processes can share the work.
"""

import pytest

from tests.mutants.catalogue import IN_SHELL
from tests.mutants.mutant import Mutant
from tests.mutants.planting import Copy

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mutant", IN_SHELL, ids=str)
def test_the_bug_is_seen(copy: Copy, mutant: Mutant) -> None:
    copy.see(mutant)


def test_without_a_bug_the_same_tests_are_green(copy: Copy) -> None:
    copy.stay_green(IN_SHELL)
