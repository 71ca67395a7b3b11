"""A pod's own view of the file system: the project is `/home/cdsw`, and the user is `cdsw`.

A separate program with the standard library only, which becomes the kernel:
`python -I -S namespace.py MODE HOME FOLDER COMMAND...`.  In the mode `user` it enters a user and a
mount namespace of its own, which Linux allows to everyone unless an administrator forbids it; in
the mode `mount` a mount namespace alone, for root.  FOLDER is a writable one; in the mode `user`
it may hold `passwd` and `group` for the pod.  Without a COMMAND it only tries.  Nothing of this is
visible outside, and it ends with the pod.

Exit status 1, with the reason on stderr, where Linux refuses.
"""

import ctypes
import os
import sys
import tempfile
from pathlib import Path

CDSW = "/home/cdsw"
CDSW_ID = 8536
"""The user and group of a pod, as in CML."""
USER, MOUNT = "user", "mount"
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 0x1000, 0x2000, 0x4000, 0x40000
_LIBC = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _mount(source: str, target: str, flags: int, kind: str | None = None) -> None:
    arguments = [text.encode() if text else None for text in (source, target, kind)]
    _check(_LIBC.mount(*arguments, ctypes.c_ulong(flags), None), f"mount {target}")


def enter(mode: str, home: str, folder: Path) -> None:
    """Give this process, and all that it starts, its own view.  OSError where Linux refuses."""
    user, group = os.getuid(), os.getgid()
    flags = CLONE_NEWNS | (CLONE_NEWUSER if mode == USER else 0)
    _check(_LIBC.unshare(flags), "unshare")
    if mode == USER:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{CDSW_ID} {user} 1"),
            ("gid_map", f"{CDSW_ID} {group} 1"),
        ):
            Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
    _mount("none", "/", MS_REC | MS_PRIVATE)
    if mode == USER:
        for name in ("passwd", "group"):
            if (folder / name).is_file():
                _mount(str(folder / name), f"/etc/{name}", MS_BIND)
    _show_home(home, folder)
    os.chdir(CDSW)


def _show_home(home: str, folder: Path) -> None:
    """Mount the project, beside all else in `/home` where the folder for it is missing."""
    if Path(CDSW).is_dir():
        _mount(home, CDSW, MS_BIND | MS_REC)
        return
    parent = Path(CDSW).parent
    # Never removed with its content, which is that of the machine.
    new = Path(tempfile.mkdtemp(prefix="home-", dir=folder))
    _mount("none", str(new), 0, "tmpfs")
    for entry in parent.iterdir():
        place = new / entry.name
        if entry.is_symlink():
            place.symlink_to(entry.readlink())
        elif entry.is_dir():
            place.mkdir()
            _mount(str(entry), str(place), MS_BIND | MS_REC)
    (new / "cdsw").mkdir()
    _mount(home, str(new / "cdsw"), MS_BIND | MS_REC)
    _mount(str(new), str(parent), MS_MOVE)
    new.rmdir()


def main(arguments: list[str]) -> int:
    mode, home, folder, *command = arguments
    try:
        enter(mode, home, Path(folder))
        if command:
            os.execvp(command[0], command)  # noqa: S606  a list of arguments, never a shell
    except OSError as error:
        sys.stderr.write(f"no {CDSW}: {error.strerror or error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
