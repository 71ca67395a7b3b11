"""One line of a check-up: how one thing is, in words, and what mends it.

A finding says nothing of how it was found out; several may bear the name of one check.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

from controller.doctor.state import Unread


class Result(StrEnum):
    """How one thing is.  UNKNOWN is a note: it could not be found out, which is nobody's fault."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


class Cause(Enum):
    """What kind of fault a bad finding is, for scripts; an earlier one stands for all later."""

    KEY = 1
    UNREACHABLE = 2
    SPEC = 3
    SOURCE = 4
    OTHER = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """`fix` says what to do, and is empty where nothing is to be done."""

    name: str
    result: Result
    message: str
    fix: str = ""
    cause: Cause = Cause.OTHER


def good(name: str, message: str) -> Finding:
    return Finding(name, Result.GOOD, message)


def warning(name: str, message: str, fix: str) -> Finding:
    return Finding(name, Result.WARNING, message, fix)


def bad(name: str, message: str, fix: str, cause: Cause = Cause.OTHER) -> Finding:
    return Finding(name, Result.BAD, message, fix, cause)


def unknown(name: str, message: str) -> Finding:
    return Finding(name, Result.UNKNOWN, message)


def not_checked(name: str, unread: Unread) -> Finding:
    return unknown(name, f"not checked: {unread.why}")


def counts(findings: Iterable[Finding]) -> Mapping[str, int]:
    """How many there are of each result, all results named."""
    found = Counter(finding.result for finding in findings)
    return {result.value: found[result] for result in Result}


def worst(findings: Iterable[Finding]) -> Cause | None:
    """What the bad ones amount to; None where nothing is bad."""
    causes = [f.cause for f in findings if f.result is Result.BAD]
    return min(causes, key=lambda cause: cause.value, default=None)


def listed(names: Iterable[object], most: int = 5) -> str:
    """The first names, and how many more there are."""
    every = [str(name) for name in names]
    more = len(every) - most
    return ", ".join(every[:most]) + (f" and {more} more" if more > 0 else "")
