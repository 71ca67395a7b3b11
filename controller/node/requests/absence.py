"""Absence of a worker from Ray while a request for its own node stands."""

from __future__ import annotations

from controller.node.clock import Clock
from controller.node.project_files import MemberFiles
from controller.node.requests.request import ACTIONS, Request, read_request, request_id

MARGIN_S = 60.0  # for the stop that follows a drain; then the member is taken for forgotten
WITHDRAWN_S = 1.0  # time without the file; it may be absent for a moment while it is replaced


class Absence:
    """The requests for the node of one engine of a member.

    A worker that the controller forgot would be lost to its cluster, so an absence ends MARGIN_S
    after the time of the request.
    """

    def __init__(self, files: MemberFiles, member: str, engine_id: str, clock: Clock) -> None:
        self._files = files
        self._clock = clock
        self._ids = [request_id(action, member, engine_id) for action in ACTIONS]
        # By ID: the request, the time of its first look, and of the last look that saw it.
        self._standing: dict[str, tuple[Request, float, float]] = {}

    def reason(self, incarnation: str) -> str:
        """The reason to stay away from this head now; empty if it may be joined.

        The time counts from the first call without Ray.
        """
        now = self._clock.monotonic()
        for name in self._ids:
            self._look(name, incarnation, now)
        for request, since, _ in self._standing.values():
            limit = request.timeout_s + MARGIN_S
            if request.incarnation == incarnation and now - since < limit:
                return (
                    f"stays away by request {request.id} ({request.reason or request.action}); "
                    f"joins when it is withdrawn, after {limit:.0f} s at the latest"
                )
        return ""

    def forget(self, incarnation: str) -> None:
        """Forget a withdrawn request; with Ray, where an absence ended before its request did."""
        now = self._clock.monotonic()
        for name in list(self._standing):
            self._look(name, incarnation, now)

    def _look(self, name: str, incarnation: str, now: float) -> None:
        request = read_request(self._files, name, incarnation)
        before = self._standing.get(name)
        if request is not None:
            if before is None or before[0].incarnation != incarnation:
                before = (request, now, now)
            self._standing[name] = (before[0], before[1], now)  # the first file's time counts
        elif before is not None and now - before[2] >= WITHDRAWN_S:
            del self._standing[name]
