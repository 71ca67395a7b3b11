"""The result of one check: a status, a message and a fix."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum


class CheckStatus(StrEnum):
    """UNKNOWN: the check was skipped, or the workspace does not tell."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


class Cause(Enum):
    """The kind of fault behind a bad result, for the exit code.  The first one here wins."""

    KEY = 1
    UNREACHABLE = 2
    SPEC = 3
    SOURCE = 4
    OTHER = 5


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of a check-up; a check may give several.  `fix` is empty if there is none to do.

    `name` is the one of the check, which the check-up adds.
    """

    status: CheckStatus
    message: str
    fix: str = ""
    cause: Cause = Cause.OTHER
    name: str = ""


def good(message: str) -> CheckResult:
    return CheckResult(CheckStatus.GOOD, message)


def warning(message: str, fix: str) -> CheckResult:
    return CheckResult(CheckStatus.WARNING, message, fix)


def bad(message: str, fix: str, cause: Cause = Cause.OTHER) -> CheckResult:
    return CheckResult(CheckStatus.BAD, message, fix, cause)


def unknown(message: str) -> CheckResult:
    return CheckResult(CheckStatus.UNKNOWN, message)


def skipped(why: object) -> CheckResult:
    return unknown(f"not checked: {why}")


def or_good(problems: Iterable[CheckResult], message: str) -> Sequence[CheckResult]:
    """The problems; without any, a good result."""
    return [*problems] or [good(message)]


def counts(results: Iterable[CheckResult]) -> Mapping[str, int]:
    """The number of results of each status, 0 included."""
    numbers = Counter(result.status for result in results)
    return {status.value: numbers[status] for status in CheckStatus}


def worst(results: Iterable[CheckResult]) -> Cause | None:
    """The cause that decides the exit code; None if no result is bad."""
    causes = [result.cause for result in results if result.status is CheckStatus.BAD]
    return min(causes, key=lambda cause: cause.value, default=None)


def listed(names: Iterable[object], most: int = 5) -> str:
    """The first names, and the number of the others."""
    every = [str(name) for name in names]
    more = len(every) - most
    return ", ".join(every[:most]) + (f" and {more} more" if more > 0 else "")
