"""How a command ends that cannot do what it was asked: an exit code, a sentence, the next command.

Every error that the layers below raise is turned into one of these here, and only here, so that the
same fault always has the same exit code.
"""

from controller.cml.errors import CmlError, ConnectionSettingsError
from controller.core.model.fault_kinds import FaultKind
from controller.core.model.faults import Fault
from controller.emulator.daemon import EmulatorError, StateFolderError
from controller.files.port import FilesError
from controller.settings import SettingsError
from controller.source.directory import SourceError
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import OutputError


class CommandError(Exception):
    """One or more plain sentences, and in `remedy` what to try next."""

    def __init__(self, message: str, code: Exit, remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy


KEY_REMEDY = "put a new key (User Settings > API Keys) into CML_API_KEY, then `raycml plan`"
_SOON = "the same command again in a minute; `-v` shows every call"

_CONNECTION = "correct CML_HOST, CML_API_KEY or --ca-cert, then the same command"

_BY_KIND: dict[FaultKind, tuple[Exit, str, str]] = {
    FaultKind.UNAUTHORIZED: (Exit.UNAUTHORIZED, "CML does not accept the key for this", KEY_REMEDY),
    FaultKind.UNAVAILABLE: (
        Exit.UNEXPECTED,
        "CML cannot be reached",
        "check CML_HOST; then " + _SOON,
    ),
    FaultKind.THROTTLED: (Exit.UNEXPECTED, "CML asks everybody to slow down", _SOON),
    FaultKind.UNKNOWN: (Exit.UNEXPECTED, "the answer of CML was lost", _SOON),
    FaultKind.MALFORMED: (
        Exit.UNEXPECTED,
        "the answer is not one that CML gives",
        "check CML_HOST",
    ),
    FaultKind.FILES: (Exit.UNEXPECTED, "the project's files cannot be used", _SOON),
    FaultKind.LEASE_HELD: (
        Exit.LEASE_HELD,
        "another controller is at work",
        "the same command when it is done; if it died, a minute of silence is enough",
    ),
    FaultKind.NOT_FOUND: (Exit.USAGE, "CML does not have it", "check CML_PROJECT_ID"),
}

_ENDS: dict[type[Exception], tuple[Exit, str]] = {
    ConnectionSettingsError: (Exit.USAGE, _CONNECTION),
    SettingsError: (Exit.USAGE, "correct it, then the same command"),
    SourceError: (Exit.SOURCE, "`raycml validate PATH`"),
    OutputError: (Exit.UNEXPECTED, "check where it goes, and the free space there"),
    StateFolderError: (Exit.UNEXPECTED, "a folder that can be written, then the same command"),
    EmulatorError: (Exit.UNEXPECTED, "`raycml emulator status`"),
    FilesError: (Exit.UNEXPECTED, _SOON),
}


def explained(error: Exception) -> CommandError | None:
    """The error as a person needs it; None for one that nobody foresaw."""
    match error:
        case CommandError():
            return error
        case Fault():
            return by_kind(error.kind, str(error))
        case CmlError():
            return by_kind(error.kind, str(error))
        case FilesError() if isinstance(error.__cause__, CmlError):
            return by_kind(error.__cause__.kind, str(error))
        case OSError() if error.filename:
            why = error.strerror or type(error).__name__
            remedy = "check the permissions and the free space there, then the same command"
            return CommandError(f"{error.filename} cannot be used: {why}", Exit.UNEXPECTED, remedy)
        case _:
            found = next((end for kind, end in _ENDS.items() if isinstance(error, kind)), None)
            return None if found is None else CommandError(str(error), *found)


def by_kind(kind: FaultKind, message: str) -> CommandError:
    """The end that belongs to the name of an error of CML."""
    code, what, remedy = _BY_KIND.get(kind, (Exit.UNEXPECTED, "CML refused", _SOON))
    return CommandError(message if what in message else f"{what}: {message}", code, remedy)
