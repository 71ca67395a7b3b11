"""Answers of a head to the requests for its cluster: asks Ray, counts the time, says the state.

The time of a request counts by this pod's clock from the first look at it.  Ray does not end a node
when its time is over: the controller stops it.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from controller.node.clock import Clock
from controller.node.project_files import HeadRecord, MemberFiles, text_of
from controller.node.ray.gcs import DrainReply, RayNode, Reading, Source
from controller.node.requests.moves import Moves
from controller.node.requests.request import (
    DRAIN,
    DRAIN_IF_IDLE,
    Request,
    one_line,
    read_requests,
    remove_earlier,
)

DRAINING = "draining"  # Ray accepted: the node finishes its work
DRAINED = "drained"  # Ray has no living node of the engine
REFUSED = "refused"  # final while the request stands
FAILED = "failed"  # Ray did not answer; it is asked again
EXPIRED = "expired"  # the time is over, and the node is alive
STATES = (DRAINING, DRAINED, REFUSED, FAILED, EXPIRED)
MOST_ASKS = 16  # at a time
PATIENCE_S = 0.5  # wait of a look for Ray's replies; a reply takes some milliseconds
WITHDRAWN_S = 10.0  # time without its file after which a request begins again


@dataclass
class Entry:
    """A request and its state, which is empty until Ray was asked.

    `since` is the time of the first look at its file, `absent_since` that of the first look without
    it, `node_id` the node that Ray was asked to drain, and `moved` the number of its actors that
    were restarted elsewhere.
    """

    request: Request
    since: float
    state: str = ""
    message: str = ""
    node_id: str = ""
    absent_since: float | None = None
    moved: int = 0

    def become(self, state: str, message: str) -> None:
        self.state, self.message = state, one_line(message)

    def drains(self) -> None:
        actors = f"; {self.moved} actors restart on other nodes" if self.moved else ""
        reason = self.request.reason or self.request.action
        self.become(DRAINING, f"Ray drains this node: {reason}{actors}")

    def remaining_s(self, now: float) -> float:
        return max(self.since + self.request.timeout_s - now, 0.0)


class Asks:
    """Drains that Ray is asked for, by up to MOST_ASKS threads.

    Ray's GCS asks the raylet of the node, and waits a minute for one that is frozen; the reports
    must go on meanwhile.
    """

    def __init__(self, ask: Callable[[Entry], DrainReply], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[Entry] = deque()
        self._running: list[Entry] = []
        self._replies: list[tuple[Entry, str, DrainReply]] = []
        self._threads = 0
        self._done = threading.Event()

    def start(self, due: list[Entry]) -> None:
        """Ask about these, unless they are being asked about."""
        with self._lock:
            pending = [*self._waiting, *self._running]
            self._waiting += [e for e in due if not any(e is one for one in pending)]
            more = min(len(self._waiting), MOST_ASKS - self._threads)
            self._threads += more
            if self._threads:
                self._done.clear()
        for _ in range(more):
            threading.Thread(target=self._work, daemon=True).start()

    def replies(self) -> list[tuple[Entry, str, DrainReply]]:
        """The replies since the last call, with the IDs of their nodes; waits for a moment."""
        with self._lock:
            busy = self._threads > 0
        if busy:
            self._clock.wait(PATIENCE_S, self._done)
        with self._lock:
            replies, self._replies = self._replies, []
        return replies

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    if self._threads == 0:
                        self._done.set()
                    return
                entry = self._waiting.popleft()
                self._running.append(entry)
            node_id = entry.node_id
            reply = self._ask(entry)
            with self._lock:
                self._running = [one for one in self._running if one is not entry]
                self._replies.append((entry, node_id, reply))


class Answers:
    """Requests to one incarnation of a head, and their answers.

    `previous` are the answers in the last report of this incarnation, whose times go on.
    """

    def __init__(
        self,
        head: HeadRecord,
        files: MemberFiles,
        source: Source,
        clock: Clock,
        previous: object,
    ) -> None:
        self._head = head
        self._files = files
        self._source = source
        self._clock = clock
        self._previous: Mapping[str, object] = previous if isinstance(previous, dict) else {}
        self._entries: dict[str, Entry] = {}
        self._swept = False
        self._asks = Asks(self._ask, clock)
        self._moves = Moves(source, clock)

    def look(self) -> bool:
        """Look at the files; True if Ray has to be looked at too, since an answer may change."""
        if not self._swept:
            remove_earlier(self._files, self._head.incarnation)
            self._swept = True
        requests, now = read_requests(self._files, self._head.incarnation), self._clock.monotonic()
        if requests is not None:
            for name, entry in list(self._entries.items()):
                self._keep(name, entry, now, is_there=name in requests)
            for name, request in requests.items():
                if name not in self._entries:
                    self._entries[name] = self._entry(request, now)
            self._previous = {}
        return any(entry.state in ("", DRAINING, FAILED) for entry in self._standing().values())

    def act(self, reading: Reading) -> bool:
        """Judge each request by a reading, and ask Ray where due; True if an answer changed."""
        before, entries = self._signs(), self._standing()
        nodes: dict[str, RayNode] = {}
        for node in sorted(reading.nodes, key=lambda one: one.started_ms):
            if node.alive:
                nodes[node.instance_id] = node
        now = self._clock.monotonic()
        due = [
            entry
            for entry in entries.values()
            if self._is_due(entry, nodes.get(entry.request.engine_id), reading.error, now)
        ]
        self._asks.start(due)
        for entry, node_id, reply in self._asks.replies():
            _settle(entry, node_id, reply)
        for entry in due:
            if not entry.state:
                entry.become(FAILED, "Ray has not answered yet")
        if not reading.error:
            self._move_actors(entries.values(), reading)
        return self._signs() != before

    def _move_actors(self, entries: Iterable[Entry], reading: Reading) -> None:
        """Move actors of nodes that Ray's scheduler knows to drain.

        A moment after the reply to a drain it does not yet, and would restart them where they are.
        """
        known = {node.node_id for node in reading.nodes if node.alive and node.draining}
        draining = {
            entry.node_id: entry
            for entry in entries
            if entry.request.action == DRAIN and entry.node_id in known
        }
        for node_id, number in self._moves.move(draining, reading.nodes).items():
            draining[node_id].moved += number
            draining[node_id].drains()

    def document(self) -> dict[str, object]:
        """The answers by ID, as in the report."""
        now = self._clock.monotonic()
        return {
            name: {
                "action": entry.request.action,
                "member": entry.request.member,
                "engine_id": entry.request.engine_id,
                "state": entry.state,
                "message": entry.message,
                "remaining_s": round(entry.remaining_s(now), 1),
                "node_id": entry.node_id,
            }
            for name, entry in self._standing().items()
            if entry.state
        }

    def _standing(self) -> dict[str, Entry]:
        return {n: entry for n, entry in self._entries.items() if entry.absent_since is None}

    def _signs(self) -> dict[str, tuple[str, str]]:
        return {n: (entry.state, entry.message) for n, entry in self._standing().items()}

    def _keep(self, name: str, entry: Entry, now: float, *, is_there: bool) -> None:
        """Note the file, or its absence; forget a request that was withdrawn.

        The time is that of the first file.  One that is replaced from outside may be absent for a
        moment, which must not give the node its time again.  A refusal is forgotten immediately:
        the same request may be repeated.
        """
        if is_there:
            entry.absent_since = None
            return
        if entry.absent_since is None:
            entry.absent_since = now
        if entry.state == REFUSED or now - entry.absent_since >= WITHDRAWN_S:
            del self._entries[name]

    def _entry(self, request: Request, now: float) -> Entry:
        """A request at its first look, with what the last report of this incarnation said of it."""
        row = self._previous.get(request.id)
        if not isinstance(row, dict) or row.get("state") not in STATES:
            return Entry(request, now)
        remaining, passed = row.get("remaining_s"), 0.0
        if isinstance(remaining, (int, float)) and 0 <= remaining <= request.timeout_s:
            passed = request.timeout_s - remaining
        state, message, node_id = (text_of(row, key) for key in ("state", "message", "node_id"))
        return Entry(request, now - passed, state, message, node_id)

    def _is_due(self, entry: Entry, node: RayNode | None, error: str, now: float) -> bool:
        """Set the state by the living node of the engine; True if Ray must be asked now."""
        over = entry.remaining_s(now) <= 0
        if entry.request.engine_id == self._head.engine_id:
            entry.become(REFUSED, "a head is not drained")
        elif error:
            if entry.state in ("", FAILED):
                entry.become(FAILED, error)
        elif node is None:
            entry.become(DRAINED, "Ray has no living node of this engine")
        elif entry.state != REFUSED:
            asked = entry.state in (DRAINING, EXPIRED) and entry.node_id == node.node_id
            accepted, entry.node_id = asked or node.draining, node.node_id
            if not accepted and not over:
                return True
            if not accepted and entry.request.action == DRAIN_IF_IDLE:
                # An expired request lets the controller stop the node, which may be busy.
                entry.become(REFUSED, "the time was over before Ray answered")
            elif over:
                entry.become(EXPIRED, "the time is over, and the node is alive")
            elif entry.state != DRAINING:
                entry.become(DRAINING, "Ray drains this node already")
        return False

    def _ask(self, entry: Entry) -> DrainReply:
        request, clock = entry.request, self._clock
        deadline_ms = int((clock.now() + entry.remaining_s(clock.monotonic())) * 1000)
        return self._source.drain_node(
            entry.node_id,
            f"raycml: {request.reason or request.action}",
            deadline_ms,
            if_idle=request.action == DRAIN_IF_IDLE,
        )


def _settle(entry: Entry, node_id: str, reply: DrainReply) -> None:
    entry.node_id = node_id
    if reply.failed:
        entry.become(FAILED, f"{reply.message}; trying again")
    elif reply.accepted:
        entry.drains()
    else:
        entry.become(REFUSED, f"Ray refused: {reply.message}")
