"""The end of all calls of one client: at a moment, or at once.

A call that is under way waits for the server inside of the operating system, where no flag is
looked at.  Shutting its connection down is what ends it.
"""

import math
import socket
import threading
import weakref
from collections.abc import Callable, Mapping

import httpx

from controller.clock import Clock

SILENCE_S = 60.0
JOBS_SILENCE_S = 30.0
_SHORTEST_S = 0.05
_OPENED = (".connect_tcp.complete", ".start_tls.complete")

Trace = Callable[[str, Mapping[str, object]], None]


class Limit:
    """Until when calls may go on; safe to use from several threads and from a signal handler."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = math.inf
        self._silence: dict[str, float] = {}
        self._silence_of_jobs: dict[str, float] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self.closed = threading.Event()

    def until(self, moment: float) -> None:
        """No call goes on beyond this moment of the monotonic clock; `inf` lifts that.

        With it begins a new account of the projects that do not answer.
        """
        self._until = moment
        self._silence = {}
        self._silence_of_jobs = {}

    def waited(self, project: str, seconds: float, *, jobs: bool = False) -> None:
        """Take note of a call to a project, or to its jobs, that was not answered for so long."""
        account = self._silence_of_jobs if jobs else self._silence
        account[project] = account.get(project, 0.0) + seconds

    def is_silent(self, project: str, *, jobs: bool = False) -> bool:
        """Whether calls to this project have waited so long in vain that others need the time.

        Only where there is an end to all calls: who has time may go on waiting.  Jobs have an
        account of their own, since most of what a project needs is done without them.
        """
        if not project or self._until == math.inf:
            return False
        jobs_s = self._silence_of_jobs.get(project, 0.0)
        silent = self._silence.get(project, 0.0) >= SILENCE_S
        return silent or (jobs and jobs_s >= JOBS_SILENCE_S)

    def close(self) -> None:
        """No call begins any more, and pauses before a further try end."""
        self.closed.set()

    def reopen(self, moment: float) -> None:
        """Allow the last calls of all, until then."""
        self._until = moment
        self.closed.clear()

    def cut(self) -> None:
        """As `close`, and the calls that are under way end at once."""
        self.close()
        for each in list(self._sockets):
            _shut_down(each)

    @property
    def is_over(self) -> bool:
        return self.closed.is_set() or self._clock.monotonic() >= self._until

    def within(self, seconds: float) -> float:
        """How long a call may wait that would wait for so long otherwise."""
        left_s = self._until - self._clock.monotonic()
        return max(min(seconds, left_s), _SHORTEST_S)

    def watch(self, event: str, info: Mapping[str, object]) -> None:
        """For the `trace` of a request: take note of each connection that is opened."""
        if event.endswith(_OPENED):
            found = getattr(info.get("return_value"), "get_extra_info", lambda _: None)("socket")
            if isinstance(found, socket.socket):
                self._sockets.add(found)


def _shut_down(link: socket.socket) -> None:
    """Also of TLS, whose own `shutdown` would take its state away under a thread that reads."""
    try:
        socket.socket.shutdown(link, socket.SHUT_RDWR)
    except OSError:
        return  # closed already


class OverError(httpx.ConnectTimeout):
    """A call was not begun, since no call may go on, or none to a project that does not answer."""

    def __init__(self, why: str = "the time for calls is up") -> None:
        super().__init__(f"it was not begun: {why}")
