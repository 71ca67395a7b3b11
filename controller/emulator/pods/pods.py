"""Pods as local processes: a supervisor each, which runs the kernel.

Implements `Processes`.  Provides a pod's variables, address, ports and temporary folder, and passes
only `PATH` from the emulator's environment; `runtime.py` has its programs.  Waits for pods only in
`close`.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from controller.emulator.network.networks import Mesh, Networks, PodNetwork
from controller.emulator.pods import supervisor
from controller.emulator.pods.processes import CloneRequest, PodExit, PodRequest, PodStatus
from controller.emulator.pods.runtime import Runtime
from controller.emulator.state.catalogue import runtime_of_image
from controller.emulator.state.cloning import clone_command, clone_environment

LOGS = 200
"""Number of log files; the oldest are deleted first."""
_ENDED_KEPT = 200  # folders of ended pods that `close` removes once more


@dataclass(frozen=True, slots=True)
class PodConfig:
    """Address of the workspace, for its pods; `port` is that of `url` on this machine.

    `logs` is an existing folder.
    """

    url: str
    domain: str
    api_key: str = field(repr=False)
    logs: Path
    scratch: Path
    runtime: Runtime
    mesh: Mesh = "off"
    addon_hides_ray: bool = False
    port: int = 0
    grace_s: float = 10.0


@dataclass(slots=True)
class LocalPod:
    """A running supervisor."""

    process: subprocess.Popen[bytes]
    network: PodNetwork
    scratch: Path
    answered: bool = False
    stopping: bool = False


class LocalProcesses:
    """The pods of an emulator."""

    def __init__(
        self, config: PodConfig, on_killed: Callable[[set[int]], None] | None = None
    ) -> None:
        """`on_killed` receives the process IDs of running supervisors when one was killed."""
        self._config = config
        self._on_killed = on_killed
        self._pods: dict[str, LocalPod] = {}
        self._networks = Networks(config.mesh, config.scratch, config.port)
        # Workers of an old Ray write to the folder of a head that has ended, until they end too.
        self._ended: deque[Path] = deque(maxlen=_ENDED_KEPT)

    def start(self, request: PodRequest, now: datetime) -> None:  # noqa: ARG002  real pods need no clock
        engine = request.engine
        network = self._networks.new(engine.ip_address)
        script = request.script.removeprefix("/home/cdsw/")
        self._supervise(
            self._config.runtime.command(script, engine.id, request.home),
            pod_environment(request, self._config, network.port, self._new_scratch()),
            request.home,
            engine.application_id or engine.id,
            network,
            port=network.port if engine.application_id else 0,
        )

    def clone(self, request: CloneRequest, now: datetime) -> None:  # noqa: ARG002  as above
        own = {"CDSW_ENGINE_ID": request.engine_id, "TMPDIR": str(self._new_scratch())}
        self._supervise(
            clone_command(request.url, request.ref),
            {**clone_environment(), **own},
            request.tree.home,
            request.project_id,
            self._networks.none(),
        )

    def _new_scratch(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="cml-", dir=self._config.scratch))

    def _supervise(
        self,
        argv: list[str],
        environment: dict[str, str],
        home: Path,
        log: str,
        network: PodNetwork,
        port: int = 0,
    ) -> None:
        """Start a supervisor; it reads its instructions from a pipe, open while this runs.

        Only `port` is probed, unless 0.
        """
        self._prune_logs()
        instructions: supervisor.Instructions = {
            "argv": argv,
            "environment": environment,
            "home": str(home),
            "log": str(self._config.logs / f"{log}.log"),
            "port": port,
            "grace_s": self._config.grace_s,
        }
        program = [sys.executable, "-I", "-S", str(Path(supervisor.__file__).resolve())]
        process = subprocess.Popen(
            network.command(program),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath), **network.variables},
        )
        assert process.stdin is not None  # noqa: S101  asked for above
        assert process.stdout is not None  # noqa: S101  asked for above
        os.set_blocking(process.stdout.fileno(), False)
        process.stdin.write(json.dumps(instructions).encode() + b"\n")
        process.stdin.flush()
        pod = LocalPod(process, network, Path(environment["TMPDIR"]))
        self._pods[environment["CDSW_ENGINE_ID"]] = pod

    def _prune_logs(self) -> None:
        logs = sorted(self._config.logs.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in logs[:-LOGS]:
            path.unlink(missing_ok=True)

    def look(self, engine_id: str, now: datetime) -> PodStatus:  # noqa: ARG002  as above
        pod = self._pods.get(engine_id)
        if pod is None:
            return PodStatus(answered=False, ending=PodExit(137))
        status = pod.process.poll()
        pod.answered = pod.answered or _has_answered(pod.process)
        if status is None:
            return PodStatus(pod.answered)
        self._forget(engine_id)
        return PodStatus(pod.answered, PodExit(status if status >= 0 else 128 - status))

    def _forget(self, engine_id: str) -> None:
        """Remove an ended supervisor; if it was killed, also its processes and folder."""
        pod = self._pods.pop(engine_id)
        self._networks.forget(pod.network)
        for pipe in (pod.process.stdin, pod.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if pod.process.returncode < 0:
            supervisor.kill_pods({engine_id})
            if self._on_killed is not None:
                self._on_killed({other.process.pid for other in self._pods.values()})
        shutil.rmtree(pod.scratch, ignore_errors=True)
        self._ended.append(pod.scratch)

    def stop(self, engine_id: str, now: datetime) -> None:  # noqa: ARG002  as above
        pod = self._pods.get(engine_id)
        if pod is not None and not pod.stopping:
            pod.stopping = True
            pod.process.terminate()

    def port(self, engine_id: str) -> int | None:
        pod = self._pods.get(engine_id)
        return pod.network.outside or None if pod is not None else None

    def close(self) -> None:
        """End all pods in parallel, first by TERM, then by KILL; returns when all have ended."""
        for pod in self._pods.values():
            if not pod.stopping:
                pod.process.terminate()
        deadline = time.monotonic() + self._config.grace_s + 5.0
        for engine_id, pod in list(self._pods.items()):
            try:
                pod.process.wait(max(deadline - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                pod.process.kill()
                pod.process.wait()
            self._forget(engine_id)
        self._networks.close()
        for scratch in self._ended:
            shutil.rmtree(scratch, ignore_errors=True)


def _has_answered(process: subprocess.Popen[bytes]) -> bool:
    if process.stdout is None or process.stdout.closed:
        return False
    try:
        return b"answered" in os.read(process.stdout.fileno(), 4096)
    except BlockingIOError:
        return False


def pod_environment(
    request: PodRequest, config: PodConfig, port: int, scratch: Path
) -> dict[str, str]:
    """All variables of a pod's processes.  The user's variables override only defaults."""
    engine, runtime = request.engine, runtime_of_image(request.runtime_identifier)
    return {
        "PATH": config.runtime.path(request.home),
        "PYTHONPATH": config.runtime.addons(hides_ray=config.addon_hides_ray),
        "LANG": "C.UTF-8",
        "PIP_USER": "1",
        "ML_RUNTIME_KERNEL": runtime.kernel,
        "ML_RUNTIME_EDITION": runtime.edition,
        "ML_RUNTIME_EDITOR": runtime.editor,
        "ML_RUNTIME_FULL_VERSION": runtime.full_version,
        "CDSW_APP_POLLING_ENDPOINT": "/",
        **request.environment,
        **config.runtime.account(request.home),
        "TMPDIR": str(scratch),
        **_identity(request, config),
        "CDSW_IP_ADDRESS": engine.ip_address,
        # All equal, as observed.
        **dict.fromkeys(("CDSW_APP_PORT", "CDSW_READONLY_PORT", "CDSW_PUBLIC_PORT"), str(port)),
        "CDSW_CPU_MILLICORES": str(int(engine.cpu * 1000)),
        "CDSW_MEMORY_MB": str(int(engine.memory * 1024)),
        "CML_EMULATOR_SHM_MB": str(request.project.shared_memory_limit),
        **({"JOB_ARGUMENTS": request.arguments} if not engine.application_id else {}),
    }


def _identity(request: PodRequest, config: PodConfig) -> dict[str, str]:
    engine, project = request.engine, request.project
    return {
        "CDSW_API_URL": f"{config.url}/api/v1",
        "CDSW_APIV2_KEY": config.api_key,
        "CDSW_CREATOR": engine.creator.username,
        "CDSW_DOMAIN": config.domain,
        "CDSW_ENGINE_ID": engine.id,
        "CDSW_ENGINE_TYPE": engine.workload_type,
        "CDSW_NODE_NAME": socket.gethostname(),
        "CDSW_PROJECT": project.name,
        "CDSW_PROJECT_ID": project.id,
        "CDSW_PROJECT_NUM": str(project.number),
        "CDSW_PROJECT_URL": f"{config.url}/api/v2/projects/{project.id}",
        "HADOOP_USER_NAME": engine.creator.username,
        "PROJECT_OWNER": engine.creator.username,
    }
