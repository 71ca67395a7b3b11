"""Files of clusters that are gone are removed, and of no other."""

from dataclasses import replace
from datetime import timedelta

import pytest

from controller.core.audit.laws import audit
from controller.core.model.desired import FOLDERS, STORES, Frozen
from controller.core.model.history import History
from controller.core.model.observed import (
    ClusterFolder,
    ObservedApplication,
    ObservedFiles,
    ObservedPauses,
    ObservedProject,
    ObservedState,
    Pause,
)
from controller.core.model.plan import Intent, Plan, RemoveFolder, Step
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason
from controller.core.planner.files.cluster_folders import MOST
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from tests.worlds import (
    NOW,
    POLICY,
    PROJECT,
    application,
    at,
    converged,
    desired,
    foreign,
    named,
    observed,
    spec,
)

DAY_S = POLICY.environment_kept_s
GONE = named("gone")


def folders(*clusters: str, age_s: float | None = None) -> tuple[ClusterFolder, ...]:
    when = None if age_s is None else at(-age_s)
    return tuple(ClusterFolder(c, f"{f}/{c}", when) for c in clusters for f in FOLDERS)


def stores(*clusters: str) -> tuple[ClusterFolder, ...]:
    return tuple(ClusterFolder(c, f"{STORES}/{c}") for c in clusters)


def with_folders(
    world: ObservedState, *found: ClusterFolder, pauses: dict[tuple[str, str], Pause] | None = None
) -> ObservedState:
    files = ObservedFiles({PROJECT: ()}, folders={PROJECT: found})
    return replace(world, files=files, pauses=ObservedPauses(pauses or {}))


def removed(decision: Plan) -> list[str]:
    return [s.action.path for s in decision.steps if isinstance(s.action, RemoveFolder)]


def after(
    world: ObservedState, seconds: float, policy: Policy = POLICY, **changes: object
) -> list[str]:
    """What is removed by a process that has seen the world so for so long."""
    state = replace(desired(spec()), **changes)  # type: ignore[arg-type]
    history = remember(situate(state, world, History(), policy)).history
    later = replace(world, as_of=NOW + timedelta(seconds=seconds), reports={})
    history = remember(situate(state, later, history, policy)).history
    made = plan(situate(state, later, history, policy))
    assert not audit(situate(state, later, history, policy), made)
    return removed(made)


def test_the_files_of_a_cluster_that_is_gone_go_after_a_day() -> None:
    world = with_folders(converged(spec()), *folders("analytics", "gone"))
    assert after(world, DAY_S - 1) == [f"{STORES}/gone"]
    assert after(world, DAY_S + 1) == sorted(f"{folder}/gone" for folder in FOLDERS)


def test_the_store_of_a_cluster_goes_at_once_and_only_with_its_cluster() -> None:
    world = with_folders(converged(spec()), *stores("analytics", "gone"))
    assert after(world, 0) == [f"{STORES}/gone"]
    assert after(world, 0, whole=False) == []
    alive = observed(application(GONE, "head"))
    assert after(with_folders(alive, *stores("gone")), 0) == []


def test_a_pod_of_the_project_knows_their_age_and_believes_no_time_to_come() -> None:
    world = with_folders(converged(spec()), *folders("gone", age_s=DAY_S + 1))
    assert len(after(world, 0)) == len(FOLDERS)
    ahead = with_folders(converged(spec()), *folders("gone", age_s=-1e9))
    assert len(after(ahead, DAY_S + 1)) == len(FOLDERS)


def living() -> dict[str, tuple[ObservedApplication, ...]]:
    of_another = application(GONE, "head")
    mark = {**of_another.environment, "RAYCML_OWNER": "another"}
    script = ".raycml/launchers/gone/head-1-1.py"
    return {
        "application": (application(GONE, "head"),),
        "another installation": (replace(of_another, environment=mark),),
        "name alone": (foreign("ray-gone-cpu-0"),),
        "launcher alone": (replace(foreign("mine"), script=script),),
    }


@pytest.mark.parametrize("sign", living())
def test_a_sign_of_life_keeps_them(sign: str) -> None:
    apps = converged(spec()).projects[PROJECT].applications
    world = with_folders(observed(*apps, *living()[sign]), *folders("gone", age_s=1e6))
    assert after(world, DAY_S + 1) == []


def neighbours() -> dict[str, tuple[ObservedApplication, ...]]:
    """Applications of other clusters, whose names begin or end as that of `gone` does."""
    longer, shorter = named("gone-b"), named("go")
    unmarked = foreign("ray-gone-b-head")
    launcher = ".raycml/launchers/gone-b/head-1-1.py"
    return {
        "longer": (application(longer, "head"), application(longer, "cpu/0")),
        "shorter": (application(shorter, "head"), application(shorter, "cpu/0")),
        "longer, without its mark": (unmarked,),
        "longer, by its launcher": (replace(foreign("ray-gone-b-cpu-0"), script=launcher),),
        "longer, of another installation": (
            replace(unmarked, environment={"RAYCML_CLUSTER": "gone-b"}),
        ),
        "no member": (foreign("ray-gone-cpu"), foreign("ray-gone-"), foreign("ray-gone")),
    }


