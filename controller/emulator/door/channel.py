"""Connections of the emulator's server: bounded headers, and WebSockets carried to a pod.

The parser of waitress takes time by the square of a run of blanks in a header, and holds the
interpreter meanwhile: eight kilobytes of blanks stop every thread for half a second.  So such a
request is refused before it is parsed.
"""

import contextlib
import queue
import socket
import threading
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import WSGITask

BLANKS_MAX = 256
TUNNELS_MAX = 16  # each holds one of the server's threads
TUNNEL = "emulator.tunnel"
_RUN = b" " * (BLANKS_MAX + 1)
_PIECE = 65536
_WAITING_MAX = 64  # pieces on their way to one pod; then the client is not read for a while


class _Parser(HTTPRequestParser):
    def parse_header(self, header_plus: bytes) -> Any:
        if _RUN in header_plus.replace(b"\t", b" "):
            raise ParsingError("Too many blanks in the header")
        return super().parse_header(header_plus)


class _Task(WSGITask):
    """A request; under `TUNNEL` it finds how to become a connection to a pod."""

    channel: "Channel"

    def get_environment(self) -> dict[str, Any]:
        return {**super().get_environment(), TUNNEL: self.tunnel}

    def tunnel(self, link: socket.socket, answered: bytes) -> bool:
        """Carry bytes both ways until one side ends.  False, and nothing done, for one too many."""
        if not _PLACES.acquire(blocking=False):
            return False
        try:
            self.complete = self.wrote_header = True
            self.set_close_on_finish()
            self.channel.carry(link, answered)
        finally:
            _PLACES.release()
        return True

    def set_close_on_finish(self) -> None:
        """What waitress does with a header as well; here the header is the pod's own."""
        self.close_on_finish = True


_PLACES = threading.BoundedSemaphore(TUNNELS_MAX)


class Channel(HTTPChannel):
    """A connection of the server."""

    parser_class = _Parser
    task_class = _Task
    _upstream: "queue.Queue[bytes] | None" = None
    _link: socket.socket | None = None

    def carry(self, link: socket.socket, answered: bytes) -> None:
        """Called in the thread of the request; what the client sends comes by `received`."""
        pieces: queue.Queue[bytes] = queue.Queue()
        writer = threading.Thread(target=_pass_on, args=(pieces, link), daemon=True)
        writer.start()
        self._link, self._upstream = link, pieces
        try:
            self.server.pull_trigger()
            piece = answered
            while piece and self.connected:
                self.write_soon(piece)
                piece = link.recv(_PIECE)
        except OSError:
            pass
        finally:
            pieces.put(b"")
            _end(link)
            writer.join()

    def readable(self) -> bool:
        if self._upstream is None:
            return bool(super().readable())
        return not self.will_close and self._upstream.qsize() < _WAITING_MAX

    def received(self, data: bytes) -> bool:
        if self._upstream is None:
            return bool(super().received(data))
        self._upstream.put(data)
        return True

    def handle_close(self) -> None:
        super().handle_close()
        if self._link is not None:
            _end(self._link)


def _pass_on(pieces: "queue.Queue[bytes]", link: socket.socket) -> None:
    try:
        while piece := pieces.get():
            link.sendall(piece)
    except OSError:
        _end(link)


def _end(link: socket.socket) -> None:
    """Wake whoever reads from it; closing is for the one who opened it."""
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
