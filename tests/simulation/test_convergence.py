"""The production controller against the emulator: it converges, and then writes nothing."""

from dataclasses import dataclass, replace

import httpx
import pytest

from controller.core.fault import Fault as Trouble
from controller.core.spec import RayCluster
from controller.emulator.options import Options
from tests.simulation.lab import Lab
from tests.simulation.weather import Fault, Killed, Weather
from tests.worlds import spec

CLUSTER = spec()
WIDER = spec(workerGroupSpecs__0__replicas=4)
NARROWER = spec(workerGroupSpecs__0__replicas=1)
BIGGER = spec(workerGroupSpecs__0__resources={"cpu": 4, "memory": "20Gi"})
NEW_HEAD = spec(headGroupSpec__resources={"cpu": 3, "memory": "8Gi"})
NEW_RAY = spec(rayVersion="2.61.0")
ASLEEP = spec(suspend=True)


@dataclass(frozen=True)
class Workload:
    """From a settled world to another one.  `writes` are those of a fault-free run, counted."""

    name: str
    before: RayCluster | None
    after: RayCluster | None
    policy: tuple[tuple[str, object], ...] = ()
    crash: str | None = None


WORKLOADS = [
    Workload("create", None, CLUSTER),
    Workload("scale up", CLUSTER, WIDER),
    Workload("scale down", WIDER, NARROWER),
    Workload("update a group", CLUSTER, BIGGER),
    Workload("update the head", CLUSTER, NEW_HEAD),
    Workload("another Ray", CLUSTER, NEW_RAY),
    Workload("suspend", CLUSTER, ASLEEP),
    Workload("resume", ASLEEP, CLUSTER),
    Workload("delete", CLUSTER, None, (("delete", frozenset({"analytics"})),)),
    Workload("prune", CLUSTER, None, (("prune", True), ("allow_prune", 1))),
    Workload("repair", CLUSTER, CLUSTER, crash="ray-analytics-cpu-0"),
]


def wanted(cluster: RayCluster | None) -> list[RayCluster]:
    return [] if cluster is None else [cluster]


def prepared(load: Workload, **options: object) -> tuple[Lab, Weather]:
    """A world in which the state before is settled, and the weather that may follow."""
    made: list[Weather] = []

    def weather(inner: httpx.BaseTransport) -> httpx.BaseTransport:
        made.append(Weather(inner))
        return made[0]

    lab = Lab(options=Options(**options), transport=weather)  # type: ignore[arg-type]
    if load.before is ASLEEP:
        lab.settle(CLUSTER)
    lab.settle(*wanted(load.before))
    if load.crash:
        lab.crash(load.crash)
    lab.calls.clear()
    made[0].count = 0
    return lab, made[0]


def world(lab: Lab) -> dict[str, tuple[object, ...]]:
    """What matters of the end state: everything but ids and times."""
    return {
        name: (a.status.name, a.script, a.cpu, a.memory, tuple(sorted(a.environment.items())))  # type: ignore[attr-defined]
        for name, a in sorted(lab.apps.items())
    }


def calm(lab: Lab, load: Workload) -> None:
    """Ask for the state after until it is there, then see that nothing more is written."""
    lab.settle(*wanted(load.after), **dict(load.policy))


@pytest.mark.parametrize("load", WORKLOADS, ids=lambda w: w.name)
def test_a_settled_world_is_never_written_to_again(load: Workload) -> None:
    lab, _ = prepared(load)
    calm(lab, load)
    lab.writes()
    for _ in range(5):
        lab.clock.wait(30)
        lab.run(*wanted(load.after), **dict(load.policy))
    assert lab.writes() == []


@pytest.mark.parametrize(
    ("load", "writes"),
    [
        ("create", ["create_application"] * 3 + ["upload_file"] * 2),
        ("scale up", ["create_application"] * 2),
        ("scale down", ["delete_application"] * 3),
        (
            "update the head",
            ["restart_application", "stop_application", "update_application", "upload_file"],
        ),
        ("suspend", ["stop_application"] * 3),
        ("resume", ["restart_application"] * 3),
        ("repair", ["restart_application"]),
    ],
)
def test_no_more_is_written_than_is_needed(load: str, writes: list[str]) -> None:
    found = next(w for w in WORKLOADS if w.name == load)
    lab, _ = prepared(found)
    calm(lab, found)
    assert sorted(lab.writes()) == writes


def test_a_rolling_update_never_takes_more_than_one_member_away() -> None:
    load = next(w for w in WORKLOADS if w.name == "update a group")
    lab, _ = prepared(load)
    for _ in range(30):
        lab.run(BIGGER)
        away = [n for n, p in lab.phases().items() if p != "RUNNING"]
        assert len(away) <= 1, away
        lab.clock.wait(5)
    assert {a.memory for n, a in lab.apps.items() if "cpu" in n} == {20.0}  # type: ignore[attr-defined]


