"""A pod behind a sidecar: a network of its own, and the only way in and out.

A program, `python -m controller.emulator.network.mesh ORDER COMMAND...`, which runs COMMAND as a
child in two new network namespaces.  The pod's has an `eth0` with the pod's address, behind which
the sidecar's has all addresses of other pods: it accepts a connection to any of them, as a sidecar
of Istio does, and then passes it on, closes it, or never answers.  Sidecars find each other by Unix
sockets in a folder.  Other hosts cannot be reached from such a pod.

Root, or a user who may create namespaces, and the program `ip` are needed.  Exit status: that of
COMMAND; 1, with the reason on stderr, where Linux refuses.
"""

import contextlib
import ctypes
import errno
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

import controller
from controller.emulator.network.relay import Relay, listen_at_path, relay_all, to_path, to_port

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG = 1
NETWORK = "10.0.0.0/8"
HEALTH_PORT = 15021
HEALTH = b"HTTP/1.1 200 OK\r\nserver: envoy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
OWN_PORTS = (15000, 15001, 15004, 15006, 15020, 15090)
"""Ports of a sidecar in its pod, where nothing else can listen."""
MESH_PORTS = (*range(6379, 6384), 9090, 10001, *range(10002, 15000), 52365)
"""Ports of other pods at which connections are accepted: those of Ray, as raycml sets them."""
SILENT_S = 10.0
"""Time without an answer: Envoy's own limit for a connection."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class MeshError(OSError):
    """The pod cannot have a network of its own."""


@dataclass(frozen=True, slots=True)
class Order:
    """A pod's network.

    `folder` holds the sockets of all pods and `api.sock` of the emulator; `address` is the pod's,
    `port` its application's, `outside` a port of this machine that leads to it, or 0; `api` is the
    emulator's port on loopback, for the pod too.
    """

    mode: str
    folder: str
    address: str
    port: int
    outside: int
    api: int


def command(order: Order, program: Sequence[str]) -> list[str]:
    """The command line that runs `program` in this network."""
    words = json.dumps(asdict(order))
    return [sys.executable, "-m", "controller.emulator.network.mesh", words, *program]


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise MeshError(f"{what}: {os.strerror(number)}")


def _ip(arguments: str) -> None:
    try:
        command_line = ["ip", *arguments.split()]
        done = subprocess.run(command_line, capture_output=True, text=True, check=False)
    except OSError as error:
        raise MeshError(f"the program `ip` of iproute2: {error.strerror}") from None
    if done.returncode:
        raise MeshError(f"ip {arguments}: {done.stderr.strip()}")


# Namespaces


def enter_new_network() -> None:
    """A network namespace, as root or as the root of a new user namespace.  MeshError."""
    if os.getuid() == 0 and _LIBC.unshare(CLONE_NEWNET) == 0:
        return
    user, group = os.getuid(), os.getgid()
    _check(_LIBC.unshare(CLONE_NEWUSER | CLONE_NEWNET), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"0 {user} 1"),
        ("gid_map", f"0 {group} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text, encoding="ascii")


def start_pod(order: Order, program: Sequence[str]) -> int:
    """Start the program in the pod's namespace; returns its process ID.  MeshError."""
    ready_read, ready_write = os.pipe()
    go_read, go_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(OSError):
            _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            _check(_LIBC.unshare(CLONE_NEWNET), "the pod's network namespace")
            os.write(ready_write, b"1")
            if os.read(go_read, 1):
                os.execv(program[0], list(program))  # noqa: S606  a list, never a shell
        os._exit(1)
    os.close(ready_write)
    os.close(go_read)
    if not os.read(ready_read, 1):
        raise MeshError("unshare of a second network")
    _ip("link set lo up")
    _ip(f"link add pod0 type veth peer name eth0 netns {pid}")
    _ip("link set pod0 up")
    _ip(f"route add local {NETWORK} dev lo")
    _ip(f"route add {order.address}/32 dev pod0 table local")
    within(pid, lambda: _configure(order))
    os.write(go_write, b"1")
    return pid


