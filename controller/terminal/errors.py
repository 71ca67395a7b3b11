"""Errors of commands: an exit code, a message and a remedy.

Every error of the layers below is converted here and only here, so that the same fault always has
the same exit code.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from controller.cml.errors import CmlError, ConnectionSettingsError
from controller.core.model.faults import Fault, FaultKind
from controller.emulator.daemon import EmulatorError, OptionsInUseError, StateFolderError
from controller.emulator.option_text import OptionError
from controller.files.port import FilesError
from controller.settings import SettingsError
from controller.source.directory import SourceError
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import OutputError


class CommandError(Exception):
    """One or more sentences, and in `remedy` the next thing to try."""

    def __init__(self, message: str, code: Exit, remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy


@contextmanager
def checking_options(remedy: str) -> Iterator[None]:
    """CommandError for a ValueError, which is then the fault of an option."""
    try:
        yield
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE, remedy) from None


KEY_REMEDY = (
    "create a key (User Settings > API Keys), export it as CML_API_KEY, then run `raycml plan`"
)
_SOON = "run the command again in a minute; -v shows every call"

_CONNECTION = "correct CML_HOST, CML_API_KEY or --ca-cert"

_BY_KIND: dict[FaultKind, tuple[Exit, str, str]] = {
    FaultKind.UNAUTHORIZED: (Exit.UNAUTHORIZED, "authentication failed", KEY_REMEDY),
    FaultKind.UNAVAILABLE: (
        Exit.UNEXPECTED,
        "CML cannot be reached",
        "check CML_HOST; then " + _SOON,
    ),
    FaultKind.THROTTLED: (Exit.UNEXPECTED, "CML is rate-limiting calls", _SOON),
    FaultKind.UNKNOWN: (Exit.UNEXPECTED, "the answer from CML was lost", _SOON),
    FaultKind.MALFORMED: (
        Exit.UNEXPECTED,
        "unexpected answer; this may not be CML",
        "check CML_HOST",
    ),
    FaultKind.FILES: (Exit.UNEXPECTED, "the project's files cannot be used", _SOON),
    FaultKind.LEASE_HELD: (
        Exit.LEASE_HELD,
        "another raycml is running",
        "run the command again when it has finished; if it crashed, wait a minute",
    ),
    FaultKind.NOT_FOUND: (Exit.USAGE, "not found in CML", "check CML_PROJECT_ID"),
}

_ENDS: dict[type[Exception], tuple[Exit, str]] = {
    ConnectionSettingsError: (Exit.USAGE, _CONNECTION),
    SettingsError: (Exit.USAGE, ""),
    SourceError: (Exit.SOURCE, "`raycml validate PATH`"),
    OutputError: (Exit.UNEXPECTED, "check the output file, and the free disk space"),
    OptionsInUseError: (Exit.USAGE, "`raycml emulator stop`, then start it with these options"),
    OptionError: (Exit.USAGE, "`raycml emulator start --set NAME=VALUE`"),
    StateFolderError: (Exit.UNEXPECTED, "choose a writable folder: export RAYCML_EMULATOR_DIR=DIR"),
    EmulatorError: (Exit.UNEXPECTED, "`raycml emulator status`"),
    FilesError: (Exit.UNEXPECTED, _SOON),
}


def explained(error: Exception) -> CommandError | None:
    """The error as a CommandError; None for an internal error."""
    match error:
        case CommandError():
            return error
        case Fault() | CmlError():
            return by_kind(error.kind, str(error))
        case FilesError() if isinstance(error.__cause__, CmlError):
            return by_kind(error.__cause__.kind, str(error))
        case OSError() if error.filename:
            why = error.strerror or type(error).__name__
            remedy = "check its permissions, and the free disk space"
            return CommandError(f"{error.filename} cannot be used: {why}", Exit.UNEXPECTED, remedy)
        case _:
            ends = (end for kind, end in _ENDS.items() if isinstance(error, kind))
            return next((CommandError(str(error), *end) for end in ends), None)


def by_kind(kind: FaultKind, message: str) -> CommandError:
    """The CommandError for an error of CML, by its class name."""
    code, what, remedy = _BY_KIND.get(kind, (Exit.UNEXPECTED, "CML refused", _SOON))
    return CommandError(message if what in message else f"{what}: {message}", code, remedy)
