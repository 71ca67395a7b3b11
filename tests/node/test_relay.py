"""The relay of a worker: it passes on what it gets, and follows the head."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from node_world import free_port

from controller.node.ray.relay import HOST, Relay

PATIENCE_S = 30.0
MUCH = bytes(range(256)) * 20_000  # more than the system keeps for a connection


class Server:
    """A server on loopback, as a head; `serve` gets each accepted connection in a thread."""

    def __init__(self, serve: Callable[[socket.socket], None]) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._serve = serve
        self.links: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def place(self) -> tuple[str, int]:
        port: int = self._socket.getsockname()[1]
        return "127.0.0.1", port

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._socket.accept()
                self.links.append(link)
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for link in self.links:
            link.close()


def echoes(name: bytes) -> Callable[[socket.socket], None]:
    def serve(link: socket.socket) -> None:
        with contextlib.suppress(OSError):
            link.sendall(name)
            while data := link.recv(65536):
                link.sendall(data)
            link.close()

    return serve


@pytest.fixture
def heads() -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    made: list[Server] = []

    def make(serve: Callable[[socket.socket], None]) -> Server:
        made.append(Server(serve))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay(0)
    yield relay
    relay.close()


def client(relay: Relay) -> socket.socket:
    host, _, port = relay.address.partition(":")
    link = socket.create_connection((host, int(port)), PATIENCE_S)
    link.settimeout(PATIENCE_S)
    return link


def read(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = link.recv(65536)
        if not piece:
            break
        data += piece
    return data


def is_closed(link: socket.socket) -> bool:
    try:
        return link.recv(1) == b""
    except ConnectionResetError:
        return True


Heads = Callable[[Callable[[socket.socket], None]], Server]


def test_what_is_sent_comes_back_whole_in_both_directions(relay: Relay, heads: Heads) -> None:
    relay.point(*heads(echoes(b"one")).place)
    with client(relay) as link:
        assert read(link, 3) == b"one"
        sender = threading.Thread(target=link.sendall, args=(MUCH,))
        sender.start()
        assert read(link, len(MUCH)) == MUCH
        sender.join()


class Flood:
    """A head that sends more than all systems on the way hold; it knows how far it came."""

    PIECES = 640

    def __init__(self) -> None:
        self.sent = 0
        self.moved = threading.Condition()

    def __call__(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError):
            for number in range(self.PIECES):
                link.sendall(bytes([number % 256]) * 65536)
                with self.moved:
                    self.sent += 1
                    self.moved.notify()
            link.close()

    def settle(self) -> None:
        """Wait until it ends, or until it no longer moves because nothing is read."""
        with self.moved:
            while self.moved.wait(0.5):
                pass


def test_a_client_that_reads_late_loses_nothing(relay: Relay, heads: Heads) -> None:
    flood = Flood()
    relay.point(*heads(flood).place)
    with client(relay) as link, link.makefile("rb") as stream:
        flood.settle()
        assert 0 < flood.sent < flood.PIECES, "it waits for the client"
        for number in range(flood.PIECES):
            assert stream.read(65536) == bytes([number % 256]) * 65536
        assert stream.read(1) == b""


def test_a_new_head_gets_new_connections_and_old_ones_end(relay: Relay, heads: Heads) -> None:
    relay.point(*heads(echoes(b"one")).place)
    with client(relay) as old:
        assert read(old, 3) == b"one"
        second = heads(echoes(b"two"))
        relay.point(*second.place)
        assert is_closed(old)
        with client(relay) as new:
            assert read(new, 3) == b"two"
            relay.point(*second.place)  # the same again closes nothing
            new.sendall(b"more")
            assert read(new, 4) == b"more"


def test_without_a_head_connections_are_closed_at_once(relay: Relay, heads: Heads) -> None:
    with client(relay) as link:
        assert is_closed(link)
    relay.point("127.0.0.1", free_port())
    with client(relay) as link:
        assert is_closed(link)
    relay.point(*heads(echoes(b"one")).place)
    with client(relay) as link:
        assert read(link, 3) == b"one"


def test_a_connection_ends_with_its_head_after_the_last_byte(relay: Relay, heads: Heads) -> None:
    def says_much(link: socket.socket) -> None:
        link.sendall(MUCH)
        link.close()

    relay.point(*heads(says_much).place)
    with client(relay) as link:
        assert read(link, len(MUCH)) == MUCH
        assert is_closed(link)


def test_a_connection_that_nothing_reads_delays_no_other(relay: Relay, heads: Heads) -> None:
    def reads_nothing(link: socket.socket) -> None:
        link.sendall(b"one")

    relay.point(*heads(reads_nothing).place)
    with client(relay) as full, client(relay) as other:
        assert (read(full, 3), read(other, 3)) == (b"one", b"one")
        full.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while full.send(MUCH):
                pass
        with client(relay) as third:
            assert read(third, 3) == b"one"


def test_connections_beyond_the_most_are_closed_and_a_place_is_free_again(heads: Heads) -> None:
    relay = Relay(0, most=1)
    with contextlib.closing(relay):
        relay.point(*heads(echoes(b"one")).place)
        with client(relay) as first:
            assert read(first, 3) == b"one"
            with client(relay) as second:
                assert is_closed(second)
            relay.point(*heads(echoes(b"two")).place)
            assert is_closed(first)
        with client(relay) as third:
            assert read(third, 3) == b"two"


def test_a_closed_relay_leaves_no_connection_and_no_port(relay: Relay, heads: Heads) -> None:
    relay.point(*heads(echoes(b"one")).place)
    with client(relay) as link:
        assert read(link, 3) == b"one"
        relay.close()
        assert is_closed(link)
    port = int(relay.address.partition(":")[2])
    again = Relay(port)
    assert again.address == relay.address == f"{HOST}:{port}"
    again.close()
