"""Errors of CML and of the files as faults: whose fault it is, and if it may have happened."""

from collections.abc import Iterator
from contextlib import contextmanager

from controller.cml import errors
from controller.core.model.fault_kinds import FaultKind
from controller.core.model.faults import Fault
from controller.core.model.plan import Result
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
    raise fault  # outside of the handlers: the cause may hold what no log should


def _files_fault(error: FilesError) -> Fault:
    """A refused key is that, whichever way it was noticed."""
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


_TAKEN = ("already", "taken", "exists", "in use", "unique", "duplicate")
_USED_UP = ("quota", "out of", "exceed", "insufficient", "not enough")


def _refusal_of(error: errors.Rejected) -> FaultKind:
    """What CML refused for.  Its answer to a subdomain that is taken is not documented: 409, or 400
    that names it; and 409 is its answer to a quota that is used up, too."""
    said = str(error).lower()
    if "subdomain" in said and "pattern" not in said:
        return FaultKind.CONFLICT
    if "quota" in said or (error.status == _CONFLICT and any(w in said for w in _USED_UP)):
        return FaultKind.QUOTA_EXCEEDED
    taken = error.status == _CONFLICT and any(word in said for word in _TAKEN)
    return FaultKind.CONFLICT if taken else FaultKind.REJECTED
