"""A check-up as lines for people and as the document `raycml.doctor/v1`."""

from collections.abc import Sequence
from datetime import datetime

from controller.doctor.result import Finding, Result, counts

SCHEMA = "raycml.doctor/v1"
_NAMED = {Result.UNKNOWN.value: "not known"}


def checkup_lines(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding; what mends it stands below, under the message."""
    width = max((len(finding.name) for finding in findings), default=0)
    results = max(len(result.value) for result in Result)
    return [_line(finding, width, results) for finding in findings]


def _line(finding: Finding, width: int, results: int) -> str:
    start = f"{finding.name:<{width}}  {finding.result.value:<{results}}  "
    fix = f"\n{' ' * len(start)}fix: {finding.fix}" if finding.fix else ""
    return f"{start}{finding.message}{fix}"


def checkup_summary(findings: Sequence[Finding]) -> str:
    """`12 good, 1 warning, 2 bad, 3 not known`; results of which there is none are left out."""
    found = [(n, _NAMED.get(name, name)) for name, n in counts(findings).items() if n]
    return ", ".join(f"{n} {name}" for n, name in found)


def checkup_json(findings: Sequence[Finding], as_of: datetime) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "as_of": as_of.isoformat(),
        "checks": [
            {"name": f.name, "result": f.result.value, "message": f.message, "fix": f.fix}
            for f in findings
        ],
        "summary": dict(counts(findings)),
    }
