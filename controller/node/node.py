"""The node program: a Ray node as child of an application's kernel, with `spec.python`.

Runs the head or the worker until it ends or the pod is stopped.  Exit codes: 0 after a requested
stop, 1 after a failure, 3 if it could not start.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from controller.node import ports, processes, reach
from controller.node.clock import Clock
from controller.node.head import Head
from controller.node.log import Log
from controller.node.member_state import FAILED, STARTING, MemberState, Versions
from controller.node.page import serve
from controller.node.pod import Pod, Settings, read_pod, read_settings
from controller.node.project_files import HeadRecord, MemberFiles
from controller.node.ray import command, fixed_ports, tokens
from controller.node.ray.drain import Drain
from controller.node.ray.relay import HOST, Relay
from controller.node.ray.run import HEAD_PARTS, WORKER_PARTS, RayRun, TempDir
from controller.node.ray.store import Store
from controller.node.ray.turn import Turn
from controller.node.ray.versions import Habits, habits, python_level
from controller.node.reach import REACHED, SILENT, Reach
from controller.node.worker import Worker

TICK_S = 0.5
UNUSABLE = 3  # exit code
NODE_FLAG = "--raycml-node"
REPORT_FLAG = "--raycml-report"
DRAIN_FLAG = "--raycml-drain"
_NOTHING: Mapping[str, str] = MappingProxyType({})
_ONE_STOP_S = 1.0  # a stop may arrive twice: from the kernel and from outside


class Stop:
    """A requested stop, orderly or immediate, set by the signals TERM and INT."""

    def __init__(self, clock: Clock) -> None:
        self.requested = threading.Event()
        self.hurry = threading.Event()
        self._clock = clock
        self._first_at = 0.0

    def listen(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: self.ask())

    def ask(self) -> None:
        now = self._clock.monotonic()
        if not self.requested.is_set():
            self._first_at = now
            self.requested.set()
        elif now - self._first_at >= _ONE_STOP_S:
            self.hurry.set()


class Role(Protocol):
    """A head or a worker."""

    def step(self) -> int | None: ...
    def stop(self, hurry: threading.Event) -> None: ...


@dataclass(frozen=True)
class Node:
    """Parts of head and worker; `start` marks the processes of this start of the node program.

    `auth_mode` is the mode that a head starts with; a worker follows its head instead.
    """

    settings: Settings
    state: MemberState
    start: str
    auth_mode: str = ""

    @property
    def habits(self) -> Habits:
        return habits(self.settings.ray_version)

    def environment(
        self, more: Mapping[str, str], head: HeadRecord | None = None
    ) -> dict[str, str]:
        """Variables of Ray's processes; of a worker in the cluster of `head`."""
        mode = self.auth_mode if head is None else head.auth_mode
        auth = tokens.variables(mode, self.state.files, self.settings.ray_version)
        variables = command.environment(
            os.environ, self.settings, self.state.pod, self.start, sys.executable, auth
        )
        return {**variables, **more}

    def probe(self, host: str, port: int, timeout_s: float = reach.PROBE_S) -> Reach:
        """Probe Ray at this address, which speaks TLS where the variables of this pod say so."""
        return reach.probe(host, port, timeout_s, tls=reach.uses_tls(os.environ))

    def launch(
        self,
        claims: Mapping[str, ports.Claim],
        head: HeadRecord | None = None,
        address: str = "",
        more: Mapping[str, str] = _NOTHING,
    ) -> RayRun:
        """Start Ray with these ports, by option, and as a worker in the cluster of `head`.

        `address`: of a relay to the head, instead of the head's own; `more` variables.
        """
        address = address or (head.address if head else "")
        pod, own = self.state.pod, self.settings.is_head or self.habits.own_temp_dir
        temp_dir = TempDir(adopts=not own and not pod.shares_host)
        arguments = command.start_arguments(
            self.settings, pod, temp_dir.path, _sizes(self), _numbers(claims), address
        )
        return RayRun(
            command.command(sys.executable, os.getpid(), arguments),
            self.environment({**temp_dir.variables, **more}, head),
            pod.home,
            temp_dir,
            HEAD_PARTS if self.settings.is_head else WORKER_PARTS,
            self.state.log,
            self._drain(head) if head and not self.habits.drains_at_term else None,
        )

    def _drain(self, head: HeadRecord) -> Drain:
        request = json.dumps([head.address, self.state.pod.engine_id])
        host, port = head.host_and_port()
        return Drain(
            lambda: start_program(self, DRAIN_FLAG, request, subprocess.DEVNULL, head),
            lambda: self.probe(host, port, 1.0).outcome not in (REACHED, SILENT),
        )

    def claim_ports(self) -> dict[str, ports.Claim]:
        """Claims of the node's fixed ports, by option of `ray start`, else of free ports.

        They last, between runs of Ray too, while they are referenced.
        """
        head, params = self.settings.is_head, self.settings.ray_start_params
        avoided = command.avoided_ports(self.settings, self.state.pod)
        claims = {
            row.option: ports.claim(row.port, self.state.pod.ip, avoided)
            for row in fixed_ports.wanted(head=head, params=params)
            # Without its gRPC, Ray refuses a port for its client.
            if row.option != fixed_ports.CLIENT or importlib.util.find_spec("grpc") is not None
        }
        moved = [
            f"{row.option} {row.port} -> {claims[row.option].port}"
            for row in fixed_ports.TABLE
            if row.option in claims and claims[row.option].port != row.port
        ]
        if moved:
            self.state.log.write(f"ports in use, replaced by free ones: {', '.join(moved)}")
        chosen = {row.option: int(params.get(row.option, 0)) for row in fixed_ports.TABLE}
        self.state.publish_ports({**{k: v for k, v in chosen.items() if v}, **_numbers(claims)})
        return claims


