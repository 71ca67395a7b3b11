"""Every single fault, at every single request, of every workload: the same end, for few writes.

The run without faults says how many requests there are and what the end looks like; then each of
them is struck by each fault in turn, and the world must come to the very same end.
"""

import pytest

from tests.simulation.cores import spread
from tests.simulation.stage import PACE_S, Stage
from tests.simulation.weather import Fault
from tests.simulation.workloads import WORKLOADS, Workload, begun

PLANS_MIN = 2_000

End = dict[str, tuple[object, ...]]


def end(stage: Stage) -> End:
    """What matters of a world: everything but ids, times and launchers that nothing names."""
    return {
        app.subdomain: (
            app.status.name,
            app.script,
            app.cpu,
            app.memory,
            app.nvidia_gpu,
            app.runtime_identifier,
            tuple(sorted(app.environment.items())),
        )
        for app in stage.site.rows()
    }


def run(stage: Stage, forecast: dict[int, Fault]) -> int:
    """Passes until the world matches and a pass has no step; the number of requests until then.

    The forecast counts requests over all passes.
    """
    before = 0
    for pause in PACE_S:
        ahead = {number - before: fault for number, fault in forecast.items() if number >= before}
        done = stage.pass_(stage.a, ahead)
        before += stage.a.weather.count
        if done is not None and not done.plan.steps and not stage.mismatch():
            return before
        stage.site.time.passed += pause
    raise AssertionError(f"{stage.mismatch()}")


def writes(stage: Stage) -> int:
    return sum(1 for call in stage.a.calls if call.write)


@pytest.mark.parametrize("load", WORKLOADS, ids=str)
def test_a_workload_without_faults_costs_so_many_writes_and_no_more(load: Workload) -> None:
    stage = begun(load)
    run(stage, {})
    assert writes(stage) == load.writes
    stage.calm()


def sweep(number: int) -> tuple[int, list[str]]:
    """The plans of one workload that were carried out, and what went wrong."""
    load = WORKLOADS[number]
    stage = begun(load)
    requests = run(stage, {})
    expected = end(stage)
    wrong: list[str] = []
    for fault in Fault:
        for request in range(requests):
            try:
                _struck(load, request, fault, expected)
            except AssertionError as error:
                wrong.append(f"{load}: {fault.name} at request {request}: {error}")
    return requests * len(Fault), wrong


def _struck(load: Workload, request: int, fault: Fault, expected: End) -> None:
    stage = begun(load)
    run(stage, {request: fault})
    assert end(stage) == expected
    spent = writes(stage)
    assert spent <= load.writes + load.extra, f"{spent} writes"
    stage.site.time.passed += 30.0
    stage.pass_(stage.a)
    assert writes(stage) == spent, "the end was written to"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_any_single_fault_at_any_request_ends_in_the_same_world() -> None:
    found = spread(sweep, range(len(WORKLOADS)))
    wrong = [line for _, lines in found for line in lines]
    assert not wrong, "\n".join(wrong[:20])
    assert sum(plans for plans, _ in found) >= PLANS_MIN
