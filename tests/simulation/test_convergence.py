"""Stories of convergence: one thing each, told with the production controller on the emulator."""

import json
import random
from typing import TYPE_CHECKING, TypeVar

from controller.emulator.options import Options
from tests.simulation.lab import Lab
from tests.simulation.weather import Fault
from tests.worlds import named, spec

if TYPE_CHECKING:
    from _typeshed import SupportsLenAndGetItem

Chosen = TypeVar("Chosen")
CLUSTER = spec()
WIDER = spec(workerGroupSpecs__0__replicas=4)
NARROWER = spec(workerGroupSpecs__0__replicas=1)
BIGGER = spec(workerGroupSpecs__0__resources={"cpu": 4, "memory": "20Gi"})
NEW_HEAD = spec(headGroupSpec__resources={"cpu": 3, "memory": "8Gi"})
ASLEEP = spec(suspend=True)
LEFT_ALONE = spec(upgradeStrategy__type="None")
PACKAGES = {"python": "3.11", "packages": ["ray[default]", "polars"]}
BUILT = spec(pythonEnvironment=PACKAGES)


class Oldest(random.Random):
    """Chooses the first of what there is: of a list's versions the oldest."""

    def choice(self, seq: "SupportsLenAndGetItem[Chosen]") -> Chosen:
        return seq[0]


def settled(*clusters: object, **options: object) -> Lab:
    lab = Lab(Options(**options))  # type: ignore[arg-type]  # a test names them
    lab.settle(*(clusters or (CLUSTER,)))  # type: ignore[arg-type]  # specs
    lab.writes()
    return lab


def test_a_settled_world_is_never_written_to_again() -> None:
    for cluster in (CLUSTER, ASLEEP, WIDER):
        lab = settled(cluster)
        for _ in range(5):
            lab.wait(30)
            lab.run(cluster)
        assert lab.writes() == []


def test_a_rolling_update_never_takes_more_than_one_member_away() -> None:
    lab = settled()
    for _ in range(30):
        lab.run(BIGGER)
        away = [n for n, p in lab.phases().items() if p != "RUNNING"]
        assert len(away) <= 1, away
        lab.wait(5)
    assert {a.memory for n, a in lab.apps.items() if "cpu" in n} == {20.0}


def test_a_plan_names_the_writes_of_the_next_pass_and_no_others() -> None:
    calls = {
        "write_launcher": "upload_file",
        "drain": "upload_file",
        **dict.fromkeys(("withdraw", "remove_launcher"), "delete_file"),
        "raise_shared_memory": "update_project",
    }
    for after in (WIDER, NARROWER, BIGGER, NEW_HEAD, ASLEEP):
        lab = settled()
        for _ in range(12):
            plan = lab.plan(after).plan
            lab.writes()
            lab.run(after)
            said = [calls.get(s.name, f"{s.name}_application") for s in plan.steps]
            # A removal deletes what an interrupted write kept of the file, and then the file.
            removed = [name for name in said if name == "delete_file" for _ in range(2)]
            said = [name for name in said if name != "delete_file"]
            assert sorted(said + removed) == sorted(lab.writes())
            lab.wait(5)


def test_a_converged_pass_costs_one_list_and_one_report() -> None:
    lab = settled()
    lab.calls.clear()
    lab.run(CLUSTER)
    assert [call.operation for call in lab.calls] == ["list_applications", "download_file"]


def test_a_head_that_comes_back_costs_no_worker_its_application() -> None:
    lab = settled()
    engines = {n: a.engine_id for n, a in lab.apps.items()}
    lab.site.crash("ray-analytics-head")
    lab.settle(CLUSTER)
    after = {n: a.engine_id for n, a in lab.apps.items()}
    assert {n for n in engines if engines[n] != after[n]} == {"ray-analytics-head"}


def test_memory_lost_at_any_moment_restarts_and_duplicates_nothing() -> None:
    lab = settled()
    for _ in range(5):
        lab.a.start()
        lab.run(CLUSTER)
        lab.wait(5)
    assert lab.writes() == []


