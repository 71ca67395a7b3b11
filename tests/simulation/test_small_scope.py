"""All interleavings of two controllers: no order of their requests breaks a law, and from every
world that they can leave behind it converges."""

import pytest

from tests.simulation.cores import spread
from tests.simulation.scopes import SCOPES, search

NODES_MIN = 10_000


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_interleaving_of_two_controllers_breaks_a_law_or_keeps_the_world_from_converging() -> (
    None
):
    assert sum(spread(search, SCOPES)) >= NODES_MIN
