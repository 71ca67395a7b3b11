"""A check-up as lines of text and as the document `raycml.doctor/v1`."""

from collections.abc import Sequence
from datetime import datetime

from controller.doctor.result import CheckResult, CheckStatus, counts

SCHEMA = "raycml.doctor/v1"


def checkup_lines(results: Sequence[CheckResult]) -> list[str]:
    """One line for each result, with its fix below the message."""
    names = max((len(result.name) for result in results), default=0)
    statuses = max(len(status.value) for status in CheckStatus)
    lines = []
    for result in results:
        start = f"{result.name:<{names}}  {result.status.value:<{statuses}}  "
        fix = f"\n{' ' * len(start)}fix: {result.fix}" if result.fix else ""
        lines.append(f"{start}{result.message}{fix}")
    return lines


def checkup_summary(results: Sequence[CheckResult]) -> str:
    """`12 good, 1 warning, 2 bad, 3 unknown`, without the statuses that do not occur."""
    return ", ".join(f"{n} {status}" for status, n in counts(results).items() if n)


def checkup_json(results: Sequence[CheckResult], as_of: datetime) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "as_of": as_of.isoformat(),
        "checks": [
            {"name": r.name, "result": r.status.value, "message": r.message, "fix": r.fix}
            for r in results
        ],
        "summary": dict(counts(results)),
    }
