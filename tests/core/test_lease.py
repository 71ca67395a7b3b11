"""Who may write: judged by observed change on the watcher's own clock, and by nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.lease import (
    Lease,
    LeaseClaim,
    LeaseObservation,
    claim,
    observe,
    successor,
)

THEIRS = Lease("team", "them", "bob", epoch=3, renewals=5, duration_s=60.0)
MINE = Lease("team", "me", "alice", epoch=0, renewals=0, duration_s=60.0)


@pytest.mark.parametrize(
    ("seen", "silent_s", "expected"),
    [
        (None, 0, LeaseClaim.FREE),
        (THEIRS, 0, LeaseClaim.HELD),
        (THEIRS, 59.9, LeaseClaim.HELD),
        (THEIRS, 60.0, LeaseClaim.EXPIRED),
        (THEIRS.given_back(), 0, LeaseClaim.FREE),
        (replace(THEIRS, holder="me"), 0, LeaseClaim.OURS),
        (replace(THEIRS, holder="me"), 999, LeaseClaim.OURS),
    ],
)
def test_a_lease_is_judged_by_its_silence(
    seen: Lease | None, silent_s: float, expected: LeaseClaim
) -> None:
    sighting = None if seen is None else LeaseObservation(seen, 1000.0)
    assert claim(sighting, "me", 1000.0 + silent_s) is expected


def test_any_change_is_a_sign_of_life() -> None:
    first = observe(None, THEIRS, 0.0)
    assert observe(first, THEIRS, 50.0) == first
    assert observe(first, THEIRS.renewed(), 50.0).unchanged_since == 50.0
    assert observe(first, replace(THEIRS, epoch=4), 50.0).unchanged_since == 50.0


@given(st.integers(0, 2**40), st.integers(0, 2**40))
def test_a_successor_is_of_a_later_epoch_than_any_seen(epoch: int, renewals: int) -> None:
    seen = replace(THEIRS, epoch=epoch, renewals=renewals)
    made = successor(seen, MINE)
    assert made.epoch > epoch
    assert (made.holder, made.released) == ("me", False)
