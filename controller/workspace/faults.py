"""Errors of CML and of files as faults: their kind, and if the call may have taken effect."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from controller.cml import errors
from controller.cml.operations import RESTART_APPLICATION
from controller.core.model.faults import Fault, FaultKind, Result
from controller.files.port import FilesError

_CONFLICT = 409


@contextmanager
def explained() -> Iterator[None]:
    try:
        yield
    except errors.CmlError as error:
        fault = fault_of(error)
    except FilesError as error:
        fault = _files_fault(error)
    else:
        return
    raise fault  # outside the handlers, since the cause may contain secrets


def _files_fault(error: FilesError) -> Fault:
    """The fault of a files error; a rejected key has its own kind, also through files."""
    if isinstance(error.__cause__, errors.Unauthorized):
        return Fault(str(error), kind=FaultKind.UNAUTHORIZED, aborts=True)
    result = Result.UNKNOWN if error.unknown else Result.FAILED
    return Fault(str(error), result=result, kind=FaultKind.FILES)


def fault_of(error: errors.CmlError) -> Fault:
    match error:
        case errors.Unknown():
            return Fault(str(error), result=Result.UNKNOWN, kind=FaultKind.UNKNOWN)
        case errors.Rejected():
            return Fault(str(error), result=Result.REJECTED, kind=_refusal_of(error))
        case errors.Unauthorized():
            return Fault(str(error), kind=FaultKind.UNAUTHORIZED, aborts=True)
        case _:
            return Fault(str(error), kind=error.kind)


def is_already_active(error: errors.Rejected) -> bool:
    """True if CML refuses a run because another run of the job is active.

    Observed: 400 `job run for job <id> already active`.
    """
    message = str(error).lower()
    return "already active" in message or "already running" in message


_TAKEN = ("already", "taken", "exists", "in use", "unique", "duplicate")
# Words of a quota, and not parts of a name such as `ray-quota-head`.
_QUOTA = re.compile(r"(?<![\w-])(quota|limit reached|insufficient)(?![\w-])")
_USED_UP = ("out of", "exceed", "not enough")
_RUNS = re.compile(r"\b(live|running|run|active|stopped|stop|failed|state|status)\b")
# What else may be wrong with a restart, or is about to change.
_OTHERS = ("script", "runtime", "image", "not found", "deleted", "starting", "stopping")


def _refusal_of(error: errors.Rejected) -> FaultKind:
    """The kind of a rejection.

    CML's answer to a subdomain in use is not documented: 409, or a 400 that names it.  An exceeded
    quota is a 409 as well ("out of quota: CPU request limit reached"), so that a 409 is a name only
    if it says so.
    """
    message = str(error).lower()
    if "subdomain" in message and "pattern" not in message:
        return FaultKind.CONFLICT
    conflict = error.status == _CONFLICT
    if _QUOTA.search(message) or (conflict and any(word in message for word in _USED_UP)):
        return FaultKind.QUOTA_EXCEEDED
    if conflict and any(word in message for word in _TAKEN):
        return FaultKind.CONFLICT
    return FaultKind.NOT_LIVE if _needs_live_run(error, message) else FaultKind.REJECTED


def _needs_live_run(error: errors.Rejected, message: str) -> bool:
    """True for a refused restart of an application that does not run.

    "Restart only works on a live run", by the code of a public demonstration; other words for it
    are likely.
    """
    of_restart = error.operation == RESTART_APPLICATION.name
    return of_restart and bool(_RUNS.search(message)) and not any(w in message for w in _OTHERS)
