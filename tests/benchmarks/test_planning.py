"""Work of a pass, counted in calls of Python functions: doubling a workspace doubles it."""

import sys
from types import FrameType

import pytest

from controller.core.model.history import History
from tests.benchmarks.planning import converged, judge


def calls(clusters: int, members: int) -> int:
    """Python functions called to judge a converged workspace that was seen before."""
    wanted, seen = converged(clusters, members)
    history = judge(wanted, seen, History())
    count = 0

    def counted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        judge(wanted, seen, history)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    ("small", "large"),
    [((20, 5), (40, 5)), ((1, 100), (1, 200)), ((4, 25), (4, 50))],
    ids=["many clusters", "one cluster", "larger clusters"],
)
def test_twice_the_members_are_at_most_twice_the_work(
    small: tuple[int, int], large: tuple[int, int]
) -> None:
    assert calls(*large) <= 2.2 * calls(*small)