def test_a_name_that_is_freed_late_is_waited_for() -> None:
    lab = settled(delete_s=40.0)
    lab.people.delete("ray-analytics-cpu-0")
    lab.settle(CLUSTER)
    assert lab.phases()["ray-analytics-cpu-0"] == "RUNNING"


def test_a_patch_that_ignores_zero_values_ends_in_delete_and_create() -> None:
    """A GPU taken away: `nvidia_gpu: 0` may be ignored by a PATCH."""
    gpu = {"cpu": 4, "memory": "16Gi", "gpu": 1}
    with_gpu = spec(workerGroupSpecs__0__resources=gpu, workerGroupSpecs__0__replicas=1)
    lab = settled(with_gpu, patch_zero_values=False)
    lab.settle(NARROWER)
    assert lab.apps["ray-analytics-cpu-0"].nvidia_gpu == 0


def test_a_suspended_cluster_stops_what_its_spec_no_longer_wants_too() -> None:
    lab = settled()
    smaller = spec(suspend=True, workerGroupSpecs__0__replicas=1)
    for _ in range(6):
        lab.run(smaller)
        lab.wait(5)
    assert set(lab.phases().values()) == {"STOPPED"}
    changes = [write for write in lab.writes() if write.endswith("_application")]
    assert changes == ["stop_application"] * 3


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    lab = settled()
    lab.a.clock.skew = 7200.0
    lab.people.delete("ray-analytics-cpu-0")
    lab.wait(5)
    lab.site.report()
    lab.run(CLUSTER)
    lab.people.delete("ray-analytics-cpu-0")
    lab.a.clock.skew = 0.0
    for _ in range(4):
        lab.wait(5)
        lab.run(CLUSTER)
    assert lab.phases()["ray-analytics-cpu-0"] == "RUNNING"


def test_one_cluster_in_trouble_delays_no_other() -> None:
    other = named("other")
    lab = settled(CLUSTER, other)
    lab.people.occupy("ray-analytics-cpu-2")
    lab.site.crash("ray-analytics-head")
    wider = named("other", workerGroupSpecs__0__replicas=4)
    lab.run(WIDER, wider)
    assert {n for n in lab.phases() if "other-cpu" in n} == {
        f"ray-other-cpu-{ordinal}" for ordinal in range(4)
    }


def test_a_paused_cluster_without_a_spec_is_neither_pruned_nor_deleted() -> None:
    lab = settled()
    lab.people.pause("analytics")
    lab.run(prune=True, allow_prune=1)
    done = lab.run(delete=frozenset({"analytics"}))
    assert lab.writes() == []
    assert [wait.reason.title for wait in done.plan.waits] == ["Paused"]
    lab.people.unpause("analytics")
    lab.run(delete=frozenset({"analytics"}), now=frozenset({"analytics"}))
    assert lab.writes() == ["delete_application"] * 3


def test_a_mark_that_somebody_overwrote_is_no_reason_to_restart_again_and_again() -> None:
    """With upgrades off the mark stays wrong, so no restart could make the process agree."""
    lab = settled(LEFT_ALONE)
    lab.people.misdate("ray-analytics-cpu-0")
    for _ in range(3):
        lab.run(LEFT_ALONE)
        lab.wait(30)
    assert lab.writes() == []


def test_a_list_that_lags_makes_nobody_restart_what_runs_again() -> None:
    lab = settled()
    lab.site.crash("ray-analytics-head")
    lab.sky.note()
    lab.people.restart("ray-analytics-head")
    lab.sky.lag = 1
    lab.sky.rng = Oldest()
    done = lab.run(CLUSTER)
    assert [step.name for step in done.plan.steps] == ["restart"]
    assert lab.writes() == []


