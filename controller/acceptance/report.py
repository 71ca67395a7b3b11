"""The report of an acceptance test: a result for each phase, as text and as JSON."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum

from controller.cml.operations import CallRecord
from controller.terminal.columns import aligned
from controller.terminal.exit_codes import Exit

SCHEMA = "raycml.acceptance/v1"


class AcceptancePhase(StrEnum):
    """The phases, in the order of a run."""

    PREFLIGHT = "preflight"
    CREATE = "create"
    JOIN = "join"
    TASK = "task"
    KILL = "kill"
    REPAIR = "repair"
    SCALE_UP = "scale-up"
    SCALE_DOWN = "scale-down"
    DELETE = "delete"
    NOTHING_LEFT = "nothing-left"


class PhaseStatus(Enum):
    """The end of a phase."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CallSummary:
    """All calls of one operation in one phase."""

    method: str
    operation: str
    count: int
    answers: Mapping[str, int]
    slowest_s: float


@dataclass(frozen=True, slots=True)
class PhaseResult:
    """A finished phase.  `details` are lines of text: observations, or causes of the failure."""

    phase: AcceptancePhase
    status: PhaseStatus
    seconds: float
    message: str
    details: tuple[str, ...] = ()
    calls: tuple[CallSummary, ...] = ()


@dataclass(frozen=True, slots=True)
class AcceptanceReport:
    """A whole run.  `left`: the command that removes the rest of it; empty if nothing is left."""

    cluster: str
    workspace: str
    project: str
    started_at: datetime
    seconds: float
    exit_code: Exit
    options: Mapping[str, object]
    results: tuple[PhaseResult, ...]
    left: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[PhaseResult, ...]:
        return tuple(r for r in self.results if r.status is PhaseStatus.FAILED)


def summarise(calls: Iterable[CallRecord]) -> tuple[CallSummary, ...]:
    """The calls by operation, in the order of the first one of each."""
    groups: dict[tuple[str, str], list[CallRecord]] = {}
    for call in calls:
        groups.setdefault((call.method, call.operation), []).append(call)
    return tuple(_summary(method, name, group) for (method, name), group in groups.items())


def _summary(method: str, operation: str, group: Sequence[CallRecord]) -> CallSummary:
    answers: dict[str, int] = {}
    for call in group:
        answer = str(call.status or call.error)
        answers[answer] = answers.get(answer, 0) + 1
    return CallSummary(method, operation, len(group), answers, max(c.seconds for c in group))


# Text


def full_text(report: AcceptanceReport) -> str:
    """The phases, the details of each, and the conclusion."""
    options = ", ".join(f"{name} {value}" for name, value in report.options.items())
    facts = [
        ("acceptance test", report.cluster),
        ("workspace", report.workspace),
        ("project", report.project),
        ("started", report.started_at.isoformat(timespec="seconds")),
        ("options", options),
        *((name, version) for name, version in report.versions.items()),
    ]
    parts = ["\n".join(aligned(facts)), _table(report)]
    parts += ["\n".join(_full_details(r)) for r in report.results if r.details or r.calls]
    return "\n\n".join([*parts, "\n".join(_conclusion(report))])


def short_text(report: AcceptanceReport) -> str:
    """The phases, the details of failures and those with advice, and the conclusion."""
    parts = [_table(report)]
    for result in report.results:
        advice = any("try: " in line for line in result.details)
        if result.details and (advice or result.status is PhaseStatus.FAILED):
            parts.append("\n".join([f"{result.phase}:", *(f"  {x}" for x in result.details)]))
    return "\n\n".join([*parts, "\n".join(_conclusion(report))])


def _table(report: AcceptanceReport) -> str:
    rows = [("PHASE", "RESULT", "TOOK", "MESSAGE")]
    for result in report.results:
        took = "-" if result.status is PhaseStatus.SKIPPED else f"{result.seconds:.1f}s"
        rows.append((result.phase, result.status.value, took, result.message))
    return "\n".join(aligned(rows))


def _full_details(result: PhaseResult) -> Iterator[str]:
    yield f"{result.phase}: {result.status.value}"
    yield from (f"  {line}" for line in result.details)
    rows = []
    for call in result.calls:
        answers = ", ".join(f"{answer} x {n}" for answer, n in call.answers.items())
        rows.append((call.method, call.operation, answers, f"slowest {call.slowest_s:.2f}s"))
    yield from (f"  {line}" for line in aligned(rows))


def _conclusion(report: AcceptanceReport) -> Iterator[str]:
    took = f"{report.seconds:.1f}s"
    if report.exit_code is Exit.DONE:
        yield f"passed in {took}: {report.cluster} on {report.workspace}"
    elif report.failed:
        names = ", ".join(result.phase for result in report.failed)
        yield f"failed in {took}: {names} ({report.cluster} on {report.workspace})"
    else:
        yield f"interrupted after {took}: {report.cluster} on {report.workspace}"
    if report.left:
        yield f"{report.cluster} was not deleted; try: {report.left}"


# JSON


def report_json(report: AcceptanceReport) -> dict[str, object]:
    """The document `raycml.acceptance/v1`."""
    return {
        "schema": SCHEMA,
        "passed": report.exit_code is Exit.DONE,
        "exit_code": int(report.exit_code),
        "cluster": report.cluster,
        "workspace": report.workspace,
        "project": report.project,
        "started_at": report.started_at.isoformat(),
        "took_s": round(report.seconds, 3),
        "options": dict(report.options),
        "versions": dict(report.versions),
        "phases": [_phase_json(result) for result in report.results],
        "left": report.left or None,
    }


def _phase_json(result: PhaseResult) -> dict[str, object]:
    return {
        "name": result.phase.value,
        "result": result.status.value,
        "took_s": round(result.seconds, 3),
        "message": result.message,
        "details": list(result.details),
        "calls": [
            {
                "method": call.method,
                "operation": call.operation,
                "count": call.count,
                "answers": dict(call.answers),
                "slowest_s": round(call.slowest_s, 3),
            }
            for call in result.calls
        ],
    }
