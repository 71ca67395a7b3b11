"""Options of `raycml run`, from flags or from variables, as in a CML application."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from controller.settings import form_faults
from controller.terminal.durations import parse_duration
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit

PORT = 8100
INTERVAL_S = 30.0
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"", "0", "false", "no", "off"})


@dataclass(frozen=True, slots=True)
class Flags:
    """Options on the command line; None for missing ones."""

    source: str | None = None
    ref: str | None = None
    path: str | None = None
    poll: str | None = None
    interval: str | None = None
    no_prune: bool = False
    allow_prune: int | None = None
    verify_key: Path | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Validated options.  Times in seconds; `poll_s` is None for the default of the source.

    `typed`: the source is from the command line, not from the variables of an application.
    """

    source: str
    ref: str | None
    path: str | None
    poll_s: float | None
    interval_s: float
    prune: bool
    allow_prune: int
    verify_key: Path | None
    port: int
    web_token: str = field(repr=False)
    hook_secret: str = field(repr=False)
    git_token: str = field(repr=False)
    typed: bool


def resolve(flags: Flags, environ: Mapping[str, str]) -> RunOptions:
    """The options; flags take precedence over variables.  CommandError for invalid ones.

    A blank variable counts as unset.
    """
    if faults := form_faults(environ):
        raise CommandError("; ".join(faults.values()), Exit.USAGE, "enter the values again")
    environ = {name: value for name, value in environ.items() if value.strip()}
    source = flags.source or environ.get("RAYCML_SOURCE") or ""
    if not source:
        raise CommandError(
            "missing argument SOURCE (folder or git URL)",
            Exit.USAGE,
            "`raycml run specs/`, or set RAYCML_SOURCE",
        )
    poll = flags.poll or environ.get("RAYCML_POLL")
    interval = flags.interval or environ.get("RAYCML_INTERVAL")
    verify_key = environ.get("RAYCML_VERIFY_KEY")
    return RunOptions(
        source=source,
        ref=flags.ref or environ.get("RAYCML_REF") or None,
        path=flags.path or environ.get("RAYCML_PATH") or None,
        poll_s=None if not poll else _seconds("RAYCML_POLL or --poll", poll),
        interval_s=_seconds("RAYCML_INTERVAL or --interval", interval) if interval else INTERVAL_S,
        prune=not (flags.no_prune or _yes("RAYCML_NO_PRUNE", environ)),
        allow_prune=_number("RAYCML_ALLOW_PRUNE", flags.allow_prune, environ, 1_000_000, 0),
        verify_key=flags.verify_key or (Path(verify_key) if verify_key else None),
        port=_port(flags, environ),
        web_token=_secret("RAYCML_WEB_TOKEN", environ),
        hook_secret=_secret("RAYCML_HOOK_SECRET", environ),
        git_token=_secret("RAYCML_GIT_TOKEN", environ),
        typed=bool(flags.source),
    )


def _port(flags: Flags, environ: Mapping[str, str]) -> int:
    is_chosen = environ.get("RAYCML_PORT") or flags.port is not None
    name = "RAYCML_PORT" if is_chosen else "CDSW_APP_PORT"
    return _number(name, flags.port, environ, 65535, PORT)


def _seconds(name: str, text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise CommandError(f"{name}: {error}", Exit.USAGE, "write 30s, 5m or 1h") from None


def _number(
    name: str, flag: int | None, environ: Mapping[str, str], most: int, default: int
) -> int:
    text = environ.get(name, "").strip()
    if flag is None and not text:
        return default
    if flag is None and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise CommandError(f"{name} is not a whole number", Exit.USAGE, f"`{name}={most}` at most")
    value = int(text) if flag is None else flag
    if not 0 <= value <= most:
        raise CommandError(f"{name} is not between 0 and {most}", Exit.USAGE)
    return value


def _yes(name: str, environ: Mapping[str, str]) -> bool:
    text = environ.get(name, "").strip().lower()
    if text not in _YES | _NO:
        raise CommandError(f"{name} is neither 1 nor 0", Exit.USAGE, f"`{name}=1`")
    return text in _YES


_SECRET_MIN = 12


def _secret(name: str, environ: Mapping[str, str]) -> str:
    """A secret of sufficient length; messages never contain it."""
    value = environ.get(name, "").strip()
    if value and len(value) < _SECRET_MIN:
        message = f"{name} has fewer than {_SECRET_MIN} characters and could be guessed"
        raise CommandError(message, Exit.USAGE, "generate one: `openssl rand -hex 24`")
    return value
