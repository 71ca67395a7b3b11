"""What a check-up finds out without CML: settings, specs, git."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from controller.core.spec.revision import Revision
from controller.doctor.state import Unread
from controller.settings import Settings, SettingsError, read_settings
from controller.source.directory import SourceError
from controller.terminal.errors import CommandError
from controller.terminal.options import SPECS
from controller.terminal.specs import read_specs, scope

_GIT_WAITS_S = 10.0


def look_at_settings(environ: Mapping[str, str]) -> tuple[Settings, tuple[str, ...]]:
    """The settings and what is wrong with them; where anything is, the defaults stand in."""
    try:
        return read_settings(environ), ()
    except SettingsError as error:
        return Settings(), error.faults


def look_at_specs(paths: Sequence[Path] | None) -> tuple[Revision | Unread, bool]:
    """The specs, with their problems, and whether they are whole folders."""
    if not paths and not SPECS.exists():
        return Unread(f"no {SPECS}/ here: only what exists is checked"), False
    try:
        revision = read_specs(paths)
    except (SourceError, CommandError) as error:
        return Unread(str(error), "Source"), False
    return revision, scope(paths, revision) is None


def look_at_git(environ: Mapping[str, str]) -> str | Unread:
    """What git says of its version; the first one on the path counts."""
    program = shutil.which("git", path=environ.get("PATH"))
    if program is None:
        return Unread("git is not on PATH; only `raycml run` on a repository needs it")
    try:
        said = subprocess.run(
            [program, "--version"],
            env={"LC_ALL": "C", "PATH": environ.get("PATH", "")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_WAITS_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return Unread(f"{program} does not work: {type(error).__name__}")
    return " ".join(said.decode(errors="replace").split())[:80]