def main(values: Mapping[str, object], arguments: list[str]) -> int:
    """Run the node; `arguments` are NODE_FLAG and the kernel's process ID."""
    clock = Clock()
    stop = Stop(clock)
    stop.listen()
    processes.adopt_orphans()
    settings = read_settings(values)
    pod = read_pod(settings, os.environ, Path.cwd())
    state = member_state(settings, pod, own_versions(), clock)
    mode = tokens.mode_of_head(settings, os.environ) if settings.is_head else ""
    node = Node(settings, state, secrets.token_hex(8), mode)
    fault = version_fault(settings, state.versions)
    if fault:
        state.become(FAILED, fault)
        return UNUSABLE
    state.look_for_mesh()
    state.become(STARTING, f"{pod.member} of {settings.cluster} on {pod.ip}")
    try:
        role = head(node) if settings.is_head else worker(node)
    except OSError as error:
        state.become(FAILED, f"cannot start: {error.strerror or error}")
        return UNUSABLE
    kernel = int(arguments[1])
    return live(role, clock, stop, lambda: os.getppid() == kernel)


def member_state(settings: Settings, pod: Pod, versions: Versions, clock: Clock) -> MemberState:
    """The state of this pod's member, in the files of the project."""
    files = MemberFiles(pod.home, settings.cluster)
    return MemberState(files, pod, versions, clock, Log(files.log(pod.member), clock))


def own_versions() -> Versions:
    """Versions, without an import of Ray, which takes half a second."""
    try:
        ray = importlib.metadata.version("ray")
    except importlib.metadata.PackageNotFoundError:
        ray = ""
    return Versions(ray=ray, python=platform.python_version())


def version_fault(settings: Settings, versions: Versions) -> str:
    """The reason why this interpreter cannot run the node; empty if it can."""
    if not versions.ray:
        return (
            f"{settings.python} has no Ray; install ray[default]=={settings.ray_version} "
            "into its environment"
        )
    if versions.ray != settings.ray_version:
        return (
            f"{settings.python} has Ray {versions.ray}, but the spec says {settings.ray_version}; "
            "change rayVersion, or install that version"
        )
    return ""


