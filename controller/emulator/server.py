"""The emulator's server process: state on disk, local pods, API and web pages on loopback.

Runs in the foreground until TERM or Ctrl-C, then ends all pods.  `daemon.py` starts it in the
background and finds it by `connection.json`.
"""

import fcntl
import json
import os
import random
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import waitress.server

from controller.clock import SystemClock
from controller.emulator import option_text
from controller.emulator.address import LOOPBACK, NAME, resolves
from controller.emulator.api.wsgi import create_app
from controller.emulator.certificates import AUTHORITY, bundle, server_context
from controller.emulator.ingress.channel import Channel
from controller.emulator.ingress.ingress import Entrance, Ingress
from controller.emulator.ingress.relay import Relay
from controller.emulator.options import ApiKey, Options, User
from controller.emulator.pods import runtime, supervisor
from controller.emulator.pods.pods import LocalProcesses, PodConfig
from controller.emulator.state import store
from controller.emulator.state.file_tree import FolderTree
from controller.emulator.state.ids import Ids
from controller.emulator.workspace import Workspace

TICK_S = 0.25
THREADS = 32
QUICKSTART = "quickstart"
CONNECTION = "connection.json"
LOCAL_OPTIONS = Options(stop_s=0.5, delete_s=1.0)
"""Faster than a real workspace."""


class AlreadyRunningError(Exception):
    """Another process uses this state folder."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of a server.  `port` 0: the previous one if free, else any.

    `texts` are options of the workspace by name, as in `option_text`.
    """

    state: Path
    port: int = 0
    scratch: Path = Path("/tmp")  # noqa: S108  short on purpose: Ray's socket paths must fit in 107
    texts: Mapping[str, str] = field(default_factory=dict)
    grace_s: float = 10.0


