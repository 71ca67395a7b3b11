"""The event log: one entry for each matter, counted, bounded, and sparing with what is written."""

from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.json_object import TEXT_LIMIT, text
from controller.core.status.events import (
    KEPT,
    Event,
    EventLog,
    Kind,
    latest_first,
    note,
    restored,
)
from tests.worlds import NOW, at

READY = Event(Kind.NORMAL, "Ready", "3 of 3 nodes are alive", "analytics")
FELL = Event(Kind.WARNING, "NotReady", "2 of 3 nodes are alive", "analytics")


def noted(log: EventLog, *found: Event, when: datetime = NOW) -> tuple[EventLog, list[int]]:
    """The event log, and the counts at which something is written."""
    log, written = note(log, found, when, "p1", "abc")
    return log, [event.count for event in written]


def test_a_new_matter_is_kept_with_its_time_pass_and_revision() -> None:
    log, written = note(EventLog(), [READY], NOW, "p7", "abc")
    (event,) = log.events
    assert written == (event,)
    assert (event.first_at, event.last_at, event.count) == (NOW, NOW, 1)
    assert (event.pass_id, event.revision) == ("p7", "abc")


def test_a_matter_that_comes_again_within_the_hour_is_counted_and_comes_first() -> None:
    log, _ = noted(EventLog(), READY, FELL)
    log, _ = note(log, [READY], at(3600), "p2", "def")
    first, second = log.events
    assert (first.reason, first.count, first.first_at, first.last_at) == ("Ready", 2, NOW, at(3600))
    assert (first.pass_id, first.revision) == ("p2", "def")
    assert (second.reason, second.count) == ("NotReady", 1)


def test_a_matter_that_rested_for_more_than_an_hour_is_a_new_one() -> None:
    log, _ = noted(EventLog(), READY)
    log, counts = noted(log, READY, when=at(3601))
    assert [e.count for e in log.events] == [1, 1]
    assert counts == [1]


def test_whatever_differs_in_a_word_is_another_matter() -> None:
    others = [
        replace(READY, kind=Kind.WARNING),
        replace(READY, reason="Steady"),
        replace(READY, message="4 of 4 nodes are alive"),
        replace(READY, cluster="other"),
        replace(READY, member="head"),
    ]
    log, counts = noted(EventLog(), READY, *others)
    assert [e.count for e in log.events] == [1] * 6
    assert counts == [1] * 6


def test_a_repeat_is_written_only_when_its_count_has_doubled() -> None:
    log, written = EventLog(), []
    for second in range(70):
        log, counts = noted(log, READY, when=at(second))
        written += counts
    assert written == [1, 2, 4, 8, 16, 32, 64]
    assert log.events[0].count == 70


def test_a_count_that_jumps_over_a_power_of_two_is_written() -> None:
    log, _ = noted(EventLog(), replace(READY, count=3))
    log, counts = noted(log, replace(READY, count=3))
    assert counts == [6]


def test_the_journal_is_bounded_and_keeps_the_latest() -> None:
    log = EventLog()
    for number in range(KEPT + 7):
        log, _ = noted(log, replace(READY, member=f"cpu/{number}"), when=at(number))
    assert len(log.events) == KEPT
    assert log.events[0].member == f"cpu/{KEPT + 6}"
    assert log.events[-1].member == "cpu/7"


def test_a_clock_that_was_set_back_loses_no_count() -> None:
    log, _ = noted(EventLog(), READY, when=at(600))
    log, _ = noted(log, READY)
    assert [(e.count, e.last_at) for e in log.events] == [(2, at(600))]


def test_a_journal_that_was_read_back_goes_on_counting() -> None:
    log, _ = noted(EventLog(), READY, FELL)
    again, counts = noted(restored(reversed(log.events)), FELL, when=at(10))
    assert counts == [2]
    assert [e.reason for e in again.events] == ["NotReady", "Ready"]


def test_a_journal_that_is_read_back_is_bounded_and_latest_first() -> None:
    many = [replace(READY, member=f"cpu/{n}", last_at=at(n)) for n in range(KEPT + 3)]
    events = restored(many).events
    assert (len(events), events[0].member) == (KEPT, f"cpu/{KEPT + 2}")


def test_events_without_a_time_come_last() -> None:
    dated = replace(READY, last_at=NOW)
    assert latest_first([READY, dated]) == (dated, READY)


@given(st.text(max_size=2 * TEXT_LIMIT))
def test_a_message_becomes_one_short_line_once_and_for_all(message: str) -> None:
    line = text(message)
    assert len(line) <= TEXT_LIMIT
    assert line.isprintable()
    assert text(line) == line


def test_a_message_is_tidied_before_it_is_compared() -> None:
    torn = replace(READY, message="a\nb" + "x" * 900)
    log, _ = noted(EventLog(), torn)
    log, counts = noted(log, torn)
    assert counts == [2]
    assert log.events[0].message == "a b" + "x" * (TEXT_LIMIT - 3)
