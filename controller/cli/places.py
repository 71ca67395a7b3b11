"""Which process this is, so that another one on the same machine can tell whether it still lives.

Host name, boot, process id and its start: a pod has a host name of its own, so nobody judges a
process that he cannot see.
"""

import os
import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def this_place() -> str:
    """Empty where the machine does not tell."""
    pid = os.getpid()
    started = _started(pid)
    return "" if started is None else f"{_machine()} {pid} {started}"


def is_dead(place: str) -> bool:
    """Whether the process of a place on this very machine is gone; False for any doubt."""
    machine, _, rest = place.rpartition(" ")[0].rpartition(" ")
    started = place.rpartition(" ")[2]
    if not machine or machine != _machine() or not rest.isdigit():
        return False
    return _started(int(rest)) != started


def _machine() -> str:
    try:
        return f"{socket.gethostname()}/{_BOOT.read_text().strip()}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """Ticks since the boot at which a process began; None where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in {"Z", "X"} else fields[19]
