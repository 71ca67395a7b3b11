"""Drain of a node at its stop, for a Ray that does not drain at a SIGTERM (see `versions`)."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass

from controller.node import processes
from controller.node.clock import Clock
from controller.node.processes import Process

_LOOK_S = 0.2


@dataclass(frozen=True)
class Drain:
    """`request` starts a process that asks the GCS to drain this node, and exits 0 if accepted.

    `head_has_ended` is False for a head that is merely slow to answer.
    """

    request: Callable[[], subprocess.Popen[bytes]]
    head_has_ended: Callable[[], bool]

    def run(self, raylet: Process, clock: Clock, hurry: threading.Event, deadline: float) -> None:
        """Ask, and wait until the raylet has ended.

        At most until the deadline, a failed request, the end of the head or `hurry`.
        """
        if self.head_has_ended():
            return
        request = self.request()
        while processes.is_alive(raylet) and clock.monotonic() < deadline:
            if request.poll() not in (None, 0) or clock.wait(_LOOK_S, hurry):
                break
            if self.head_has_ended():
                break
        request.kill()
        request.wait()
