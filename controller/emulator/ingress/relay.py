"""Relay of connections to the emulator's server: ports of applications, and TLS.

One thread with an event loop, started with the first port.  A connection is copied both ways until
one side ends; what is not taken is not read.
"""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Coroutine
from typing import Any

CHUNK = 65536
HANDSHAKE_S = 10.0


class Relay:
    """Copies connections to `port` of this machine; with `tls`, takes them by TLS."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._port = port
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def listen(self, link: socket.socket) -> None:
        """Take the connections of a listening socket; returns once they are taken."""
        if not self._thread.is_alive():
            self._thread.start()
        serving: Coroutine[Any, Any, object] = asyncio.start_server(
            self._carry,
            sock=link,
            ssl=self._tls,
            ssl_handshake_timeout=HANDSHAKE_S if self._tls else None,
        )
        asyncio.run_coroutine_threadsafe(serving, self._loop).result()

    async def _carry(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            far, there = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                await asyncio.gather(_copy(near, there), _copy(far, back))
            finally:
                there.close()
        back.close()

    def close(self) -> None:
        """End all connections."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy until the source ends; then the target gets no more, which ends the other side too."""
    with contextlib.suppress(OSError):
        while data := await source.read(CHUNK):
            target.write(data)
            await target.drain()
    with contextlib.suppress(OSError):
        if target.can_write_eof():
            target.write_eof()
        else:
            target.close()
