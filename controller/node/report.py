"""The head's reporter: joins the states of Ray and of the members every three seconds.

Runs as a child process of the head's node program, with the same interpreter's Ray package.  It
speaks only to the GCS (node table, autoscaler state, drains): it starts no raylet and is no driver.
Between reports it looks for requests of the controller, and reports each change of an answer.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from controller.node.clock import Clock, parse_stamp, stamp
from controller.node.pod import HEAD
from controller.node.project_files import (
    MEMBER_SCHEMA,
    REPORT_SCHEMA,
    HeadRecord,
    MemberFiles,
    clear_drafts,
    read_head,
    read_json,
    text_of,
    write_json,
)
from controller.node.ray.fixed_ports import NODE_MANAGER
from controller.node.ray.gcs import RayNode, Reading, Source, connect
from controller.node.reach import REACHED, Reach, probe, uses_tls
from controller.node.requests.answers import Answers

EVERY_S = 3.0
LOOK_S = 0.75  # between looks for requests
MOST_MEMBERS = 10_000
MOST_LISTED = 200  # unknown nodes
MOST_PROBES = 16
PROBE_EVERY_S, PROBE_AGAIN_S = 60.0, 10.0
GONE_AFTER_S = 24 * 3600.0  # age at which an unchanged file of a member is removed
_OF_THE_HEAD = (
    *("cluster", "incarnation", "started_at", "address", "ray_version", "python_version"),
    "store_generation",
    "auth_mode",
)
_OF_A_MEMBER = (
    *("engine_id", "state", "message", "since", "mesh", "to_head", "pod_name", "host_name"),
    *("ray_version", "python_version"),
)
_UNCHANGED_S = 60.0  # a live pod writes many times in this time, whatever its clock
_FIRST_S = 10.0  # silence after a reporter's first look from which it is known to be one


class NodeProbes:
    """Probes of the nodes' managers from the head's pod, each in a thread of its own.

    A node is probed when it is new, and then every minute, or every ten seconds while it cannot be
    reached; at most MOST_PROBES at a time.  The outcome outlives the node's death, of which it may
    be the cause: without an answer to its health checks, the GCS takes a node for dead.
    """

    def __init__(self, probe: Callable[[str, int], Reach], clock: Clock) -> None:
        self._probe = probe
        self._clock = clock
        self._lock = threading.Lock()
        self._outcomes: dict[str, tuple[str, float]] = {}  # by node ID: outcome, and time
        self._running: set[str] = set()

    def outcomes(self, nodes: Iterable[RayNode]) -> dict[str, str]:
        """The last outcome by node ID; starts the probes that are due."""
        table = {node.node_id: node for node in nodes}
        now = self._clock.monotonic()
        with self._lock:
            self._outcomes = {key: self._outcomes[key] for key in table if key in self._outcomes}
            due = [node for node in table.values() if self._is_due(node, now)]
            starts = due[: max(MOST_PROBES - len(self._running), 0)]
            self._running |= {node.node_id for node in starts}
            outcomes = {key: outcome for key, (outcome, _) in self._outcomes.items()}
        for node in starts:
            threading.Thread(target=self._run, args=(node,), daemon=True).start()
        return outcomes

    def _is_due(self, node: RayNode, now: float) -> bool:
        if not node.alive or not node.port or node.node_id in self._running:
            return False
        outcome, last = self._outcomes.get(node.node_id, ("", -math.inf))
        return now - last >= (PROBE_EVERY_S if outcome == REACHED else PROBE_AGAIN_S)

    def _run(self, node: RayNode) -> None:
        outcome = self._probe(node.node_ip, node.port).outcome
        with self._lock:
            self._running.discard(node.node_id)
            self._outcomes[node.node_id] = (outcome, self._clock.monotonic())


def join(
    documents: Iterable[Mapping[str, object]],
    nodes: Iterable[RayNode],
    outcomes: Mapping[str, str] = MappingProxyType({}),
    silences: Mapping[str, float] = MappingProxyType({}),
) -> dict[str, object]:
    """The report's `members` and `unknown_nodes`.

    `outcomes` are of probes, by node ID; `silences` are seconds without a change of the file, by
    member.

    A node belongs to a member if it has the engine ID in the member's file: a node of an earlier
    pod of the member is unknown.  Of several, the one alive, then the latest.
    """
    by_engine: dict[str, RayNode] = {}
    for node in sorted(nodes, key=lambda item: (item.alive, item.started_ms)):
        by_engine[node.instance_id] = node
    members = {}
    engine_ids = set()
    for document in documents:
        engine = text_of(document, "engine_id")
        owner = by_engine.get(engine) if engine else None
        outcome = outcomes.get(owner.node_id, "") if owner else ""
        name = text_of(document, "member")
        row = {**_member(document, owner), "from_head": outcome, "silent_s": silences.get(name)}
        members[name] = row
        engine_ids.add(engine)
    unknown = [n for n in by_engine.values() if n.alive and n.instance_id not in engine_ids]
    names = ("node_id", "node_ip", "node_name", "instance_id", "fingerprint")
    rows = [{name: getattr(node, name) for name in names} for node in unknown[:MOST_LISTED]]
    return {"members": members, "unknown_nodes": rows}


def _member(document: Mapping[str, object], node: RayNode | None) -> dict[str, object]:
    fields = {key: text_of(document, key) for key in _OF_A_MEMBER}
    sizes = {key: document.get(key) for key in ("store_bytes", "store_asked_bytes", "shm_bytes")}
    return {
        **fields,
        **{key: size for key, size in sizes.items() if isinstance(size, int) and size > 0},
        "alive": node is not None and node.alive,
        "node_id": node.node_id if node else "",
        "node_ip": node.node_ip if node else "",
        "fingerprint": node.fingerprint if node else "",
        "resources": dict(node.resources) if node else {},
        "used": dict(node.used) if node and node.alive else {},
        "idle_s": node.idle_s if node and node.alive else None,
    }


@dataclass(frozen=True)
class _Sign:
    """A version of a member's file, and the time of its first read.  `moved`: it was another."""

    version: tuple[str, str]
    since: float
    moved: bool


