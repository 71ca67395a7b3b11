"""Kinds of faults: what each allows next is decided by kind, never by the words of a message."""

from enum import StrEnum


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
