"""State machine of an application, as a table.

Transitions outside the table do not happen: the API refuses them, and in the emulator they are
bugs.  `engines.py` turns time, processes and capacity into events.
"""

from enum import StrEnum


class Status(StrEnum):
    """Status, as on the wire."""

    STARTING = "APPLICATION_STARTING"
    RUNNING = "APPLICATION_RUNNING"
    STOPPING = "APPLICATION_STOPPING"
    STOPPED = "APPLICATION_STOPPED"
    FAILED = "APPLICATION_FAILED"

    @property
    def short(self) -> str:
        """The status, as in `search_filter`."""
        return self.value.removeprefix("APPLICATION_").lower()


class Event(StrEnum):
    """Events of an application."""

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
    (Status.STOPPING, Event.RESTART): Status.STARTING,
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
    """The next status, or None if the event does not apply."""
    return TRANSITIONS.get((status, event))
