"""Identity of this process, by which others on the same machine can see if it is alive.

Host name, boot, namespace of process ids, process id and its start.  Two containers may share a
host name and a boot but have separate process ids, so a process is checked only from within its
own namespace.
"""

import os
import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_ENDED = frozenset("ZX")  # zombie, dead
_STOPPED = frozenset("Tt")  # by a signal or a debugger: it exists, but may not be alive


def this_place() -> str:
    """The identity; empty if it is unknown."""
    machine, pid = _machine(), os.getpid()
    stat = _stat(pid)
    return "" if stat is None or not machine else f"{machine} {pid} {stat[1]}"


def lives(place: str) -> bool | None:
    """True for a running process, False for an ended one, None if in doubt."""
    machine, _, rest = place.rpartition(" ")[0].rpartition(" ")
    started = place.rpartition(" ")[2]
    if not machine or machine != _machine() or not rest.isdigit():
        return None
    stat = _stat(int(rest))
    if stat is None:
        return None if _exists(int(rest)) else False
    if stat[0] in _ENDED or stat[1] != started:
        return False
    return None if stat[0] in _STOPPED else True


def is_dead(place: str) -> bool:
    """False if in doubt."""
    return lives(place) is False


def _machine() -> str:
    """Identity of the machine; empty if it is not unique, or `/proc` belongs to another one."""
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            return ""
        namespace = os.readlink("/proc/self/ns/pid")
        return f"{socket.gethostname()}/{_BOOT.read_text().strip()}/{namespace}"
    except OSError:
        return ""


def _stat(pid: int) -> tuple[str, str] | None:
    """State of a process, and its start in ticks since boot; None if not visible."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return fields[0], fields[19]


def _exists(pid: int) -> bool:
    """Ask the kernel, which also knows processes that `/proc` hides (`hidepid`)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
