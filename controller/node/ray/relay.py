"""A relay on loopback between the Ray of a worker and the head of its cluster.

A raylet cannot change the address of its GCS, and a head that comes back has a new one.  So with
a head that remembers, the worker's Ray gets the address of this relay, which is pointed at each
incarnation of the head in turn.
"""

from __future__ import annotations

import contextlib
import errno
import resource
import selectors
import socket
import threading
import time

# Ray replaces 127.0.0.1 by the address of the node, and leaves any other of loopback alone.
HOST = "127.0.0.2"
MOST = 2000  # connections; each Ray worker has two or three
CONNECT_S = 5.0  # a pod that is gone may answer nothing at all
_CHUNK = 65536  # bytes; also the most that waits for one side of a connection
_PENDING = frozenset({0, errno.EINPROGRESS})
_SPARE_FILES = 200  # of the node program itself
_TICK_S = 1.0


class _Side:
    """One side of a connection to a head, with the bytes that wait to be sent there."""

    def __init__(self, link: socket.socket, head: tuple[str, int], *, connected: bool) -> None:
        self.link = link
        self.head = head
        self.connected = connected
        self.waiting = b""
        self.deadline = time.monotonic() + CONNECT_S
        self.other = self


class Relay:
    """Passes connections at HOST and `port` on to the head, in a thread of its own.

    A connection ends with either of its sides.  Until `point`, and while the head is away,
    connections are closed at once, so that Ray soon tries again; those beyond `most` always are.
    Raises OSError if the port is taken.
    """

    def __init__(self, port: int, most: int = MOST) -> None:
        self._listener = socket.create_server((HOST, port), backlog=256)
        self._listener.setblocking(False)
        self.address = f"{HOST}:{self._listener.getsockname()[1]}"
        self._waker, self._alarm = socket.socketpair()
        self._waker.setblocking(False)
        self._alarm.setblocking(False)
        self._lock = threading.Lock()
        self._target: tuple[str, int] | None = None
        self._is_closed = False
        self._sides: set[_Side] = set()
        self._most = min(most, _allowed_connections())
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._alarm, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def point(self, host: str, port: int) -> None:
        """Pass connections on to this head from now on; those to another head are closed."""
        with self._lock:
            self._target = host, port
        self._wake()

    def close(self) -> None:
        """Close all connections and the port."""
        with self._lock:
            self._is_closed = True
        self._wake()
        self._thread.join()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake
            self._waker.send(b"!")

    def _run(self) -> None:
        try:
            while not self._obey():
                for key, events in self._selector.select(_TICK_S):
                    if key.fileobj is self._listener:
                        self._accept()
                    elif key.fileobj is self._alarm:
                        self._alarm.recv(_CHUNK)
                    elif key.data in self._sides:
                        self._serve(key.data, events)
        finally:
            for side in list(self._sides):
                self._drop(side)
            for link in (self._listener, self._alarm, self._waker):
                link.close()
            self._selector.close()

    def _obey(self) -> bool:
        """True once closed; drops what belongs to an earlier head, or could not connect in time."""
        target = self._head()
        now = time.monotonic()
        for side in list(self._sides):
            if side.head != target or (not side.connected and now > side.deadline):
                self._drop(side)
        return self._is_closed

    def _head(self) -> tuple[str, int] | None:
        with self._lock:
            return self._target

    def _accept(self) -> None:
        try:
            link, _ = self._listener.accept()
        except OSError:
            return
        target = self._head()
        if target is None or len(self._sides) >= 2 * self._most:
            link.close()
            return
        try:
            beyond = _connect(*target)
        except OSError:
            link.close()
            return
        near, far = _Side(link, target, connected=True), _Side(beyond, target, connected=False)
        near.other, far.other = far, near
        for side in (near, far):
            side.link.setblocking(False)
            side.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sides.add(side)
        self._watch(far)

    def _serve(self, side: _Side, events: int) -> None:
        try:
            side.connected = side.connected or _has_connected(side.link)
            if events & selectors.EVENT_READ:
                self._read(side)
            if events & selectors.EVENT_WRITE:
                _send(side)
        except BlockingIOError:
            pass
        except (OSError, EOFError):
            self._drop(side)
            return
        self._watch(side)
        self._watch(side.other)

    def _read(self, side: _Side) -> None:
        """Pass on what this side sends.  EOFError at its end, once the other side has all."""
        if side.other.waiting:
            return
        side.other.waiting = side.link.recv(_CHUNK)
        if not side.other.waiting:
            raise EOFError
        _send(side.other)

    def _watch(self, side: _Side) -> None:
        """Wait for what this side can do next: reading stops while the other side is full."""
        events = 0
        if not side.connected or side.waiting:
            events |= selectors.EVENT_WRITE
        if side.connected and side.other.connected and not side.other.waiting:
            events |= selectors.EVENT_READ
        registered = side.link in self._selector.get_map()
        if not events:
            if registered:
                self._selector.unregister(side.link)
        elif registered:
            self._selector.modify(side.link, events, side)
        else:
            self._selector.register(side.link, events, side)

    def _drop(self, side: _Side) -> None:
        for one in {side, side.other} & self._sides:
            with contextlib.suppress(KeyError):  # nothing is awaited of it
                self._selector.unregister(one.link)
            one.link.close()
            self._sides.discard(one)


def _connect(host: str, port: int) -> socket.socket:
    """Begin to connect.  OSError if that fails at once."""
    link = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    link.setblocking(False)
    code = link.connect_ex((host, port))
    if code not in _PENDING:
        link.close()
        raise OSError(code, "not connected")
    return link


def _has_connected(link: socket.socket) -> bool:
    """True; OSError if nothing listens there."""
    error = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        raise OSError(error, "not connected")
    return True


def _send(side: _Side) -> None:
    """Send what waits, as far as it goes now.  OSError if the side has ended."""
    if side.connected and side.waiting:
        with contextlib.suppress(BlockingIOError):
            side.waiting = side.waiting[side.link.send(side.waiting) :]


def _allowed_connections() -> int:
    """MOST, or as many as this process may have open files for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MOST + _SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return max((soft - _SPARE_FILES) // 2, 1)
    return MOST
