"""The record of a source that is followed no longer, beside what is followed and what runs."""

from dataclasses import replace

import pytest

from controller.core.model.observed import Listed, ObservedProject
from controller.core.model.record import Departed, Record
from controller.run.old_sources import is_over, open_places
from tests.worlds import PROJECT, application, desired, foreign, named, revision, spec

OTHER = "eeee-ffff-0000-1111"
OLD = named("old")
RECORD = Record("a", "r1", revision(OLD).clusters, places={"old": ("", OTHER)})


def test_what_is_followed_now_answers_for_its_own_clusters() -> None:
    assert open_places(RECORD, desired(spec())) == {("old", PROJECT), ("old", OTHER)}
    assert open_places(RECORD, desired(OLD)) == {("old", OTHER)}
    known = replace(desired(OLD), places={"old": (PROJECT, OTHER)})
    assert open_places(RECORD, known) == frozenset()


def test_departed_clusters_and_records_without_places_count() -> None:
    [holder] = revision(named("gone", project="other")).clusters
    record = Record("a", "r1", (), (Departed(holder, "abc"),))
    assert open_places(record, desired(spec())) == {("gone", "other")}
    assert open_places(Record("a", "r1"), desired(spec())) == frozenset()


EMPTY = ObservedProject(PROJECT)


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        (EMPTY, True),
        (replace(EMPTY, applications=(application(spec(), "head"),)), True),
        (replace(EMPTY, applications=(application(named("old-b"), "head"),)), True),
        (replace(EMPTY, applications=(application(OLD, "cpu/0"),)), False),
        (replace(EMPTY, applications=(foreign("ray-old-head"),)), False),
        (replace(EMPTY, listed=Listed.TORN), False),
        (replace(EMPTY, listed=Listed.MISSING, why="hidden"), False),
        (None, False),
    ],
)
def test_a_record_is_over_where_complete_lists_show_nothing_of_it(
    project: ObservedProject | None, expected: bool
) -> None:
    seen = {} if project is None else {PROJECT: project}
    assert is_over(frozenset({("old", PROJECT)}), seen) is expected
    elsewhere = frozenset({("old", PROJECT), ("old", OTHER)})
    assert not is_over(elsewhere, seen)
    assert is_over(frozenset(), seen)