class Reporter:
    """Writes the head report of an incarnation, with sequence numbers."""

    def __init__(
        self,
        head: HeadRecord,
        files: MemberFiles,
        source: Source,
        clock: Clock,
        probe: Callable[[str, int], Reach],
    ) -> None:
        """`probe` asks Ray for an answer at a host and port."""
        self._head = head
        self._files = files
        self._source = source
        self._clock = clock
        self._probes = NodeProbes(probe, clock)
        self._session_name = ""
        last = self._last_report()
        sequence = last.get("sequence")
        self._sequence = sequence if isinstance(sequence, int) else 0
        self._answers = Answers(head, files, source, clock, last.get("answers"))
        self._was_published = False
        self._due = -math.inf
        self._signs: dict[Path, _Sign] = {}
        clear_drafts(files.report)

    def look(self) -> None:
        """Act on requests; write a report if it is due or an answer changed.  Raises OSError.

        Does nothing once `head.json` names another head.
        """
        if self._is_replaced():
            return
        is_due = self._clock.monotonic() >= self._due
        if not self._answers.look() and not is_due:
            return
        reading = self._source.read()
        changed = self._answers.act(reading)
        if changed or is_due:
            self._write(reading)

    def report(self) -> None:
        """The same, with a report in any case."""
        self._due = -math.inf
        self.look()

    def _is_replaced(self) -> bool:
        record = read_head(self._files)
        published = record is not None and record.incarnation == self._head.incarnation
        self._was_published = self._was_published or published
        return self._was_published and record is not None and not published

    def _write(self, reading: Reading) -> None:
        # A look comes a little early or late.
        self._due = self._clock.monotonic() + EVERY_S - LOOK_S / 2
        self._session_name = reading.session_name or self._session_name
        self._sequence += 1
        write_json(self._files.report, self._body(reading))

    def _body(self, reading: Reading) -> dict[str, object]:
        demand, documents = reading.demand, self._member_documents()
        nodes = _with_ports(reading.nodes, documents)
        head = next((d for d in documents if text_of(d, "member") == HEAD), {})
        return {
            "schema": REPORT_SCHEMA,
            "observed_at": stamp(self._clock.now()),
            "period_s": EVERY_S,
            "sequence": self._sequence,
            "session_name": self._session_name,
            "pending_demand": None if demand is None else [vars(item) for item in demand],
            "error": reading.error or None,
            "mesh": text_of(head, "mesh"),
            "answers": self._answers.document(),
            **join(documents, nodes, self._probes.outcomes(nodes), self._silences(documents)),
            **{key: getattr(self._head, key) for key in _OF_THE_HEAD},
        }

    def _last_report(self) -> dict[str, object]:
        """The last report of a previous reporter of this incarnation; else empty."""
        values = read_json(self._files.report) or {}
        return values if values.get("incarnation") == self._head.incarnation else {}

    def _silences(self, documents: Iterable[Mapping[str, object]]) -> dict[str, float]:
        """Seconds since the file of each member changed.

        Before a first change they are unknown for some seconds, and then at least those since the
        first look.
        """
        now = self._clock.monotonic()
        silences: dict[str, float] = {}
        for document in documents:
            name = text_of(document, "member")
            sign = self._signs.get(self._files.member(name))
            if sign is not None and (sign.moved or now - sign.since >= _FIRST_S):
                silences[name] = round(now - sign.since, 1)
        return silences

    def _member_documents(self) -> list[dict[str, object]]:
        paths = sorted(self._files.members.glob("*.json"))[:MOST_MEMBERS]
        documents = [(path, read_json(path) or {}) for path in paths]
        member_documents = [
            (path, document) for path, document in documents if _is_member_document(document)
        ]
        self._signs = {path: self._sign(path, document) for path, document in member_documents}
        return [
            document for path, document in member_documents if not self._is_removed(path, document)
        ]

    def _sign(self, path: Path, document: Mapping[str, object]) -> _Sign:
        version = (text_of(document, "engine_id"), text_of(document, "observed_at"))
        before = self._signs.get(path)
        if before is not None and before.version == version:
            return before
        return _Sign(version, self._clock.monotonic(), moved=before is not None)

    def _is_removed(self, path: Path, document: Mapping[str, object]) -> bool:
        """Remove the file of a pod that ended long ago; True if removed.

        Its time is from another clock, so a file that changes is never old, and the age of a file
        from the future is the time without a change.
        """
        unchanged = self._clock.monotonic() - self._signs[path].since
        observed = parse_stamp(document.get("observed_at"))
        age = math.inf if observed is None else self._clock.now() - observed
        if unchanged <= GONE_AFTER_S and not (unchanged > _UNCHANGED_S and age > GONE_AFTER_S):
            return False
        with contextlib.suppress(OSError):
            path.unlink()
        return True


