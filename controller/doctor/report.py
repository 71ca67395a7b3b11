"""A check-up as lines of text and as the document `raycml.doctor/v1`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from controller.core.model.json_object import JsonObject, Moment
from controller.doctor.result import CheckResult, CheckStatus, counts


def checkup_lines(results: Sequence[CheckResult]) -> list[str]:
    """One line for each result, with its fix below the message."""
    names = max((len(result.name) for result in results), default=0)
    statuses = max(len(status) for status in CheckStatus)
    lines = []
    for result in results:
        start = f"{result.name:<{names}}  {result.status:<{statuses}}  "
        fix = f"\n{' ' * len(start)}fix: {result.fix}" if result.fix else ""
        lines.append(f"{start}{result.message}{fix}")
    return lines


def checkup_summary(results: Sequence[CheckResult]) -> str:
    """`12 good, 1 warning, 2 bad, 3 unknown`, without the statuses that do not occur."""
    return ", ".join(f"{n} {status}" for status, n in counts(results).items() if n)


@dataclass(frozen=True, slots=True)
class CheckJson(JsonObject):
    """A result of a check; a check may have several."""

    name: str
    """Name of the check."""
    result: CheckStatus
    """`unknown`: the check was skipped, or the workspace does not tell."""
    message: str
    """The observation."""
    fix: str
    """Remedy; empty if none is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckupJson(JsonObject):
    """The results of all checks."""

    schema: Literal["raycml.doctor/v1"] = "raycml.doctor/v1"
    """Name and version of the format."""
    as_of: Moment
    """Time of the check-up."""
    checks: tuple[CheckJson, ...]
    """The results, in the order of the checks."""
    summary: Mapping[str, int]
    """Number of results by `result`."""


def checkup_json(results: Sequence[CheckResult], as_of: datetime) -> CheckupJson:
    checks = tuple(CheckJson(r.name, r.status, r.message, r.fix) for r in results)
    return CheckupJson(as_of=as_of, checks=checks, summary=counts(results))
