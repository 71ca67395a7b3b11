"""The oldest and the newest Ray of the range, from a spec to a cluster and back."""

import pytest

from tests.matrix.installs import NEWEST, OLDEST, UnavailableError, install
from tests.matrix.story import STEPS, story

pytestmark = [pytest.mark.ray, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_a_cluster_lives_and_dies_with_this_ray(version: str) -> None:
    try:
        found = install(version)
    except UnavailableError as error:
        pytest.skip(str(error))
    with story(found) as told:
        for step in STEPS:
            step(told)