def live(role: Role, clock: Clock, stop: Stop, kernel_lives: Callable[[], bool]) -> int:
    """Step until the role ends, a stop is requested, or the kernel has ended."""
    while not clock.wait(TICK_S, stop.requested) and kernel_lives():
        code = role.step()
        if code is not None and not stop.requested.is_set():
            return code
    role.stop(stop.hurry)
    return 0


def worker(node: Node) -> Worker:
    serve(node.state.pod.port, node.state.view, node.state.log.tail)
    claims = node.claim_ports()

    relay = _relay(node) if node.settings.gcs_storage else None

    def launch(head: HeadRecord) -> RayRun:
        return node.launch(claims, head, relay.address if relay else "")

    level = python_level(node.settings.ray_version, os.environ)
    turn = Turn(needed=node.state.pod.shares_host and not node.habits.own_temp_dir)
    return Worker(node.state, launch, node.probe, level, turn, relay)


def _relay(node: Node) -> Relay:
    """The relay at the GCS's own port, else at a free one."""
    avoided = command.avoided_ports(node.settings, node.state.pod)
    gcs = next(row.port for row in fixed_ports.TABLE if row.option == fixed_ports.GCS)
    claim = ports.claim(gcs, HOST, avoided)
    return Relay(claim.port)


def head(node: Node) -> Head:
    if node.auth_mode == tokens.TOKEN and tokens.provide(node.state.files):
        node.state.log.write("created a new token for the cluster")
    claims = node.claim_ports()
    return Head(
        node.settings,
        node.state,
        gcs_port=claims[fixed_ports.GCS].port,
        launch=lambda more: node.launch(claims, more=more),
        report=lambda record: start_reporter(node, record),
        probe=node.probe,
        claims=claims,
        store=_store(node) if node.settings.gcs_storage else None,
        auth_mode=node.auth_mode,
    )


def _store(node: Node) -> Store:
    state, level = node.state, python_level(node.settings.ray_version, os.environ)
    return Store(state.files.store, state.versions, level, state.clock, state.log)


def _numbers(claims: Mapping[str, ports.Claim]) -> dict[str, int]:
    return {option: claim.port for option, claim in claims.items()}


def _sizes(node: Node) -> command.Sizes:
    free = command.shm_free(os.environ)
    slow_storage = bool(os.environ.get("RAY_OBJECT_STORE_ALLOW_SLOW_STORAGE"))
    size = command.sizes(node.settings, free, slow_storage=slow_storage)
    requested = command.requested_store(node.settings)
    if size.store < requested:
        node.state.log.write(
            f"the object store gets {size.store // command.MIB} MiB instead of "
            f"{requested // command.MIB}, since Ray refuses more than the shared memory: raise the "
            "project's shared_memory_limit"
        )
    if "plasma-directory" not in node.settings.ray_start_params:
        node.state.sized(size.store, size.asked, free)
    if size.store > free:
        node.state.log.write(
            f"shared memory has {free // command.MIB} MiB, so Ray keeps objects on disk, which "
            "is slow: raise the project's shared_memory_limit"
        )
    return size


def start_reporter(node: Node, record: HeadRecord) -> subprocess.Popen[bytes]:
    """Start the reporter; its standard input is a pipe that ends with this process."""
    return start_program(node, REPORT_FLAG, json.dumps(vars(record)), subprocess.PIPE, record)


def start_program(
    node: Node, flag: str, argument: str, stdin: int, head: HeadRecord
) -> subprocess.Popen[bytes]:
    """Start this launcher as another program, in the environment of Ray's processes."""
    home = node.state.pod.home
    return subprocess.Popen(
        [sys.executable, "-u", str(home / node.settings.launcher), flag, argument],
        cwd=home,
        env=node.environment({}, head),
        stdin=stdin,
    )