@pytest.mark.parametrize("which", neighbours())
def test_a_cluster_with_a_similar_name_keeps_nothing(which: str) -> None:
    apps = converged(spec()).projects[PROJECT].applications
    world = with_folders(observed(*apps, *neighbours()[which]), *folders("gone", age_s=1e6))
    assert after(world, 1) == sorted(f"{folder}/gone" for folder in FOLDERS)


@pytest.mark.parametrize("name", ["launchers", "home", "cdsw", "analytics-b", "cpu", "head"])
def test_a_cluster_named_like_a_part_of_a_path_leaves_its_files(name: str) -> None:
    apps = converged(spec()).projects[PROJECT].applications
    world = with_folders(observed(*apps), *folders(name, age_s=1e6))
    assert after(world, 1) == sorted(f"{folder}/{name}" for folder in FOLDERS)


def test_every_pair_of_similar_clusters_keeps_its_own_files() -> None:
    names = ["a", "a-b", "a-b-c", "a-b-0", "b", "head", "a-head", "a-0"]
    for living_one in names:
        cluster = named(living_one, workerGroupSpecs__0__groupName="b-c")
        apps = (application(cluster, "head"), application(cluster, "b-c/0"))
        world = with_folders(observed(*apps), *folders(*names, age_s=1e6))
        kept = {n for n in names if f"{FOLDERS[0]}/{n}" not in after(world, 1)}
        assert kept == {living_one}


def test_a_name_that_two_clusters_may_have_keeps_the_files_of_both() -> None:
    apps = (foreign("ray-a-b-c-0"), *converged(spec()).projects[PROJECT].applications)
    world = with_folders(observed(*apps), *folders("a", "a-b", "a-b-c", age_s=1e6))
    assert after(world, 1) == sorted(f"{folder}/a-b-c" for folder in FOLDERS)


def test_a_cluster_that_moved_leaves_no_files_behind() -> None:
    elsewhere = spec(project="other")
    there = replace(ObservedProject("other"), applications=())
    world = with_folders(observed(), *folders("analytics", age_s=1e6))
    world = replace(world, projects={**world.projects, "other": there})
    state = desired(elsewhere)
    history = remember(situate(state, world, History(), POLICY)).history
    made = plan(situate(state, world, history, POLICY))
    assert removed(made) == sorted(f"{folder}/analytics" for folder in FOLDERS)
    assert not audit(situate(state, world, history, POLICY), made)


@pytest.mark.parametrize(
    "changes",
    [
        {"whole": False},
        {"frozen": {"other": Frozen(Reason.SPEC_UNREADABLE, "m")}},
        {"departed": {"gone": ""}},
    ],
)
def test_what_is_not_understood_keeps_them(changes: dict[str, object]) -> None:
    world = with_folders(converged(spec()), *folders("gone", age_s=1e6))
    assert after(world, DAY_S + 1, **changes) == []


def test_a_torn_list_or_a_pause_keeps_them() -> None:
    apps = converged(spec()).projects[PROJECT].applications
    torn = with_folders(observed(*apps, complete=False), *folders("gone", age_s=1e6))
    assert after(torn, DAY_S + 1) == []
    pause = {(PROJECT, "gone"): Pause("gone", "r", "jdoe", NOW)}
    paused = with_folders(converged(spec()), *folders("gone", age_s=1e6), pauses=pause)
    assert after(paused, DAY_S + 1) == []


def test_a_deleted_cluster_takes_its_files_along_once_its_applications_are_gone() -> None:
    asked = replace(POLICY, delete=frozenset({"gone"}), only=frozenset({"gone"}))
    left = with_folders(observed(application(GONE, "head")), *folders("gone", "old", age_s=1))
    assert after(left, 0, asked) == []
    bare = with_folders(observed(), *folders("gone", "old", age_s=1))
    assert after(bare, 0, asked) == sorted(f"{folder}/gone" for folder in FOLDERS)


def test_one_pass_removes_a_bounded_number() -> None:
    many = [f"gone{n}" for n in range(2 * MOST)]
    world = with_folders(converged(spec()), *folders(*many, age_s=1e6))
    assert len(after(world, 1)) == MOST


@pytest.mark.parametrize(
    "path", ["", ".raycml", ".raycml/clusters", ".raycml/logs/a/b", ".venv", ".raycml/envs/gone",
             ".raycml/logs/analytics", ".raycml/clusters/.."],
)  # fmt: skip
def test_the_law_refuses_to_remove_anything_else(path: str) -> None:
    state, world = desired(spec()), with_folders(converged(spec()))
    step = Step(RemoveFolder(path), "gone", PROJECT, None, Reason.FILES_UNUSED, Intent.NOTHING)
    broken = audit(situate(state, world, History(), POLICY), Plan((step,)))
    assert {violation.law for violation in broken} == {"files_of_clusters_stay"}


def test_an_application_under_another_name_keeps_them() -> None:
    marked = application(GONE, "head")
    variables = {**marked.environment, "RAYCML_SUBDOMAIN": "mine"}
    adopted = replace(marked, subdomain="mine", script="mine.py", environment=variables)
    world = with_folders(observed(adopted), *folders("gone", age_s=1e6))
    assert after(world, DAY_S + 1) == []
