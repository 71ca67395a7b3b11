"""Turns of the members of one host to start Ray.

In CML each pod has its own disk.  In the local emulator pods share a disk, and a Ray whose workers
use the head's folder (see `versions`) takes the first free name there for a socket or a log: two
nodes that start together would take the same.
"""

from __future__ import annotations

import socket


class Turn:
    """A turn that one member has at a time; `needed` is False for a pod with its own disk.

    It is an abstract Unix socket, which the system releases at the end of the process.
    """

    def __init__(self, *, needed: bool) -> None:
        self._needed = needed
        self._holder: socket.socket | None = None

    def take(self, address: str) -> bool:
        """True if this member may join the head at `address` now; others wait for `release`."""
        if not self._needed or self._holder is not None:
            return True
        holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            holder.bind(f"\0raycml-start-{address}")
        except OSError:
            holder.close()
            return False
        self._holder = holder
        return True

    def release(self) -> None:
        if self._holder is not None:
            self._holder.close()
            self._holder = None
