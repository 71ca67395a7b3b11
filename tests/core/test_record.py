"""What comes into force, what waits for a person, and what a source is remembered for."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.record import (
    Departed,
    Record,
    SourceReading,
    accept,
    in_force,
    objection,
)
from controller.core.spec.revision import Problem, Revision, SpecDocument, content_id
from tests.worlds import named

A, B, C, D = "a" * 40, "b" * 40, "c" * 40, "d" * 40


def holder(name: str, file: str | None = None, **changes: object) -> SpecDocument:
    return SpecDocument(named(name, **changes), file or f"specs/{name}.yaml", 1)


def revision(*names: str, broken: tuple[str, ...] = ()) -> Revision:
    problems = tuple(Problem(file, 3, 1, "it is broken") for file in broken)
    return Revision(tuple(holder(n) for n in sorted(names)), problems, None, "specs")


def reading(commit: str, *names: str, broken: tuple[str, ...] = ()) -> SourceReading:
    return SourceReading(commit, revision(*names, broken=broken))


def record(*names: str) -> Record:
    return accept(Record("specs"), reading(A, *names))


def names_of(holders: tuple[SpecDocument, ...]) -> list[str]:
    return [h.cluster.name for h in holders]


def test_the_first_revision_comes_into_force_whatever_it_holds() -> None:
    assert objection(Record("specs"), reading(A, "one"), 0) is None
    assert names_of(record("one").clusters) == ["one"]


def test_a_first_revision_without_any_spec_waits_for_it_is_more_likely_the_wrong_path() -> None:
    found = objection(Record("specs"), reading(A), 0)
    assert found is not None
    assert found.reason == "NoSpecs"
    assert objection(Record("specs"), reading(A, broken=("x.yaml",)), 0) is None


def test_a_cluster_that_a_newer_revision_lacks_has_departed_with_its_last_spec() -> None:
    after = accept(record("one", "two", "three"), reading(B, "one", "two"))
    assert after.departed == (Departed(holder("three"), B),)
    assert in_force(after, None).departed == (holder("three"),)


def test_a_cluster_that_comes_back_has_not_departed() -> None:
    left = accept(record("one", "two", "three"), reading(B, "one", "two"))
    assert accept(left, reading(C, "one", "three", "two")).departed == ()


def test_while_a_file_is_broken_nothing_that_was_held_goes_away() -> None:
    after = accept(record("one", "two"), reading(B, "one", broken=("specs/x.yaml",)))
    assert names_of(after.clusters) == ["one", "two"]
    assert after.departed == ()


def test_a_broken_file_freezes_its_clusters_at_their_last_spec_and_no_other() -> None:
    edited = holder("two", workerGroupSpecs__0__replicas=5)
    newer = Revision((edited,), (Problem("specs/one.yaml", 1, 1, "broken"),), None, "specs")
    after = accept(record("one", "two"), SourceReading(B, newer))
    assert after.clusters == (holder("one"), edited)


def test_what_is_kept_wins_a_name_that_a_newer_spec_contests() -> None:
    before = Record("specs", A, (holder("x", workerGroupSpecs__0__groupName="y-cpu"),))
    rival = SpecDocument(named("x-y"), "specs/rival.yaml", 1)
    newer = Revision((rival,), (Problem("specs/x.yaml", 1, 1, "broken"),), None, "specs")
    assert accept(before, SourceReading(B, newer)).clusters == before.clusters


def test_once_the_file_is_mended_the_absence_counts() -> None:
    frozen = accept(record("one", "two", "three"), reading(B, "one", "two", broken=("x.yaml",)))
    assert names_of(in_force(accept(frozen, reading(C, "one", "two")), None).departed) == ["three"]


def test_more_than_half_waits_for_a_person_and_half_does_not() -> None:
    four = record("a1", "a2", "a3", "a4")
    assert objection(four, reading(B, "a1", "a2"), 0) is None
    found = objection(four, reading(B, "a1"), 0)
    assert found is not None
    assert found.reason == "PruneLimit"
    assert "3 of 4 clusters: a2, a3, a4" in found.message


def test_all_clusters_wait_for_a_person_even_if_there_is_one() -> None:
    assert objection(record("one"), reading(B), 0) is not None


def test_a_person_may_allow_so_many_beforehand() -> None:
    assert objection(record("one"), reading(B), 1) is None


def test_a_revision_that_does_not_follow_waits_for_a_person() -> None:
    rewound = SourceReading(B, revision("one"), A, follows=False)
    found = objection(record("one"), rewound, 0)
    assert found is not None
    assert found.reason == "Rewound"


def test_a_broken_revision_removes_nothing_and_so_needs_no_approval() -> None:
    assert objection(record("one"), reading(B, broken=("specs/one.yaml",)), 0) is None


def test_the_id_of_content_changes_with_what_it_says_and_not_with_where() -> None:
    moved = Revision((SpecDocument(named("one"), "elsewhere.yaml", 7),), (), None, "specs")
    assert content_id(revision("one")) == content_id(moved)
    assert content_id(revision("one")) != content_id(revision("two"))
    assert content_id(revision("one")) != content_id(revision("one", broken=("x",)))


NAMES = st.sets(st.sampled_from(["p", "q", "r", "s", "t"]))


@given(st.lists(st.tuples(NAMES, st.booleans()), max_size=8))
def test_no_cluster_is_ever_lost_without_a_whole_revision_that_lacks_it(
    history: list[tuple[set[str], bool]],
) -> None:
    """Whatever was in force is in force, or departed by a reading without problems."""
    state = Record("specs")
    for number, (names, broken) in enumerate(history):
        before = set(names_of(state.clusters))
        read = reading(f"{number:040x}", *names, broken=("x.yaml",) if broken else ())
        state = accept(state, read)
        lost = before - set(names_of(state.clusters))
        assert lost <= {d.holder.cluster.name for d in state.departed}
        assert not (broken and lost)
        assert names <= set(names_of(state.clusters))


def emptied(commit: str, *names: str, folders: tuple[str, ...]) -> SourceReading:
    return SourceReading(commit, replace(revision(*names), empty_folders=folders))


@pytest.mark.parametrize(
    ("folders", "held"),
    [
        (("specs/a",), "specs/a has no spec files any more; it declared one"),
        (("specs/a/",), "specs/a/ has no spec files any more; it declared one"),
        ((".",), ". has no spec files any more; it declared one"),
        (("specs/b", "specs"), "specs has no spec files any more; it declared one"),
        (("specs/b",), None),
        ((), None),
    ],
)
def test_a_folder_that_lost_all_its_files_at_once_waits_whatever_was_allowed(
    folders: tuple[str, ...], held: str | None
) -> None:
    """A share that is not mounted looks like an empty folder; a deletion takes a file away."""
    before = Record("specs", A, (holder("one", "specs/a/one.yaml"), holder("two"), holder("three")))
    found = objection(before, emptied(B, "two", "three", folders=folders), 9)
    assert (found and (found.reason, found.message)) == (held and ("FolderEmptied", held))
