"""WebSockets through the front door, over real sockets: signed in, carried both ways, bounded."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import waitress.server
from emulated import KEYS, World
from waitress import wasyncore

from controller.emulator.ingress import channel
from controller.emulator.ingress.channel import Channel
from controller.emulator.ingress.ingress import Ingress
from tests.scripted_pods import ScriptedProcesses

SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


class Pod:
    """Agrees to each WebSocket, says hello and repeats what it is sent; else a plain page."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.heads: list[bytes] = []
        self.ended = threading.Semaphore(0)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(link,), daemon=True).start()

    def _answer(self, link: socket.socket) -> None:
        with link:
            head = b""
            while b"\r\n\r\n" not in head:
                head += link.recv(65536)
            self.heads.append(head)
            if b"Upgrade: websocket" not in head or b"/refuses" in head:
                link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
                return
            link.sendall(SWITCHED + b"hello")
            while b"bye" not in (piece := link.recv(65536)) and piece:
                link.sendall(piece)
        self.ended.release()


class OnePod(ScriptedProcesses):
    """A story in which every application answers at the port of one pod."""

    pod_port = 0

    def port(self, engine_id: str) -> int | None:
        return self.pod_port


@contextmanager
def served(front: Ingress) -> Iterator[int]:
    link = socket.create_server(("127.0.0.1", 0))
    sockets: dict[int, Any] = {}
    http: Any = waitress.server.create_server(front, map=sockets, sockets=[link], threads=20)
    http.channel_class = Channel
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            wasyncore.loop(timeout=0.2, map=sockets, count=1)
        http.task_dispatcher.shutdown(cancel_pending=True, timeout=1)
        wasyncore.close_all(sockets, ignore_all=True)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield int(link.getsockname()[1])
    finally:
        stop.set()
        http.pull_trigger()
        thread.join()


@pytest.fixture
def pod() -> Iterator[Pod]:
    made = Pod()
    yield made
    made.listener.close()


@pytest.fixture
def port(pod: Pod, tmp_path: Path) -> Iterator[int]:
    world = World()
    pods = OnePod(world.story)
    pods.pod_port = pod.port
    world.create("app")
    lock = threading.RLock()
    domain = "cml.localhost:80"
    front = Ingress(world.app, world.workspace, pods, KEYS, lock, domain=domain, logs=tmp_path)
    with served(front) as found:
        yield found


def ask(port: int, path: str = "/live", key: str = "good", **more: str) -> socket.socket:
    """A handshake as clients send it."""
    headers = {
        "Host": "app.cml.localhost:80",
        "Authorization": f"Bearer {key}",
        "Connection": "keep-alive, Upgrade",
        "Upgrade": "WebSocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **more,
    }
    link = socket.create_connection(("127.0.0.1", port), 20)
    lines = [f"GET {path}?a=b HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items()), "", ""]
    link.sendall("\r\n".join(lines).encode())
    return link


def read(link: socket.socket, end: bytes) -> bytes:
    found = b""
    while not found.endswith(end):
        piece = link.recv(65536)
        assert piece, found
        found += piece
    return found


def test_a_websocket_is_carried_both_ways(port: int, pod: Pod) -> None:
    with ask(port) as link:
        assert read(link, b"hello") == SWITCHED + b"hello"
        for text in (b"\x81\x02hi", os.urandom(1000) + b"one", b"x" * 3_000_000 + b"two"):
            sender = threading.Thread(target=link.sendall, args=(text,))
            sender.start()
            assert read(link, text[-3:]) == text
            sender.join()
        link.sendall(b"bye")
        assert link.recv(10) == b""
    head = pod.heads[0].decode()
    assert head.startswith("GET /live?a=b HTTP/1.1\r\n")
    assert "REMOTE-USER: developer" in head
    assert "Sec-Websocket-Key: dGhlIHNhbXBsZSBub25jZQ==" in head
    assert "good" not in head


def test_the_pod_learns_that_the_client_left(port: int, pod: Pod) -> None:
    with ask(port) as link:
        read(link, b"hello")
    assert pod.ended.acquire(timeout=90)


def test_a_websocket_comes_after_another_request_on_one_connection(port: int) -> None:
    with ask(port, Upgrade="", Connection="keep-alive") as link:
        assert read(link, b"plain").startswith(b"HTTP/1.1 200 OK")
        with ask(port) as other:
            read(other, b"hello")
        again = ask(port)
        again.close()
        head = b"GET /live HTTP/1.1\r\nHost: app.cml.localhost:80\r\nAuthorization: Bearer good\r\n"
        link.sendall(head + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        assert read(link, b"hello") == SWITCHED + b"hello"


@pytest.mark.parametrize(("key", "status"), [("wrong", b"401"), ("api", b"401")])
def test_no_websocket_without_the_right(port: int, pod: Pod, key: str, status: bytes) -> None:
    with ask(port, key=key) as link:
        assert link.recv(65536).split(b" ")[1] == status
    with ask(port, Authorization="") as link:
        assert link.recv(65536).split(b" ")[1] == b"302"
    with ask(port, Host="evil.example") as link:
        assert link.recv(65536).split(b" ")[1] == b"421"
    assert pod.heads == []


def test_a_pod_that_does_not_agree_answers_for_itself(port: int) -> None:
    with ask(port, "/refuses") as link:
        assert read(link, b"plain").startswith(b"HTTP/1.1 200 OK")


def test_so_many_websockets_and_no_more(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_TUNNELS", threading.BoundedSemaphore(1))
    with ask(port) as link:
        read(link, b"hello")
        with ask(port) as other:
            assert other.recv(65536).split(b" ")[1] == b"503"
        link.sendall(b"still")
        assert read(link, b"still") == b"still"
