"""Faults: looks and effects that did not succeed.

What each allows next is decided by its kind, never by the words of a message.
"""

from enum import Enum, StrEnum


class FaultKind(StrEnum):
    """The name of an error of CML, of the project's files, or of raycml's own rules.

    The values are names in logs, metrics and records.
    """

    UNAVAILABLE = "Unavailable"
    UNKNOWN = "Unknown"
    THROTTLED = "Throttled"
    UNAUTHORIZED = "Unauthorized"
    REJECTED = "Rejected"
    CONFLICT = "Conflict"  # rejected: the subdomain is taken
    QUOTA_EXCEEDED = "QuotaExceeded"  # rejected: no quota is left
    NOT_LIVE = "NotLive"  # rejected: CML restarts only what runs
    NOT_FOUND = "NotFound"
    MALFORMED = "Malformed"
    TOO_LARGE = "TooLarge"
    FILES = "Files"  # the project's files could not be read or written
    UNWRITTEN = "Unwritten"  # a script that the step needs could not be written
    CHANGED = "Changed"  # what the step is about changed since it was planned
    FIELD_NOT_APPLIED = "FieldNotApplied"  # CML accepted a field and did not take it
    LEASE_HELD = "LeaseHeld"  # another controller leads
    LEASE_TAKEN = "LeaseTaken"  # the lease came back after it was away


class Result(Enum):
    """Results of a step."""

    DONE = "done"
    REJECTED = "rejected"  # understood and refused: the spec's or a name's fault
    FAILED = "failed"  # no effect: try again, later each time
    UNKNOWN = "unknown"  # it may have happened: look before acting
    SKIPPED = "skipped"  # an earlier step of the same member did not succeed, so this one never ran


class Fault(Exception):  # noqa: N818  a word of the design, and a base that says more than "error"
    """A look or an effect that did not succeed.

    `aborts` says that nothing else may be tried in this project
    in this pass.  The message is for people and holds no secret.
    """

    def __init__(
        self, message: str, *, result: Result = Result.FAILED, kind: FaultKind, aborts: bool = False
    ) -> None:
        super().__init__(message)
        self.result = result
        self.kind = kind
        self.aborts = aborts