def _configure(order: Order) -> None:
    """The pod's side of the link, and what listens in the pod before its program does."""
    _ip("link set lo up")
    _ip(f"addr add {order.address}/32 dev eth0")
    _ip("link set eth0 up")
    _ip(f"route add {NETWORK} dev eth0 src {order.address}")
    if order.port:
        Relay(socket.create_server((order.address, order.port)), to_port(order.port))
    api = to_path(f"{order.folder}/api.sock")
    Relay(socket.create_server(("127.0.0.1", order.api)), api)
    Relay(socket.create_server(("", HEALTH_PORT)), _healthy)
    _HELD.extend(socket.create_server(("", port)) for port in OWN_PORTS)
    inbound = listen_at_path(f"{order.folder}/{order.address}.sock")
    Relay(inbound, lambda link: _into_pod(link, order.address))


_HELD: list[socket.socket] = []


def within(pid: int, act: Callable[[], None]) -> None:
    """Act in the network of this process.  Threads that it starts remain there.  MeshError."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with open(f"/proc/{pid}/ns/net", "rb") as namespace:
                _check(_LIBC.setns(namespace.fileno(), CLONE_NEWNET), "the pod's network")
            act()
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise MeshError(str(errors[0])) from errors[0]


# The sidecar


def _healthy(link: socket.socket) -> None:
    link.recv(4096)
    link.sendall(HEALTH)


def _into_pod(link: socket.socket, address: str) -> socket.socket:
    """The port of the pod that another sidecar names in the first line."""
    line = bytearray()
    while not line.endswith(b"\n"):
        if not (byte := link.recv(1)):
            raise OSError("no port was named")
        line += byte
    return socket.create_connection((address, int(line)))


def _listen_at(ports: Sequence[int]) -> list[socket.socket]:
    """Listening sockets, as far as the limit of open files allows.  MeshError beyond it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        return [socket.create_server(("", port)) for port in ports]
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        message = f"{len(ports)} open files are needed; raise the limit of {hard} (ulimit -Hn)"
        raise MeshError(message) from None


def to_peer(order: Order, link: socket.socket) -> socket.socket | None:
    """Pass an accepted connection on to its pod, or not, as the mode says."""
    if order.mode == "strict":
        return None
    if order.mode == "silent":
        link.settimeout(SILENT_S)
        deadline = time.monotonic() + SILENT_S
        while link.recv(4096) and time.monotonic() < deadline:
            pass
        return None
    address, port = link.getsockname()
    peer = to_path(f"{order.folder}/{address}.sock")(link)
    if peer is not None:
        peer.sendall(f"{port}\n".encode())
    return peer


def check(mode: str, folder: Path) -> None:
    """MeshError, with the reason, if Linux refuses such networks."""
    order = Order(mode, str(folder), "10.0.0.1", port=0, outside=0, api=1)
    program = command(order, [sys.executable, "-I", "-S", "-c", ""])
    done = subprocess.run(program, capture_output=True, text=True, env=variables(), check=False)
    if done.returncode:
        raise MeshError(f"mesh={mode} is not possible on this machine: {done.stderr.strip()}")


def variables() -> dict[str, str]:
    """Variables for `command`: the search path of programs, and of this package."""
    root = Path(controller.__file__).resolve().parent.parent
    return {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(root)}


def run(order: Order, program: Sequence[str]) -> int:
    """Run the program; returns its exit status, negative for a signal that ended it."""
    outside = socket.create_server(("127.0.0.1", order.outside)) if order.outside else None
    enter_new_network()
    pid = start_pod(order, program)
    relay_all(_listen_at(MESH_PORTS), lambda link: to_peer(order, link))
    if outside is not None:
        link = outside
        within(pid, lambda: _pass_in(link, order.port))

    def pass_on(number: int, _: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    signal.signal(signal.SIGTERM, pass_on)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _pass_in(link: socket.socket, port: int) -> None:
    Relay(link, to_port(port))


def main(arguments: Sequence[str]) -> int:
    order = Order(**json.loads(arguments[0]))
    try:
        code = run(order, arguments[1:])
    except OSError as error:
        sys.stderr.write(f"no network behind a mesh: {error}\n")
        return 1
    finally:
        with contextlib.suppress(OSError):
            os.unlink(f"{order.folder}/{order.address}.sock")
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
