"""The token of a cluster, which its nodes, drivers and jobs show to Ray.

One file in the cluster's folder that the project's user alone can read.  The head creates it.
Ray's processes get its path, never its content, so the token is in no environment.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from controller.node.pod import Settings
from controller.node.project_files import MemberFiles, clear_drafts
from controller.node.ray.versions import habits

TOKEN = "token"  # noqa: S105 - the name of a mode
DISABLED = "disabled"
MODE = "RAYCML_AUTH_MODE"  # in the application's environment: the mode that raycml chose
# Ray takes a token itself over a path, and Kubernetes' tokens over both.
WITHHELD = ("RAY_AUTH_", "RAY_ENABLE_K8S_TOKEN_AUTH")
_BYTES = 32
_LONGEST = 4096
_TRIES = 3
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)  # of some file systems


def mode_of_head(settings: Settings, environ: Mapping[str, str]) -> str:
    """The mode of a head that starts, which it publishes: of the spec, or of its application.

    Workers follow the head, whatever their own applications say.
    """
    if not habits(settings.ray_version).tokens:
        return DISABLED
    chosen = settings.auth_mode or environ.get(MODE, "")
    return TOKEN if chosen == TOKEN else DISABLED


def variables(mode: str, files: MemberFiles, ray_version: str) -> dict[str, str]:
    """Variables of Ray's processes in this mode.

    Every node sets the mode explicitly, where Ray has one: otherwise a head with a token file in
    its home folder would require tokens from workers without one.
    """
    if not habits(ray_version).tokens:
        return {}
    if mode != TOKEN:
        return {"RAY_AUTH_MODE": DISABLED}
    return {"RAY_AUTH_MODE": TOKEN, "RAY_AUTH_TOKEN_PATH": str(files.token)}


def provide(files: MemberFiles) -> bool:
    """Create the token, or another one if a rotation was requested; True if it is new.  OSError.

    The request is removed last, so a head that is killed in between rotates once more.  Of two
    heads without a token, one creates it and both use it.
    """
    try:
        is_broken = os.path.lexists(files.token) and not _is_usable(files.token)
        is_new = _create(files.token, replaces=is_broken or files.rotation.exists())
        files.token.chmod(0o600)
        files.rotation.unlink(missing_ok=True)
    except OSError as error:
        reason = f"cannot provide {files.token}: {error.strerror}"
        raise OSError(error.errno, reason) from error
    return is_new


def obstacle(files: MemberFiles) -> str:
    """The reason why a head's token cannot be shown; empty if it can."""
    try:
        usable = _is_usable(files.token)
    except OSError:
        usable = False
    return "" if usable else f"the head requires the cluster's token; cannot read {files.token}"


def content(files: MemberFiles) -> bytes:
    """The token, to compare it with another one; empty where it cannot be read."""
    try:
        return files.token.read_bytes()[:_LONGEST]
    except OSError:
        return b""


def _create(path: Path, *, replaces: bool) -> bool:
    path.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(_TRIES):
        draft = path.with_name(f".{path.name}.{secrets.randbelow(10**15)}")
        _write(draft, secrets.token_hex(_BYTES))
        try:
            if replaces:
                draft.replace(path)
            else:
                os.link(draft, path)
        except FileExistsError:
            return False  # by another head, or before
        except FileNotFoundError:
            continue  # another head, which starts as well, was first and cleared the draft
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        clear_drafts(path)
        return True
    raise FileNotFoundError(errno.ENOENT, "its drafts vanish")


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def _is_usable(path: Path) -> bool:
    """True for one word in a file, which may be a token of the project's own.  OSError."""
    if path.is_symlink():
        return False
    with path.open("rb") as file:
        data = file.read(_LONGEST + 1)
    text = data.strip()
    return len(data) <= _LONGEST and bool(text) and all(33 <= byte < 127 for byte in text)