def test_a_plan_names_the_writes_of_the_next_pass_and_no_others() -> None:
    for load in WORKLOADS:
        lab, _ = prepared(load)
        for _ in range(12):
            plan = lab.plan(*wanted(load.after), **dict(load.policy)).plan
            lab.writes()
            lab.run(*wanted(load.after), **dict(load.policy))
            names = {
                "write_launcher": "upload_file",
                "remove_launcher": "delete_file",
            }
            said = sorted(names.get(s.name, f"{s.name}_application") for s in plan.steps)
            assert said == sorted(lab.writes()), load.name
            lab.clock.wait(5)


def test_a_converged_pass_costs_one_list_and_one_report() -> None:
    lab, _ = prepared(Workload("still", CLUSTER, CLUSTER))
    lab.run(CLUSTER)
    assert [call.operation for call in lab.calls] == ["list_applications", "download_file"]


SWEEP = [(w, f) for w in WORKLOADS for f in Fault]


@pytest.mark.slow
@pytest.mark.parametrize(("load", "fault"), SWEEP, ids=lambda v: getattr(v, "name", str(v)))
def test_any_single_fault_at_any_request_ends_in_the_same_world(
    load: Workload, fault: Fault
) -> None:
    lab, weather = prepared(load)
    calm(lab, load)
    expected, requests = world(lab), weather.count
    normal = len([c for c in lab.calls if c.write])
    for number in range(requests):
        lab, weather = prepared(load)
        weather.forecast = {number: fault}
        _through_the_storm(lab, load, weather)
        calm(lab, load)
        assert world(lab) == expected, f"request {number}"
        spent = len([c for c in lab.calls if c.write])
        assert spent <= normal + EXTRA_WRITES, f"request {number}"


# A lost answer costs the repeated call; a lost upload is looked for, removed and sent again.
EXTRA_WRITES = 3


def _through_the_storm(lab: Lab, load: Workload, weather: Weather) -> None:
    """Passes until the fault has struck; a killed controller starts anew, remembering nothing."""
    strikes_at = max(weather.forecast)
    for _ in range(60):
        if weather.count > strikes_at:
            return
        try:
            lab.run(*wanted(load.after), **dict(load.policy))
        except Killed:
            lab.forget()
        except Trouble:
            pass
        lab.clock.wait(2.0)


def test_a_head_that_comes_back_costs_no_worker_its_application() -> None:
    lab, _ = prepared(Workload("head", CLUSTER, CLUSTER, crash="ray-analytics-head"))
    engines = {n: a.engine_id for n, a in lab.apps.items()}  # type: ignore[attr-defined]
    lab.settle(CLUSTER)
    after = {n: a.engine_id for n, a in lab.apps.items()}  # type: ignore[attr-defined]
    assert {n for n in engines if engines[n] != after[n]} == {"ray-analytics-head"}


def test_two_controllers_at_once_are_harmless() -> None:
    lab, _ = prepared(Workload("two", None, CLUSTER))
    first = lab.history
    second = lab.history
    for _ in range(20):
        for load in (CLUSTER, CLUSTER):
            lab.history, first = first, lab.history
            lab.run(load)
            lab.history, first, second = second, lab.history, first
        lab.clock.wait(5)
    assert sorted(lab.phases()) == [
        "ray-analytics-cpu-0",
        "ray-analytics-cpu-1",
        "ray-analytics-head",
    ]
    assert lab.writes().count("create_application") == 3


def test_memory_lost_at_any_moment_restarts_and_duplicates_nothing() -> None:
    lab, _ = prepared(Workload("still", CLUSTER, CLUSTER))
    for _ in range(5):
        lab.forget()
        lab.run(CLUSTER)
        lab.clock.wait(5)
    assert lab.writes() == []


def test_a_name_that_is_freed_late_is_waited_for() -> None:
    lab = Lab(options=replace(Options(), delete_s=40.0))
    lab.settle(CLUSTER)
    lab.client.delete_application(lab.project, lab.apps["ray-analytics-cpu-0"].id)  # type: ignore[attr-defined]
    lab.settle(CLUSTER)
    assert lab.phases()["ray-analytics-cpu-0"] == "RUNNING"


def test_a_patch_that_ignores_zero_values_ends_in_delete_and_create() -> None:
    """A GPU taken away: `nvidia_gpu: 0` may be ignored by a PATCH."""
    gpu = {"cpu": 4, "memory": "16Gi", "gpu": 1}
    lab = Lab(options=replace(Options(), patch_zero_values=False))
    lab.settle(spec(workerGroupSpecs__0__resources=gpu, workerGroupSpecs__0__replicas=1))
    lab.settle(NARROWER)
    assert lab.apps["ray-analytics-cpu-0"].nvidia_gpu == 0  # type: ignore[attr-defined]
