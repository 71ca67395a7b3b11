"""The shapes of the plot: true, bounded, and never flattering."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.status.snapshot import Sample
from controller.web.pages.timeline import HEIGHT, WIDTH, plot
from tests.worlds import NOW, at

COUNTS = st.integers(min_value=0, max_value=5000)
SAMPLES = st.lists(st.tuples(st.integers(0, 40_000), COUNTS, COUNTS), min_size=1, max_size=60)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", path)]


def test_without_samples_there_is_nothing_to_draw() -> None:
    assert plot((), NOW) is None


def test_desired_is_a_line_of_steps_and_ready_an_area_of_steps() -> None:
    samples = (Sample(at(-1200), 4, 0), Sample(at(-600), 4, 4))
    shapes = plot(samples, NOW)
    assert shapes is not None
    assert shapes.desired == "M0,8L600,8"
    assert shapes.ready == "M0,120L0,120L300,120L300,8L600,8L600,120Z"
    assert [(t.count, t.place) for t in shapes.ticks] == [
        (0, 120), (1, 92), (2, 64), (3, 36), (4, 8)
    ]  # fmt: skip
    assert shapes.description == (
        "Over the last 20m00s: 4 of 4 members are ready now; the fewest were 0 of 4, at 11:40 UTC."
    )


def test_a_short_fall_is_seen_however_many_samples_share_its_place() -> None:
    hours = [Sample(at(-36_000), 4, 4), Sample(at(-10_000), 4, 1), Sample(at(-9_999), 4, 4)]
    shapes = plot(hours, NOW)
    assert shapes is not None
    assert min(4 - (y - 8) / 28 for _, y in points(shapes.ready)[1:-1]) == 1


@pytest.mark.parametrize("top", [1, 2, 3, 4, 7, 9, 10, 11, 99, 100, 101, 4000, 1_000_000])
def test_the_scale_has_two_to_five_whole_numbers_and_reaches_the_top(top: int) -> None:
    shapes = plot((Sample(NOW, top, 0),), NOW)
    assert shapes is not None
    counts = [tick.count for tick in shapes.ticks]
    assert 2 <= len(counts) <= 5
    assert counts[0] == 0
    assert counts[-1] >= top
    assert len({b - a for a, b in pairwise(counts)}) == 1


@given(SAMPLES)
def test_every_plot_is_inside_its_drawing_and_bounded(rows: list[tuple[int, int, int]]) -> None:
    rows.sort(reverse=True)
    shapes = plot([Sample(at(-ago), wanted, ready) for ago, wanted, ready in rows], NOW)
    assert shapes is not None
    for path in (shapes.desired, shapes.ready):
        drawn = points(path)
        assert len(drawn) <= 2 * WIDTH + 4
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in drawn)
        assert [x for x, _ in drawn] == sorted(x for x, _ in drawn)
