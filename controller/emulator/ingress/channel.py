"""Connections of the emulator's server: bounded headers, and WebSockets to pods.

Waitress needs quadratic time for a run of spaces in a header and blocks the interpreter meanwhile:
eight kilobytes of spaces stop every thread for half a second.  Such a request is refused before
parsing.
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
TUNNELS_MAX = 16  # each uses a thread of the server
TUNNEL = "emulator.tunnel"
_BLANKS = b" " * (BLANKS_MAX + 1)
_CHUNK_BYTES = 65536
_QUEUE_MAX = 64  # pieces queued for a pod; beyond it, reading from the client pauses


class _Parser(HTTPRequestParser):
    def parse_header(self, header_plus: bytes) -> Any:
        if _BLANKS in header_plus.replace(b"\t", b" "):
            raise ParsingError("Too many spaces in the header")
        return super().parse_header(header_plus)


class _Task(WSGITask):
    """A request, with a function under `TUNNEL` that makes it a connection to a pod."""

    channel: "Channel"

    def get_environment(self) -> dict[str, Any]:
        return {**super().get_environment(), TUNNEL: self.tunnel}

    def tunnel(self, link: socket.socket, pending: bytes) -> bool:
        """Copy bytes both ways until one side ends.  False without effect beyond the limit."""
        if not _TUNNELS.acquire(blocking=False):
            return False
        try:
            self.complete = self.wrote_header = True
            self.set_close_on_finish()
            self.channel.carry(link, pending)
        finally:
            _TUNNELS.release()
        return True

    def set_close_on_finish(self) -> None:
        """Close at the end, without waitress's header, since the pod sends its own."""
        self.close_on_finish = True


_TUNNELS = threading.BoundedSemaphore(TUNNELS_MAX)


class Channel(HTTPChannel):
    """A connection to the server."""

    parser_class = _Parser
    task_class = _Task
    _upstream: "queue.Queue[bytes] | None" = None
    _link: socket.socket | None = None

    def carry(self, link: socket.socket, pending: bytes) -> None:
        """Copy bytes, in the request's thread; the client's bytes arrive in `received`."""
        chunks: queue.Queue[bytes] = queue.Queue()
        writer = threading.Thread(target=_send_chunks, args=(chunks, link), daemon=True)
        writer.start()
        self._link, self._upstream = link, chunks
        try:
            self.server.pull_trigger()
            chunk = pending
            while chunk and self.connected:
                self.write_soon(chunk)
                chunk = link.recv(_CHUNK_BYTES)
        except OSError:
            pass
        finally:
            chunks.put(b"")
            _end(link)
            writer.join()

    def readable(self) -> bool:
        if self._upstream is None:
            return bool(super().readable())
        return not self.will_close and self._upstream.qsize() < _QUEUE_MAX

    def received(self, data: bytes) -> bool:
        if self._upstream is None:
            return bool(super().received(data))
        self._upstream.put(data)
        return True

    def handle_close(self) -> None:
        super().handle_close()
        if self._link is not None:
            _end(self._link)


def _send_chunks(chunks: "queue.Queue[bytes]", link: socket.socket) -> None:
    try:
        while chunk := chunks.get():
            link.sendall(chunk)
    except OSError:
        _end(link)


def _end(link: socket.socket) -> None:
    """Wake its reader; the opener closes it."""
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
