"""The state machine of an application, as one table.

What is not in the table does not happen: the API refuses it, and the emulator treats it as its own
bug.  Time, processes and capacity are not its business; `engines.py` turns them into events.
"""

from enum import StrEnum


class Status(StrEnum):
    """As the wire spells it."""

    STARTING = "APPLICATION_STARTING"
    RUNNING = "APPLICATION_RUNNING"
    STOPPING = "APPLICATION_STOPPING"
    STOPPED = "APPLICATION_STOPPED"
    FAILED = "APPLICATION_FAILED"

    @property
    def short(self) -> str:
        """As `search_filter` spells it."""
        return self.value.removeprefix("APPLICATION_").lower()


class Event(StrEnum):
    """What can happen to an application."""

    RESTART = "restart"
    ANSWERED = "answered"
    ENDED = "ended"
    STOP = "stop"
    GONE = "gone"
    DELETE = "delete"


TRANSITIONS: dict[tuple[Status, Event], Status] = {
    (Status.STOPPED, Event.RESTART): Status.STARTING,
    (Status.FAILED, Event.RESTART): Status.STARTING,
    (Status.RUNNING, Event.RESTART): Status.STARTING,
    (Status.STARTING, Event.RESTART): Status.STARTING,
    (Status.STARTING, Event.ANSWERED): Status.RUNNING,
    (Status.STARTING, Event.ENDED): Status.FAILED,
    (Status.RUNNING, Event.ENDED): Status.FAILED,
    (Status.STARTING, Event.STOP): Status.STOPPING,
    (Status.RUNNING, Event.STOP): Status.STOPPING,
    (Status.FAILED, Event.STOP): Status.STOPPING,
    (Status.STOPPING, Event.GONE): Status.STOPPED,
    **{(status, Event.DELETE): Status.STOPPING for status in Status},
}


def after(status: Status, event: Event) -> Status | None:
    """The status that follows, or None where the event does not apply."""
    return TRANSITIONS.get((status, event))
