"""Repairs, updates and resumptions where CML restarts only what runs, in each way of doing so."""

import httpx
import pytest

from controller.core.model.reasons import Reason
from controller.emulator.options import Options
from tests.scripted_pods import Behaviour
from tests.simulation.lab import Lab
from tests.worlds import spec

CLUSTER = spec()
BIGGER = spec(workerGroupSpecs__0__resources={"cpu": 4, "memory": "20Gi"})
NEW_HEAD = spec(headGroupSpec__resources={"cpu": 3, "memory": "8Gi"})
ASLEEP = spec(suspend=True)
SAFE = spec(protect=True)
SETTINGS: dict[str, dict[str, bool]] = {
    "as documented": {},
    "a queued restart": {"restart_while_stopping": True},
    "a failed one is stopped first": {"restart_of_failed": False},
    "only what runs": {"restart_needs_live_run": True},
    "only what runs, and queued": {
        "restart_needs_live_run": True,
        "restart_while_stopping": True,
        "stop_of_stopped": True,
    },
}


class NoScript(httpx.BaseTransport):
    """Refuses restarts for another reason than the state of the application."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith(":restart"):
            return self.inner.handle_request(request)
        text = "script .raycml/run.py not found in project directory"
        return httpx.Response(400, json={"error": text, "code": 3, "message": text, "details": []})


WORKER, OTHER, HEAD = "ray-analytics-cpu-0", "ray-analytics-cpu-1", "ray-analytics-head"


@pytest.fixture(params=[*SETTINGS])
def lab(request: pytest.FixtureRequest) -> Lab:
    """A settled cluster; CML itself restarts nothing."""
    lab = Lab(Options(auto_restarts=0, **SETTINGS[request.param]))  # type: ignore[arg-type]  # as in the table
    lab.settle(CLUSTER)
    lab.writes()
    return lab


def strict() -> Lab:
    lab = Lab(Options(auto_restarts=0, restart_needs_live_run=True))
    lab.settle(CLUSTER)
    lab.writes()
    return lab


def engines(lab: Lab) -> dict[str, str]:
    return {name: app.engine_id for name, app in lab.apps.items()}


def refused(lab: Lab) -> int:
    return sum(call.status == 400 for call in lab.calls)


@pytest.mark.parametrize("victim", [WORKER, HEAD])
def test_a_member_that_was_killed_runs_again_and_nothing_else_is_touched(
    lab: Lab, victim: str
) -> None:
    before = engines(lab)
    lab.site.crash(victim)
    lab.settle(CLUSTER)
    after = engines(lab)
    assert {name for name in before if before[name] != after[name]} == {victim}
    assert set(lab.phases().values()) == {"RUNNING"}


def test_the_second_repair_costs_no_refused_call(lab: Lab) -> None:
    lab.site.crash(WORKER)
    lab.settle(CLUSTER)
    lab.calls.clear()
    lab.site.crash(OTHER)
    lab.settle(CLUSTER)
    assert refused(lab) == 0


def test_a_cluster_is_suspended_and_resumed(lab: Lab) -> None:
    lab.settle(ASLEEP)
    assert set(lab.phases().values()) == {"STOPPED"}
    lab.settle(CLUSTER)
    assert set(lab.phases().values()) == {"RUNNING"}


@pytest.mark.parametrize("wanted", [BIGGER, NEW_HEAD], ids=["workers", "head"])
def test_an_update_arrives_one_member_at_a_time(lab: Lab, wanted: object) -> None:
    lab.site.crash(WORKER)
    lab.settle(CLUSTER)
    for _ in range(60):
        lab.run(wanted)  # type: ignore[arg-type]  # a spec
        away = [name for name, phase in lab.phases().items() if phase != "RUNNING"]
        assert len(away) + (3 - len(lab.phases())) <= 1
        lab.wait(5)
    lab.settle(wanted)  # type: ignore[arg-type]  # a spec
    sizes = {(name == HEAD, app.cpu, app.memory) for name, app in lab.apps.items()}
    assert sizes == ({(True, 2, 8), (False, 4, 20)} if wanted is BIGGER else
                     {(True, 3, 8), (False, 4, 16)})  # fmt: skip


def test_a_member_that_fails_while_its_spec_changes_is_brought_up_to_date(lab: Lab) -> None:
    lab.site.crash(WORKER)
    lab.settle(BIGGER)
    assert {app.memory for name, app in lab.apps.items() if "cpu" in name} == {20}


def test_a_failed_member_is_stopped_before_it_is_deleted() -> None:
    """The application is kept where a stop suffices."""
    lab = Lab(Options(auto_restarts=0, restart_of_failed=False))
    lab.settle(CLUSTER)
    before = {name: app.id for name, app in lab.apps.items()}
    lab.writes()
    lab.site.crash(WORKER)
    lab.settle(CLUSTER)
    assert {name: app.id for name, app in lab.apps.items()} == before
    assert lab.writes() == ["restart_application", "stop_application", "restart_application"]


def test_an_application_is_made_anew_only_when_every_other_way_was_refused() -> None:
    lab = strict()
    lab.site.crash(WORKER)
    lab.settle(CLUSTER)
    assert [each for each in lab.writes() if "file" not in each] == [
        *("restart_application", "stop_application", "restart_application"),
        *("delete_application", "create_application"),
    ]
    lab.site.crash(OTHER)
    lab.settle(CLUSTER)
    writes = [each for each in lab.writes() if "file" not in each]
    assert writes == ["delete_application", "create_application"]


def test_an_update_of_what_runs_is_no_stop_once_a_stopped_one_was_not_restarted() -> None:
    lab = strict()
    lab.settle(BIGGER)
    lab.writes()
    lab.settle(NEW_HEAD)
    assert "stop_application" not in lab.writes()


def test_a_crash_loop_is_as_bounded_as_with_restarts() -> None:
    lab = strict()
    lab.world.story = lambda _: Behaviour(answers_after=None, ends_after=0.0)
    lab.site.crash(WORKER)
    for _ in range(3600 // 5):
        lab.run(CLUSTER)
        lab.wait(5)
    writes = lab.writes()
    assert 2 <= writes.count("create_application") <= 10
    lab.world.heal()
    lab.wait(700)
    lab.settle(CLUSTER)


def test_a_protected_cluster_loses_no_application_and_says_what_to_do() -> None:
    lab = Lab(Options(auto_restarts=0, restart_needs_live_run=True))
    lab.settle(SAFE)
    lab.site.crash(WORKER)
    for _ in range(20):
        done = lab.run(SAFE)
        assert not done.plan.refusals
        lab.wait(5)
    assert "delete_application" not in lab.writes()
    waits = [wait for wait in done.plan.waits if wait.reason is Reason.PROTECTED]
    assert [str(wait.member) for wait in waits] == ["cpu/0"]
    assert "delete the application in CML" in waits[0].message
    lab.people.delete(WORKER)
    lab.settle(SAFE)
    assert set(lab.phases().values()) == {"RUNNING"}


def test_a_worker_of_a_protected_cluster_is_not_stopped_for_an_update_that_could_not_end() -> None:
    lab = Lab(Options(auto_restarts=0, restart_needs_live_run=True))
    lab.settle(CLUSTER)
    lab.site.crash(WORKER)
    lab.settle(CLUSTER)
    lab.writes()
    wider = spec(protect=True, workerGroupSpecs__0__resources={"cpu": 4, "memory": "20Gi"})
    for _ in range(5):
        done = lab.run(wider)
        lab.wait(5)
    assert lab.writes() == []
    assert {wait.reason for wait in done.plan.waits} == {Reason.PROTECTED}


def test_a_failed_worker_of_a_protected_cluster_is_stopped_and_started() -> None:
    lab = Lab(Options(auto_restarts=0, restart_of_failed=False))
    lab.settle(SAFE)
    for victim in (WORKER, HEAD):
        lab.site.crash(victim)
        lab.settle(SAFE)


def test_a_list_that_lags_deletes_nothing_that_runs() -> None:
    """A person starts it again after the list was made; the fresh look decides."""
    lab = strict()
    lab.site.crash(WORKER)
    lab.settle(CLUSTER)
    lab.site.crash(OTHER)
    lab.writes()
    after_the_list = lab.a.weather.count + 1

    def revive() -> None:
        lab.world.cml.applications.options = Options()
        lab.people.restart(OTHER)
        lab.wait(3)
        lab.world.look_again()

    lab.a.eyes.interrupts = {after_the_list: revive}
    lab.run(CLUSTER)
    assert lab.writes() == []
    assert lab.phases()[OTHER] in ("RUNNING", "STARTING")


def test_every_other_refusal_of_a_restart_still_waits_for_a_person() -> None:
    lab = Lab(Options(auto_restarts=0))
    lab.settle(CLUSTER)
    lab.writes()
    lab.site.crash(WORKER)
    lab.world.gateway = NoScript(lab.world.gateway)
    for _ in range(3):
        done = lab.run(CLUSTER)
        lab.wait(5)
    assert lab.writes() == ["restart_application"]
    assert [wait.reason for wait in done.plan.waits] == [Reason.REJECTED]