def test_an_application_of_ours_marked_for_another_place_leaves_before_its_name_is_used() -> None:
    """Somebody wrote one cluster's variables over those of another's head."""
    other = named("other")
    lab = settled(CLUSTER, other)
    theirs = lab.apps["ray-other-head"].environment
    mixed = {**theirs, "RAYCML_SUBDOMAIN": "ray-analytics-head"}
    lab.people.edit("ray-analytics-head", environment=json.dumps(mixed))
    lab.settle(CLUSTER, other)
    assert lab.apps["ray-analytics-head"].environment["RAYCML_CLUSTER"] == "analytics"
    assert lab.writes() == ["delete_application", "create_application"]


def test_a_mark_taken_off_after_the_list_is_seen_before_the_call() -> None:
    lab = settled()
    lab.site.crash("ray-analytics-cpu-0")
    after_the_list = lab.a.weather.count + 1
    lab.a.eyes.interrupts = {
        after_the_list: lambda: lab.people.take_mark_off("ray-analytics-cpu-0")
    }
    lab.run(CLUSTER)
    assert lab.writes() == []


def test_a_key_that_is_refused_ends_all_writing_of_the_pass() -> None:
    lab = settled()
    lab.a.weather.writes, lab.a.weather.of_writes = 0, {0: Fault.DENIED}
    lab.run(ASLEEP, now=frozenset({"analytics"}))
    assert lab.writes() == ["stop_application"]
    assert set(lab.phases().values()) == {"RUNNING"}


def test_what_could_not_be_updated_is_not_started() -> None:
    lab = settled()
    while "STOPPED" not in lab.phases().values():
        lab.run(NEW_HEAD)
        lab.wait(5)
    lab.writes()
    lab.a.weather.writes, lab.a.weather.of_writes = 0, {0: Fault.REFUSED}
    lab.run(NEW_HEAD)
    assert lab.writes() == ["update_application"]
    lab.settle(NEW_HEAD)


class NewThenOld(random.Random):
    """The first page is of the newest version, all others of the oldest."""

    turns = 0

    def choice(self, seq: "SupportsLenAndGetItem[Chosen]") -> Chosen:
        self.turns += 1
        return seq[len(seq) - 1 if self.turns == 1 else 0]


def test_pages_that_do_not_fit_together_authorise_nothing() -> None:
    lab = settled()
    lab.sky.note()
    lab.people.delete("ray-analytics-head")
    lab.wait(5)
    lab.sky.lag, lab.sky.page_size, lab.sky.rng = 1, 1, NewThenOld()
    done = lab.run(CLUSTER)
    assert lab.writes() == []
    assert [wait.reason.title for wait in done.plan.waits] == ["IncompleteList"]


def members(lab: Lab) -> set[str]:
    return {name for name in lab.apps if name.startswith("ray-")}


def test_a_cluster_with_packages_settles_whether_or_not_jobs_of_the_api_run() -> None:
    for skipped in (False, True):
        lab = settled(BUILT, api_jobs_skipped=skipped)
        lab.wait(5)
        assert set(lab.apps) == members(lab), "what built is gone"
        for _ in range(5):
            lab.wait(30)
            lab.run(BUILT)
        assert lab.writes() == []


def test_a_controller_that_forgets_everything_builds_nothing_twice() -> None:
    lab = Lab(Options(api_jobs_skipped=True))
    for _ in range(40):
        lab.a.start()
        lab.run(BUILT)
        lab.wait(5)
    assert lab.writes().count("create_application") == len(members(lab)) + 1
    assert set(lab.apps) == members(lab)


def test_a_build_by_an_application_goes_on_whatever_becomes_of_one_call() -> None:
    for fault in (Fault.LOST_ANSWER, Fault.REFUSED, Fault.ERROR_JSON):
        for at in range(12):
            lab = Lab(Options(api_jobs_skipped=True))
            lab.a.weather.of_writes = {at: fault}
            lab.settle(BUILT)
            lab.wait(40)
            lab.run(BUILT)
            lab.wait(10)
            assert set(lab.apps) == members(lab), (fault, at)