def _with_ports(
    nodes: Iterable[RayNode], documents: Iterable[Mapping[str, object]]
) -> list[RayNode]:
    """The nodes with the ports of their managers, by their members where Ray 2.20 has none."""
    published = {}
    for document in documents:
        ports = document.get("ports")
        port = ports.get(NODE_MANAGER) if isinstance(ports, dict) else None
        published[text_of(document, "engine_id")] = port if isinstance(port, int) else 0
    return [replace(node, port=node.port or published.get(node.instance_id, 0)) for node in nodes]


def _is_member_document(document: Mapping[str, object]) -> bool:
    return document.get("schema") == MEMBER_SCHEMA and bool(text_of(document, "member"))


def run(head: HeadRecord, home: Path) -> None:
    """Report until standard input ends, which is at the end of the node program."""
    clock = Clock()
    tls = uses_tls(os.environ)
    files, source = MemberFiles(home, head.cluster), connect(head.address)
    reporter = Reporter(head, files, source, clock, lambda host, port: probe(host, port, tls=tls))
    while os.getppid() != 1:
        try:
            reporter.look()
        except OSError as error:
            sys.stdout.write(f"cannot write the head report: {error.strerror}\n")
            sys.stdout.flush()
        if select.select([sys.stdin], [], [], LOOK_S)[0]:
            return
