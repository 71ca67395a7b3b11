"""End of all calls of a client, at a time or immediately.

A call in progress waits in the operating system, where it checks no flag.  Shutting down its
connection ends it.
"""

import math
import socket
import threading
import weakref
from collections.abc import Mapping

import httpx

from controller.clock import Clock

SILENCE_S = 60.0
JOBS_SILENCE_S = 30.0
_SHORTEST_S = 0.05
_OPENED = (".connect_tcp.complete", ".start_tls.complete")


class Limit:
    """The end of all calls; safe in threads and signal handlers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = math.inf
        self._silence: dict[tuple[str, bool], float] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.closed = threading.Event()

    def until(self, moment: float) -> None:
        """End all calls at this time of the monotonic clock; `inf` removes the limit.

        This resets the waiting times of projects.
        """
        self._until = moment
        self._silence = {}

    def waited(self, project: str, seconds: float, *, jobs: bool = False) -> None:
        """Add the waiting time of an unanswered call to a project, or to its jobs."""
        self._silence[project, jobs] = self._silence.get((project, jobs), 0.0) + seconds

    def is_silent(self, project: str, *, jobs: bool = False) -> bool:
        """True if calls to this project have waited too long, at the expense of others.

        Applies only with a time limit.  Jobs are counted separately, since most work in a project
        needs no jobs.
        """
        if not project or self._until == math.inf:
            return False
        jobs_s = self._silence.get((project, True), 0.0)
        silent = self._silence.get((project, False), 0.0) >= SILENCE_S
        return silent or (jobs and jobs_s >= JOBS_SILENCE_S)

    def close(self) -> None:
        """Prevent further calls, and end waits before retries."""
        self.closed.set()

    def reopen(self, moment: float) -> None:
        """Allow final calls, until this time."""
        self._until = moment
        self.closed.clear()

    def cut(self) -> None:
        """As `close`, and end calls in progress immediately."""
        self.close()
        for each in list(self._sockets):
            _shut_down(each)

    @property
    def is_over(self) -> bool:
        return self.closed.is_set() or self._clock.monotonic() >= self._until

    def within(self, seconds: float) -> float:
        """The timeout of a call, shortened by the limit."""
        remaining_s = self._until - self._clock.monotonic()
        return max(min(seconds, remaining_s), _SHORTEST_S)

    def watch(self, event: str, info: Mapping[str, object]) -> None:
        """The `trace` of a request: record each opened connection."""
        if event.endswith(_OPENED):
            link = getattr(info.get("return_value"), "get_extra_info", lambda _: None)("socket")
            if isinstance(link, socket.socket):
                self._sockets.add(link)


def _shut_down(link: socket.socket) -> None:
    """Shut down a socket; of TLS too, whose own `shutdown` is unsafe during a read in a thread."""
    try:
        socket.socket.shutdown(link, socket.SHUT_RDWR)
    except OSError:
        return  # closed already


class OverError(httpx.ConnectTimeout):
    """A call that was not started: after the end of calls, or to a project that does not answer."""

    def __init__(self, why: str = "the time for calls is over") -> None:
        super().__init__(f"not started: {why}")
