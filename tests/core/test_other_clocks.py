"""Times that other clocks wrote, and that no comparison of them is without a bound."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.jobs import RunPhase
from controller.core.model.observed import LauncherFile, ObservedFiles
from controller.core.model.other_clocks import AHEAD_S, age_s, credible, precedes
from controller.core.situation.situation import situate
from controller.core.status.events import Event, EventLog, Kind, note
from tests.core.environment_world import asking, plan_for, run, wanted, world, written
from tests.worlds import (
    NOW,
    POLICY,
    PROJECT,
    at,
    converged,
    decide,
    desired,
    observed,
    report,
    said,
    spec,
    whole_cluster,
)

CONTROLLER = Path(__file__).parents[2] / "controller"

# Fields that hold a time of CML, a pod, a file server, or another controller.
FOREIGN = {
    "created_at", "finished_at", "first_at", "in_phase_since", "last_at", "modified_at",
    "observed_at", "running_at", "scheduling_at", "starting_at", "stopped_at", "until",
}  # fmt: skip
BOUNDED = {"age_s", "credible", "precedes", "starts_after"}

# Comparisons that go by another rule, and which.
OTHERWISE = {
    ("core/model/ray/report.py", "is_fresh"): "as far in the future as in the past",
    ("core/model/observed.py", "holds"): "a date that a person chose: a pause may last long",
    ("workspace/head_clock.py", "compare"): "how far the two clocks lie apart is what it finds",
    ("cli/commands/events.py", "chosen"): "a filter of what a person is shown",
    ("core/planner/retries.py", "_refused"): "times of this process alone",
    ("core/planner/update.py", "_refused"): "times of this process alone",
    ("core/planner/settling.py", "created"): "times of this process alone",
    ("core/audit/laws.py", "unknown_is_resolved_by_looking"): "times of this process alone",
}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            yield node


def is_foreign(node: ast.AST, tainted: set[str]) -> bool:
    """Whether a value of the expression is a foreign time that went through no bound."""
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in BOUNDED:
            return False
    if isinstance(node, ast.Attribute) and node.attr in FOREIGN:
        return True
    if isinstance(node, ast.Name) and node.id in tainted:
        return True
    return any(is_foreign(below, tainted) for below in ast.iter_child_nodes(node))


def is_about_absence(node: ast.Compare) -> bool:
    """`is None` and `==` compare no two times."""
    return all(isinstance(op, ast.Is | ast.IsNot | ast.Eq | ast.NotEq | ast.In) for op in node.ops)


def compared(function: ast.FunctionDef) -> Iterator[int]:
    tainted: set[str] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and is_foreign(node.value, set()):
            direct = isinstance(node.value, ast.Attribute | ast.BoolOp | ast.Call | ast.IfExp)
            names = [t.id for t in node.targets if isinstance(t, ast.Name)]
            tainted |= set(names) if direct else set()
    for node in ast.walk(function):
        orders = isinstance(node, ast.Compare) and not is_about_absence(node)
        differs = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)
        passes = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".deadline")
        if (orders or differs or passes) and any(
            is_foreign(side, tainted) for side in ast.iter_child_nodes(node)
        ):
            yield node.lineno


def unbounded() -> set[tuple[str, str]]:
    """Every function outside of node program and embedded CML that compares a foreign time."""
    found = set()
    for page in sorted(CONTROLLER.rglob("*.py")):
        place = page.relative_to(CONTROLLER).as_posix()
        if place.startswith(("node/", "emulator/")) or place == "core/model/other_clocks.py":
            continue
        for function in functions(ast.parse(page.read_text())):
            if any(True for _ in compared(function)):
                found.add((place, function.name))
    return found


def test_no_time_of_another_clock_is_compared_without_a_bound() -> None:
    assert unbounded() == set(OTHERWISE)


AHEAD = [31.0, 3600.0, 86_400.0, 1e9]


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_no_age_is_negative_and_no_start_is_ahead(written_s: float, start_s: float) -> None:
    written, started = at(written_s), at(start_s)
    age = age_s(written, NOW)
    assert (age is None) == (written_s > AHEAD_S)
    assert age is None or age >= 0
    believed = credible(written, NOW)
    assert believed is None or believed <= NOW
    assert precedes(written, started, NOW) == (started > written and start_s <= AHEAD_S)
    assert not precedes(written, None, NOW)


@pytest.mark.parametrize("ahead_s", AHEAD)
def test_a_platform_whose_clock_is_ahead_silences_no_report(ahead_s: float) -> None:
    cluster = spec()
    apps = [replace(app, running_at=at(ahead_s)) for app in whole_cluster(cluster)]
    members = [str(app.mark.member) for app in apps if app.mark]
    found = decide(desired(cluster), observed(*apps, reports=(report(cluster, *members),)))
    assert said(found) == []


@pytest.mark.parametrize("ahead_s", AHEAD)
def test_a_launcher_from_the_future_is_removed_an_hour_after_it_was_seen_unused(
    ahead_s: float,
) -> None:
    from controller.core.model.history import History
    from controller.core.planner.memory import remember
    from controller.core.planner.planner import plan

    cluster = spec()
    path = ".raycml/launchers/analytics/cpu-0000000000000000-0123456789.py"
    files = ObservedFiles({PROJECT: (LauncherFile(path, at(ahead_s)),)})
    history = History()
    for seconds, count in ((0, 0), (1800, 0), (3601, 1)):
        seen = replace(converged(cluster), files=files, as_of=at(seconds), reports={})
        history = remember(situate(desired(cluster), seen, history, POLICY)).history
        steps = plan(situate(desired(cluster), seen, history, POLICY)).steps
        assert len(steps) == count


@pytest.mark.parametrize("phase", [RunPhase.RUNNING, RunPhase.FAILED])
@pytest.mark.parametrize("ahead_s", AHEAD)
def test_a_run_from_the_future_is_waited_for_no_longer_than_another(
    phase: RunPhase, ahead_s: float
) -> None:
    cluster = asking()
    digest = wanted(cluster).hash
    made = run(digest, phase, at(ahead_s), at(ahead_s + 1))
    found = plan_for(cluster, world({digest: written(digest, run=made)}))
    longest = max(POLICY.environment_deadline_s, POLICY.resync_s)
    until = [wait.until for wait in found.waits if wait.until is not None]
    assert all(one <= NOW + timedelta(seconds=longest) for one in until)


def noted(last_at: datetime) -> Event:
    known = Event(Kind.NORMAL, "Started", "m", cluster="a", first_at=last_at, last_at=last_at)
    _, written_ = note(EventLog((known,)), [replace(known, count=1)], NOW, "p", "r")
    return written_[0]


@pytest.mark.parametrize("ahead_s", AHEAD[1:])
def test_an_event_from_the_future_takes_in_no_later_one(ahead_s: float) -> None:
    event = noted(at(ahead_s + 1))
    assert (event.first_at, event.last_at, event.count) == (NOW, NOW, 1)
    assert noted(at(5)).count == 2
