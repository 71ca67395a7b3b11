"""Relays: listening sockets that pass each connection on, in threads of their own."""

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Iterable

CHUNK = 65536
Open = Callable[[socket.socket], socket.socket | None]
"""Opens the other side of an accepted connection; None, or an OSError, closes it."""


class Relay:
    """Accepts connections on `link` and joins each to what `open_other` opens, until `close`."""

    def __init__(self, link: socket.socket, open_other: Open) -> None:
        self._link = link
        self._open_other = open_other
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                accepted = self._link.accept()[0]
            except OSError:
                return
            serve(accepted, self._open_other)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._link.shutdown(socket.SHUT_RDWR)
        self._link.close()


def relay_all(links: Iterable[socket.socket], open_other: Open) -> None:
    """The same for thousands of links, in one thread that ends with the process."""
    selector = selectors.DefaultSelector()
    for link in links:
        link.setblocking(False)
        selector.register(link, selectors.EVENT_READ, link)

    def accept() -> None:
        while True:
            for key, _ in selector.select():
                with contextlib.suppress(OSError):
                    accepted = key.data.accept()[0]
                    accepted.setblocking(True)
                    serve(accepted, open_other)

    threading.Thread(target=accept, daemon=True).start()


def serve(accepted: socket.socket, open_other: Open) -> None:
    """Join an accepted connection to what `open_other` opens, in a thread of its own."""

    def run() -> None:
        with accepted, contextlib.suppress(OSError):
            other = open_other(accepted)
            if other is not None:
                with other:
                    join(accepted, other)

    threading.Thread(target=run, daemon=True).start()


def join(one: socket.socket, two: socket.socket) -> None:
    """Copy in both directions until both have ended."""
    back = threading.Thread(target=_copy, args=(two, one), daemon=True)
    back.start()
    _copy(one, two)
    back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
    with contextlib.suppress(OSError):
        source.shutdown(socket.SHUT_RD)


def to_port(port: int) -> Open:
    """To this port of 127.0.0.1."""
    return lambda _: socket.create_connection(("127.0.0.1", port))


def to_path(path: str) -> Open:
    """To the Unix socket at this path."""

    def connect(_: socket.socket) -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        try:
            link.connect(path)
        except OSError:
            link.close()
            raise
        return link

    return connect


def listen_at_path(path: str) -> socket.socket:
    link = socket.socket(socket.AF_UNIX)
    link.bind(path)
    link.listen()
    return link
