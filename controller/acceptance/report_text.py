"""The report of an acceptance test: text for people, and JSON (`raycml.acceptance/v1`).  Pure."""

from collections.abc import Iterator

from controller.acceptance.report import Calls, Finding, Report, Result
from controller.terminal.columns import aligned

SCHEMA = "raycml.acceptance/v1"


def text(report: Report) -> str:
    """The phases, then the details of each, then what it came to."""
    rows = [("PHASE", "RESULT", "TOOK", "MESSAGE")]
    rows += [(f.phase, f.result.value, _took(f), f.message) for f in report.findings]
    parts = ["\n".join(_facts(report)), "\n".join(aligned(rows))]
    parts += ["\n".join(_details(f)) for f in report.findings if f.details or f.calls]
    return "\n\n".join([*parts, "\n".join(_conclusion(report))])


def short(report: Report) -> str:
    """What a terminal needs: the phases, why some failed, and what it came to."""
    rows = [("PHASE", "RESULT", "TOOK", "MESSAGE")]
    rows += [(f.phase, f.result.value, _took(f), f.message) for f in report.findings]
    parts = ["\n".join(aligned(rows))]
    notable = [f for f in report.findings if f.details and _is_notable(f)]
    parts += ["\n".join([f"{f.phase}:", *(f"  {x}" for x in f.details)]) for f in notable]
    return "\n\n".join([*parts, "\n".join(_conclusion(report))])


def _is_notable(finding: Finding) -> bool:
    """Failed, or with something to do in it."""
    return finding.result is Result.FAILED or any("try: " in line for line in finding.details)


def _took(finding: Finding) -> str:
    return "-" if finding.result is Result.SKIPPED else f"{finding.seconds:.1f}s"


def _facts(report: Report) -> Iterator[str]:
    options = ", ".join(f"{name} {value}" for name, value in report.options.items())
    facts = [
        ("acceptance test", report.cluster),
        ("workspace", report.workspace),
        ("project", report.project),
        ("started", report.started_at.isoformat(timespec="seconds")),
        ("options", options),
        *((name, version) for name, version in report.versions.items()),
    ]
    yield from aligned(facts)


def _details(finding: Finding) -> Iterator[str]:
    yield f"{finding.phase}: {finding.result.value}"
    yield from (f"  {line}" for line in finding.details)
    yield from (f"  {line}" for line in aligned([*map(_call_row, finding.calls)]))


def _call_row(calls: Calls) -> tuple[str, ...]:
    answers = ", ".join(f"{answer} x {n}" for answer, n in calls.answers.items())
    return calls.method, calls.operation, answers, f"slowest {calls.slowest_s:.2f}s"


def _conclusion(report: Report) -> Iterator[str]:
    took = f"{report.seconds:.1f}s"
    if report.exit_code == 0:
        yield f"passed in {took}: {report.cluster} on {report.workspace}"
    elif report.failed:
        names = ", ".join(finding.phase for finding in report.failed)
        yield f"failed in {took}: {names} ({report.cluster} on {report.workspace})"
    else:
        yield f"interrupted after {took}: {report.cluster} on {report.workspace}"
    if report.left:
        yield f"{report.cluster} was not removed; try: {report.left}"


def document(report: Report) -> dict[str, object]:
    """The document `raycml.acceptance/v1`."""
    return {
        "schema": SCHEMA,
        "passed": report.exit_code == 0,
        "exit_code": report.exit_code,
        "cluster": report.cluster,
        "workspace": report.workspace,
        "project": report.project,
        "started_at": report.started_at.isoformat(),
        "took_s": round(report.seconds, 3),
        "options": dict(report.options),
        "versions": dict(report.versions),
        "phases": [_phase(finding) for finding in report.findings],
        "left": report.left or None,
    }


def _phase(finding: Finding) -> dict[str, object]:
    return {
        "name": finding.phase.value,
        "result": finding.result.value,
        "took_s": round(finding.seconds, 3),
        "message": finding.message,
        "details": list(finding.details),
        "calls": [_call(calls) for calls in finding.calls],
    }


def _call(calls: Calls) -> dict[str, object]:
    return {
        "method": calls.method,
        "operation": calls.operation,
        "count": calls.count,
        "answers": dict(calls.answers),
        "slowest_s": round(calls.slowest_s, 3),
    }