def prepare(folder: Path) -> None:
    """Create the state folder, accessible to its owner only."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in ("projects", "logs"):
        (folder / name).mkdir(exist_ok=True)


def home_tree(state: Path, project_id: str) -> FolderTree:
    """The home folder of a project."""
    home = state / "projects" / project_id
    home.mkdir(parents=True, exist_ok=True)
    return FolderTree(home)


def keep_options(config: Config) -> Options:
    """The options of the workspace: the kept ones, changed by new ones, and kept again."""
    texts = option_text.merged(option_text.load(config.state), config.texts)
    store.write_private(config.state / option_text.FILE, json.dumps(texts, indent=1))
    return option_text.apply(LOCAL_OPTIONS, texts)


class Server:
    """A running emulator."""

    def __init__(self, config: Config, link: socket.socket) -> None:
        self._config = config
        self._options = keep_options(config)
        self._lock = threading.RLock()
        self._stop = threading.Event()
        self._clock = SystemClock()
        self._previous = read_connection(config.state)
        self._key = self._previous.get("api_key") or secrets.token_hex(32)
        self._port = int(link.getsockname()[1])
        self.domain = f"{self._name()}:{self._port}"
        self._tls = server_context(config.state / "tls") if self._options.tls else None
        self._scheme = "https" if self._tls else "http"
        self.url = f"{self._scheme}://{LOOPBACK}:{self._port}"
        logs = config.state / "logs"
        self._runtime = runtime.prepare(
            config.state / "runtime",
            own_home=self._options.pod_home,
            bundle=bundle(config.state / "tls") if self._tls else None,
        )
        sys.stderr.write(f"pods: {self._runtime.remark}\n")
        pods = PodConfig(
            url=self.url,
            domain=self.domain,
            api_key=self._key,
            logs=logs,
            scratch=config.scratch,
            runtime=self._runtime,
            mesh=self._options.mesh,
            addon_hides_ray=self._options.addon_hides_ray,
            port=self._port,
            grace_s=config.grace_s,
        )
        self._processes = LocalProcesses(pods, supervisor.kill_other_children)
        self.workspace = self._workspace()
        self._saved = -1
        keys = {self._key: ApiKey(self._key)}
        api = create_app(
            self.workspace,
            keys,
            domain=self.domain,
            scheme=self._scheme,
            lock=self._lock,
            after_call=self._save,
        )
        front = Ingress(
            api,
            self.workspace,
            self._processes,
            keys,
            self._lock,
            domain=self.domain,
            logs=logs,
            entrance=Entrance(self._scheme, self._open_port),
        )
        inside = socket.create_server((LOOPBACK, 0)) if self._tls else link
        self._relay = Relay(int(inside.getsockname()[1]), self._tls)
        self._own_ports: dict[str, int] = {}
        self._link = link
        http: Any = waitress.server.create_server(
            front,
            sockets=[inside],
            threads=THREADS,
            ident="embedded-cml",
            url_scheme=self._scheme,
        )
        http.channel_class = Channel
        self._http = http

    def _name(self) -> str:
        names = self._options.localhost_names
        return NAME if names == "always" or (names == "auto" and resolves()) else LOOPBACK

    def _open_port(self, subdomain: str) -> int:
        """The port of an application's own; the same one while the emulator runs."""
        with self._lock:
            if subdomain not in self._own_ports:
                link = socket.create_server((LOOPBACK, 0))
                self._relay.listen(link)
                self._own_ports[subdomain] = int(link.getsockname()[1])
            return self._own_ports[subdomain]

    def _workspace(self) -> Workspace:
        """The saved workspace, or a new one with a project."""
        folder = self._config.state
        state = store.load(folder / "state.json")
        supervisor.kill_pods(store.recover(state, self._clock.now()))
        workspace = Workspace(
            self._clock,
            self._processes,
            Ids(random.SystemRandom()),
            options=self._options,
            new_tree=lambda project_id: home_tree(folder, project_id),
            state=state,
        )
        if not state.projects:
            raw = {"name": QUICKSTART, "shared_memory_limit": 4096}
            project = workspace.create_project(User(), raw)
            # For the first cluster; other projects are empty, as in CML.
            (home_tree(folder, project.id).home / ".venv").symlink_to(sys.prefix)
        return workspace

    def _save(self) -> None:
        if self._saved != self.workspace.state.changes:
            store.save(self.workspace.state, self._config.state / "state.json")
            self._saved = self.workspace.state.changes

    def _ticking(self) -> None:
        while not self._clock.wait(TICK_S, self._stop):
            with self._lock:
                self.workspace.tick()
                self._save()

    def run(self) -> None:
        """Serve until a signal; all pods have ended on return."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: sys.exit(0))
        supervisor.adopt_orphans()
        ticker = threading.Thread(target=self._ticking)
        try:
            self._save()
            store.write_private(self._config.state / CONNECTION, self._connection())
            ticker.start()
            if self._tls:
                self._relay.listen(self._link)
            self._http.run()
        finally:
            self._relay.close()
            self._stop.set()
            ticker.join()
            with self._lock:
                self._processes.close()

    def _connection(self) -> str:
        projects = self.workspace.state.projects.values()
        project_id = next((p.id for p in projects if p.name == QUICKSTART), next(iter(projects)).id)
        return json.dumps(
            {
                "url": self.url,
                "api_key": self._key,
                "project_id": project_id,
                "domain": self.domain,
                "ca_cert": str(self._config.state / "tls" / AUTHORITY) if self._tls else "",
                "pid": os.getpid(),
                "started": supervisor.started_at(os.getpid()),
                "port": self._port,
                "pods": self._runtime.remark,
            }
        )


def read_connection(state: Path) -> dict[str, str]:
    """The text values of the last server's connection file; else empty."""
    try:
        raw = json.loads((state / CONNECTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in raw.items()} if isinstance(raw, dict) else {}


def listen(config: Config) -> socket.socket:
    """Listen on the given port, else the previous one, else any, on loopback."""
    if config.port:
        return socket.create_server(("127.0.0.1", config.port))
    previous = read_connection(config.state).get("port", "0")
    try:
        return socket.create_server(("127.0.0.1", int(previous)))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


def lock_folder(state: Path) -> TextIO:
    """Lock the state folder while the server runs."""
    file = (state / "server.lock").open("w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise AlreadyRunningError(f"another emulator uses {state}") from None
    return file


def serve(config: Config) -> None:
    """Run a server in this process."""
    prepare(config.state)
    with lock_folder(config.state), listen(config) as link:
        Server(config, link).run()
