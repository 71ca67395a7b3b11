"""State of a member, in its log, its file and its web page.

The file is written at each change and at least every five seconds, so that readers can distinguish
a live member from a leftover file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controller.node.clock import Clock, stamp
from controller.node.generation import Generation
from controller.node.log import Log
from controller.node.pod import Pod
from controller.node.project_files import MEMBER_SCHEMA, MemberFiles, clear_drafts, write_json
from controller.node.reach import ISTIO, Reach, find_mesh

STARTING = "starting"
WAITING = "waiting-for-head"
JOINING = "joining"
JOINED = "joined"
DRAINED = "drained"
RETRYING = "retrying"
FAILED = "failed"
STOPPING = "stopping"
ENDED = "ended"

BEAT_S = 4.0


@dataclass(frozen=True)
class Versions:
    """Actual versions; Ray's is empty if it is not installed."""

    ray: str
    python: str


@dataclass(frozen=True)
class View:
    """A snapshot of a member, for its file and its web page.

    `mesh` is that of the pod's sidecar, `to_head` the outcome of the last probe of the head; both
    are empty until then.  `ports` are Ray's on this node, by option of `ray start`.
    """

    cluster: str
    member: str
    engine_id: str
    ray_version: str
    python_version: str
    state: str = ""
    message: str = ""
    since: str = ""
    head_incarnation: str = ""
    head_address: str = ""
    store_bytes: int = 0
    store_asked_bytes: int = 0
    shm_bytes: int = 0
    mesh: str = ""
    to_head: str = ""
    pod_name: str = ""
    host_name: str = ""
    ports: Mapping[str, int] = field(default_factory=dict)


class MemberState:
    """State with one writing thread and several readers, and what it is written with."""

    def __init__(
        self, files: MemberFiles, pod: Pod, versions: Versions, clock: Clock, log: Log
    ) -> None:
        self.files = files
        self.pod = pod
        self.versions = versions
        self.clock = clock
        self.log = log
        self._path = files.member(pod.member)
        self._lock = threading.Lock()
        self._started_at = clock.now()
        self._generation = Generation(self._path, pod.engine_id, clock)
        clear_drafts(self._path)
        self._written = -BEAT_S
        self._unwritable = False
        self._view = View(
            files.cluster,
            pod.member,
            pod.engine_id,
            versions.ray,
            versions.python,
            pod_name=pod.pod_name,
            host_name=pod.host_name,
        )

    def view(self) -> View:
        with self._lock:
            return self._view

    def follow(self, incarnation: str, address: str) -> None:
        """Set the member's head; the next `become` or `beat` writes it."""
        with self._lock:
            self._view = replace(self._view, head_incarnation=incarnation, head_address=address)

    def sized(self, store: int, asked: int, shm: int) -> None:
        """Set the object store, its size with enough shared memory, and the shared memory; the next
        `become` or `beat` writes them."""
        with self._lock:
            self._view = replace(
                self._view, store_bytes=store, store_asked_bytes=asked, shm_bytes=shm
            )

    def look_for_mesh(self) -> None:
        """Find the pod's sidecar within two seconds; the next `become` or `beat` writes it."""
        mesh = find_mesh(self.pod.ip, shares_host=self.pod.shares_host)
        if mesh == ISTIO and self.view().mesh != ISTIO:
            self.log.write("this pod has a sidecar of Istio: mesh: istio")
        with self._lock:
            self._view = replace(self._view, mesh=mesh)

    def publish_ports(self, ports: Mapping[str, int]) -> None:
        """Set the ports of Ray on this node; the next `become` or `beat` writes them."""
        with self._lock:
            self._view = replace(self._view, ports=dict(ports))

    def note_reach(self, reach: Reach) -> None:
        """Set the outcome of a probe of the head; a sidecar may have started by now."""
        if not reach.ok and self.view().mesh != ISTIO:
            self.look_for_mesh()
        with self._lock:
            self._view = replace(self._view, to_head=reach.outcome)

    def become(self, state: str, message: str) -> None:
        """Set state and message.  `since` changes with the state; a repetition is not logged."""
        old = self.view()
        if (old.state, old.message) == (state, message):
            return
        since = old.since if old.state == state else stamp(self.clock.now())
        with self._lock:
            self._view = replace(self._view, state=state, message=message, since=since)
        self.log.write(f"{state}: {message}")
        self._write()

    def beat(self) -> None:
        if self.clock.monotonic() - self._written >= BEAT_S:
            self._write()

    def _write(self) -> None:
        self._written = self.clock.monotonic()
        if self._generation.is_superseded():
            return
        try:
            write_json(self._path, self._document())
        except OSError as error:
            if not self._unwritable:
                self.log.write(f"cannot write {self._path}: {error.strerror}")
            self._unwritable = True
        else:
            self._unwritable = False

    def _document(self) -> dict[str, object]:
        document = {
            **vars(self.view()),
            "schema": MEMBER_SCHEMA,
            "generation": self._generation.number,
            "pid": os.getpid(),
            "started_at": self._started_at,
            "observed_at": stamp(self.clock.now()),
        }
        del document["head_address"]  # in `head.json`
        return document
