"""Probes of another pod, against real sockets that behave as a peer, a mesh, or a policy."""

import contextlib
import errno
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest
from node_world import settings

from controller.node import reach
from controller.node.clock import Clock
from controller.node.log import Log
from controller.node.member_state import MemberState, Versions
from controller.node.page import render_page
from controller.node.pod import read_pod, read_settings
from controller.node.project_files import MemberFiles, read_json
from controller.node.reach import CLOSED, FOREIGN, REACHED, REFUSED, SILENT, UNREACHABLE, probe

SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
Peer = Callable[[Callable[[socket.socket], object]], int]


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Starts a server that does this with each connection, and returns its port."""
    with contextlib.ExitStack() as stack:

        def start(act: Callable[[socket.socket], object]) -> int:
            link = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        with link.accept()[0] as one, contextlib.suppress(OSError):
                            act(one)

            threading.Thread(target=serve, daemon=True).start()
            return int(link.getsockname()[1])

        yield start


def answer(data: bytes) -> Callable[[socket.socket], object]:
    return lambda link: (link.recv(64), link.sendall(data))


def hold(link: socket.socket) -> object:
    while link.recv(64):
        pass
    return None


def reset(link: socket.socket) -> None:
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_a_server_that_answers_with_settings_is_reached(peer: Peer) -> None:
    assert probe("127.0.0.1", peer(answer(SETTINGS))).ok
    assert probe("127.0.0.1", peer(answer(SETTINGS + b"more"))).ok


def test_the_probe_speaks_first_and_says_no_more_than_a_preface(peer: Peer) -> None:
    received: list[bytes] = []

    def listen(link: socket.socket) -> None:
        received.append(link.recv(1024))
        link.sendall(SETTINGS)

    assert probe("127.0.0.1", peer(listen)).ok
    assert received == [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS]


def test_an_answer_in_small_pieces_is_an_answer(peer: Peer) -> None:
    def drip(link: socket.socket) -> None:
        link.recv(64)
        for byte in SETTINGS:
            link.sendall(bytes([byte]))

    assert probe("127.0.0.1", peer(drip)).ok


@pytest.mark.parametrize("act", [lambda _: None, reset, answer(b"\0\0\0")])
def test_a_mesh_that_takes_the_connection_and_closes_it_is_told_from_a_refusal(
    peer: Peer, act: Callable[[socket.socket], object]
) -> None:
    result = probe("127.0.0.1", peer(act))
    assert result.outcome == CLOSED
    assert "the mesh accepted the connection and the other side refused it" in result.message
    assert "PeerAuthentication" in result.message
    assert "`Ask your admin` in docs/operations.md" in result.message


def test_a_connection_that_is_reset_while_it_is_made_was_closed_by_a_mesh(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def connect(*_: object) -> socket.socket:
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr(socket, "create_connection", connect)
    assert probe("10.0.0.1", 6379).outcome == CLOSED


def test_a_port_where_nothing_listens_is_refused(peer: Peer) -> None:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        result = probe("127.0.0.1", link.getsockname()[1])
    assert result.outcome == REFUSED
    assert "the head is not running" in result.message


def test_a_peer_that_says_nothing_is_silent_within_the_time(peer: Peer) -> None:
    result = probe("127.0.0.1", peer(hold), 0.3)
    assert result.outcome == SILENT
    assert "connected, but no answer within 0.3 s: a network policy" in result.message
    assert "allow Ray's ports" in result.message


def test_a_peer_that_drops_what_arrives_is_silent_too() -> None:
    """A full queue of connections drops the next one, as a network policy does."""
    with contextlib.ExitStack() as stack:
        link = stack.enter_context(socket.socket())
        link.bind(("127.0.0.1", 0))
        link.listen(0)
        for _ in range(2):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(link.getsockname())
        result = probe("127.0.0.1", link.getsockname()[1], 0.3)
    assert result.outcome == SILENT
    assert "no connection within 0.3 s" in result.message


def test_a_peer_that_drips_for_ever_does_not_hold_the_probe(peer: Peer) -> None:
    ended = threading.Event()

    def drip(link: socket.socket) -> None:
        for _ in range(8):
            link.sendall(b"\0")
            ended.wait(0.2)

    try:
        assert probe("127.0.0.1", peer(drip), 0.5).outcome == SILENT
    finally:
        ended.set()


def test_a_program_that_is_no_grpc_server_is_foreign(peer: Peer) -> None:
    result = probe("127.0.0.1", peer(answer(b"HTTP/1.1 400 Bad Request\r\n\r\n")))
    assert result.outcome == FOREIGN


@pytest.mark.parametrize("host", ["no such host", "255.255.255.255"])
def test_an_address_without_a_way_to_it_is_unreachable(host: str) -> None:
    assert probe(host, 6379, 1.0).outcome == UNREACHABLE


def test_a_server_with_tls_is_reached_by_any_answer_to_a_handshake(
    peer: Peer, tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ray"]
    subprocess.run(
        [*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    port = peer(lambda link: context.wrap_socket(link, server_side=True).close())
    assert probe("127.0.0.1", port, tls=True).outcome == REACHED
    assert probe("127.0.0.1", peer(lambda _: None), tls=True).outcome == CLOSED
    assert probe("127.0.0.1", peer(hold), 0.3, tls=True).outcome == SILENT


@pytest.mark.parametrize(
    ("value", "tls"), [("1", True), ("True", True), ("0", False), ("", False), (None, False)]
)
def test_tls_is_spoken_where_ray_is_asked_to_speak_it(value: str | None, tls: bool) -> None:
    environ = {} if value is None else {"RAY_USE_TLS": value}
    assert reach.uses_tls(environ) is tls


# The sidecar.


class Sidecar:
    """Answers the health check of a sidecar at this address."""

    def __init__(self, host: str, status: bytes = b"200 OK") -> None:
        self._link = socket.create_server((host, 15021))
        self._status = status
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                with self._link.accept()[0] as link:
                    link.recv(1024)
                    link.sendall(b"HTTP/1.1 " + self._status + b"\r\nContent-Length: 0\r\n\r\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._link.shutdown(socket.SHUT_RDWR)
        self._link.close()


def own_address(number: int) -> str:
    """An address of this process of the tests alone."""
    pid = os.getpid()
    return f"127.{90 + number}.{pid // 250 % 250}.{pid % 250 + 1}"


@pytest.mark.parametrize("status", [b"200 OK", b"503 Service Unavailable"])
def test_a_sidecar_is_found_by_its_health_check(status: bytes) -> None:
    ip = own_address(1)
    with Sidecar(ip, status):
        assert reach.find_mesh(ip, shares_host=True) == "istio"
    assert reach.find_mesh(ip, shares_host=True) == "none"


def test_another_program_at_the_port_of_a_sidecar_is_none() -> None:
    ip = own_address(2)
    with Sidecar(ip, b"404 Not Found"):
        assert reach.find_mesh(ip, shares_host=True) == "none"


def test_a_member_says_that_its_pod_has_a_sidecar_even_if_it_started_later(tmp_path: Path) -> None:
    ip = own_address(3)
    variables = {
        "CDSW_ENGINE_ID": "engine",
        "CDSW_IP_ADDRESS": ip,
        "CDSW_APP_PORT": "8100",
        "RAYCML_MEMBER": "cpu/0",
        "HOSTNAME": "pod-7",
        "CDSW_NODE_NAME": "not a name\n",
    }
    pod = read_pod(read_settings(settings()), variables, tmp_path)
    files, clock = MemberFiles(tmp_path, "demo"), Clock()
    log = Log(files.log("cpu/0"), clock)
    state = MemberState(files, pod, Versions("2.60.0", "3.11.7"), clock, log)
    state.look_for_mesh()
    assert state.view().mesh == "none"
    with Sidecar(ip):
        state.note_reach(reach.Reach(CLOSED, "closed"))
        state.become("waiting-for-head", "closed")
    document = read_json(files.member("cpu/0")) or {}
    assert (document["mesh"], document["to_head"]) == ("istio", "closed")
    assert (document["pod_name"], document["host_name"]) == ("pod-7", "")
    page = render_page(state.view(), [])
    assert "<dt>Mesh</dt><dd>istio</dd>" in page
    assert "pod-7" in page
