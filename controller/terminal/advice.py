"""Commands in remedies, with the paths and the `--local` of the current command."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

_OFFLINE = ("init", "validate", "schema", "render", "emulator")
_ADVISED = re.compile(rf"`raycml (?!{'|'.join(_OFFLINE)})([a-z][^`]*)`")


def with_paths(command: str, paths: Sequence[Path] | None) -> str:
    """The command with the same paths, so that it reads the same specs."""
    return " ".join([command, *(shlex.quote(str(path)) for path in paths or ())])


def with_local(advice: str, arguments: Sequence[str]) -> str:
    """The advice, with `--local` in its commands if the current command has it."""
    if "--local" not in arguments:
        return advice
    return _ADVISED.sub(_local, advice)


def _local(match: re.Match[str]) -> str:
    command = match[1]
    return f"`raycml {command}`" if "--local" in command else f"`raycml {command} --local`"
