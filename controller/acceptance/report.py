"""The report of an acceptance test: a result for each phase, as text and as JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from controller.cml.operations import CallRecord
from controller.core.model.json_object import JsonObject, Moment
from controller.terminal.columns import aligned, table


class AcceptancePhase(StrEnum):
    """The phases, in the order of a run."""

    PREFLIGHT = "preflight"
    CREATE = "create"
    REACH = "reach"
    JOIN = "join"
    TASK = "task"
    KILL = "kill"
    REPAIR = "repair"
    SCALE_UP = "scale-up"
    SCALE_DOWN = "scale-down"
    API_JOB = "api-job"
    DELETE = "delete"
    NOTHING_LEFT = "nothing-left"


class PhaseStatus(StrEnum):
    """The end of a phase."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CallSummary(JsonObject):
    """All calls of one operation in one phase."""

    method: str
    """HTTP method."""
    operation: str
    """Operation of CML's API, or of Ray's job API."""
    count: int
    """Number of calls."""
    answers: Mapping[str, int]
    """Number of calls by HTTP status, or by error where there was no answer."""
    slowest_s: float
    """Seconds of the slowest call."""


@dataclass(frozen=True, slots=True)
class PhaseResult(JsonObject):
    """A finished phase."""

    name: AcceptancePhase
    """The phase."""
    result: PhaseStatus
    """Result of the phase."""
    took_s: float
    """Seconds that it took."""
    message: str
    """Summary in a sentence."""
    details: tuple[str, ...] = ()
    """Observations, or causes of the failure, line by line."""
    calls: tuple[CallSummary, ...] = ()
    """Calls by operation, in the order of the first one of each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceReport(JsonObject):
    """The report of an acceptance test."""

    schema: Literal["raycml.acceptance/v1"] = "raycml.acceptance/v1"
    """Name and version of the format."""
    passed: bool
    """True if no phase failed and the test was not interrupted."""
    exit_code: int
    """Exit code of the command."""
    cluster: str
    """Name of the test cluster."""
    workspace: str
    """Address of the workspace."""
    project: str
    """Id of the project."""
    started_at: Moment
    """Start of the test."""
    took_s: float
    """Seconds that it took."""
    options: Mapping[str, str | int | None]
    """Options of the test cluster, and the runtime that was used."""
    versions: Mapping[str, str]
    """Versions of Ray and Python that the head reported."""
    phases: tuple[PhaseResult, ...]
    """The phases, in their order."""
    left: str | None
    """Command that deletes the rest of the test cluster; null if nothing is left."""

    @property
    def failed(self) -> tuple[PhaseResult, ...]:
        return tuple(p for p in self.phases if p.result is PhaseStatus.FAILED)


def summarise(calls: Iterable[CallRecord]) -> tuple[CallSummary, ...]:
    """The calls by operation, in the order of the first one of each."""
    groups: dict[tuple[str, str], list[CallRecord]] = {}
    for call in calls:
        groups.setdefault((call.method, call.operation), []).append(call)
    return tuple(_summary(method, name, group) for (method, name), group in groups.items())


def _summary(method: str, operation: str, group: Sequence[CallRecord]) -> CallSummary:
    answers = Counter(str(call.status or call.error) for call in group)
    slowest_s = round(max(call.seconds for call in group), 3)
    return CallSummary(method, operation, len(group), answers, slowest_s)


# Text


def full_text(report: AcceptanceReport) -> str:
    """The phases, the details of each, and the conclusion."""
    facts = {
        "acceptance test": report.cluster,
        "workspace": report.workspace,
        "project": report.project,
        "started": report.started_at.isoformat(timespec="seconds"),
        "options": ", ".join(f"{name} {value}" for name, value in report.options.items()),
        **report.versions,
    }
    parts = [table(*facts.items()), _table(report)]
    parts += ["\n".join(_full_details(r)) for r in report.phases if r.details or r.calls]
    return "\n\n".join([*parts, "\n".join(_conclusion(report))])


def short_text(report: AcceptanceReport) -> str:
    """The phases, the details of failures and those with advice, and the conclusion."""
    parts = [_table(report)]
    for phase in report.phases:
        advice = any("try: " in line for line in phase.details)
        if phase.details and (advice or phase.result is PhaseStatus.FAILED):
            parts.append("\n".join([f"{phase.name}:", *(f"  {x}" for x in phase.details)]))
    return "\n\n".join([*parts, "\n".join(_conclusion(report))])


def _table(report: AcceptanceReport) -> str:
    return table(("PHASE", "RESULT", "TOOK", "MESSAGE"), *map(_row, report.phases))


def _row(phase: PhaseResult) -> tuple[str, ...]:
    took = "-" if phase.result is PhaseStatus.SKIPPED else f"{phase.took_s:.1f}s"
    return phase.name, phase.result, took, phase.message


def _full_details(phase: PhaseResult) -> Iterator[str]:
    yield f"{phase.name}: {phase.result}"
    yield from (f"  {line}" for line in phase.details)
    rows = []
    for call in phase.calls:
        answers = ", ".join(f"{answer} x {n}" for answer, n in call.answers.items())
        rows.append((call.method, call.operation, answers, f"slowest {call.slowest_s:.2f}s"))
    yield from (f"  {line}" for line in aligned(rows))


def _conclusion(report: AcceptanceReport) -> Iterator[str]:
    took = f"{report.took_s:.1f}s"
    if report.passed:
        yield f"passed in {took}: {report.cluster} on {report.workspace}"
    elif report.failed:
        names = ", ".join(phase.name for phase in report.failed)
        yield f"failed in {took}: {names} ({report.cluster} on {report.workspace})"
    else:
        yield f"interrupted after {took}: {report.cluster} on {report.workspace}"
    if report.left:
        yield f"{report.cluster} was not deleted; try: {report.left}"
