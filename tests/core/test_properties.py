"""The laws as properties: over worlds and specs that nobody thought of."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from controller.core.audit.laws import audit
from controller.core.model.desired import DesiredState
from controller.core.model.history import History
from controller.core.model.observed import ObservedApplication, ObservedState, Phase, is_ours
from controller.core.model.plan import Plan
from controller.core.model.policy import Policy
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.spec.spec import RayCluster
from controller.core.status.assess import assess
from tests.worlds import (
    POLICY,
    all_files,
    application,
    at,
    converged,
    decide,
    desired,
    foreign,
    named,
    observed,
    report,
    said,
)

PHASES = st.sampled_from(Phase)


@st.composite
def clusters(draw: st.DrawFn, name: str = "analytics") -> RayCluster:
    """A cluster that differs from the base in whatever a person may change."""
    suspended = draw(st.booleans())
    changes: dict[str, object] = {
        "workerGroupSpecs__0__replicas": draw(st.integers(0, 4)),
        "workerGroupSpecs__0__resources": {"cpu": 4, "memory": draw(st.sampled_from(["16Gi", 8]))},
        "workerGroupSpecs__0__suspend": draw(st.booleans()),
        "rayVersion": draw(st.sampled_from(["2.60.0", "2.59.0"])),
        "environment": draw(st.dictionaries(st.sampled_from(["A", "B"]), st.just("1"))),
        "suspend": suspended,
        "paused": draw(st.booleans()),
        "protect": not suspended and draw(st.booleans()),
        "upgradeStrategy": {
            "type": draw(st.sampled_from(["RollingUpdate", "Recreate", "None"])),
            "maxUnavailable": draw(st.sampled_from([1, 2, "50%"])),
        },
    }
    return named(name, **changes)


@st.composite
def applications(draw: st.DrawFn) -> ObservedApplication:
    """An application of ours of some earlier spec, perhaps edited by hand, or a foreign one."""
    if draw(st.integers(0, 9)) == 0:
        return foreign(f"ray-{draw(st.sampled_from(['analytics', 'b']))}-cpu-0", draw(PHASES))
    cluster = draw(clusters(draw(st.sampled_from(["analytics", "b", "old"]))))
    member = draw(st.sampled_from(["head", "cpu/0", "cpu/1", "cpu/2", "cpu/7"]))
    made = application(cluster, member, draw(PHASES))
    edits: dict[str, object] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "memory": st.sampled_from([1.0, 16.0]),
                "script": st.just("mine.py"),
                "subdomain": st.just("copied-by-hand"),
                "project": st.just("eeee-ffff-0000-1111"),
            },
        )
    )
    return replace(made, **edits) if draw(st.booleans()) else made


@st.composite
def worlds(draw: st.DrawFn) -> ObservedState:
    apps = draw(st.lists(applications(), max_size=8, unique_by=lambda a: (a.project, a.subdomain)))
    apps = [replace(a, id=f"app-{n}") for n, a in enumerate(apps)]
    told = []
    if draw(st.booleans()):
        alive = draw(st.sets(st.sampled_from(["head", "cpu/0", "cpu/1"])))
        told = [report(named("analytics"), *alive, at_=at(draw(st.sampled_from([0, -5, -90]))))]
    files = all_files(*apps) if draw(st.booleans()) else None
    return observed(*apps, reports=tuple(told), complete=draw(st.booleans()), files=files)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    return replace(
        POLICY,
        prune=draw(st.booleans()),
        allow_prune=draw(st.sampled_from([0, 9])),
        delete=frozenset(draw(st.sets(st.just("old")))),
        refresh_launchers=draw(st.booleans()),
    )


SPECS = st.tuples(clusters("analytics"), clusters("b"))


def made(state: DesiredState, world: ObservedState, policy: Policy) -> tuple[Plan, History]:
    history = remember(situate(state, world, History(), policy)).history
    return plan(situate(state, world, history, policy)), history


@given(SPECS, worlds(), policies(), st.booleans())
def test_no_plan_breaks_a_law(
    specs: tuple[RayCluster, RayCluster], world: ObservedState, policy: Policy, whole: bool
) -> None:
    state = desired(*specs, whole=whole)
    decision, history = made(state, world, policy)
    assert audit(situate(state, world, history, policy), decision) == ()
    assess(situate(state, world, history, policy), decision)


@given(SPECS, worlds(), st.randoms(use_true_random=False))
def test_the_order_of_a_list_changes_nothing(
    specs: tuple[RayCluster, RayCluster], world: ObservedState, random: object
) -> None:
    state = desired(*specs)
    shuffled = {}
    for name, project in world.projects.items():
        apps = list(project.applications)
        random.shuffle(apps)  # type: ignore[attr-defined]
        shuffled[name] = replace(project, applications=tuple(apps))
    other = replace(world, projects=shuffled)
    assert made(state, world, POLICY)[0] == made(state, other, POLICY)[0]


@given(SPECS, worlds())
def test_planning_twice_gives_the_same_plan(
    specs: tuple[RayCluster, RayCluster], world: ObservedState
) -> None:
    state = desired(*specs)
    first, history = made(state, world, POLICY)
    again = remember(situate(state, world, history, POLICY)).history
    assert plan(situate(state, world, again, POLICY)) == first


@given(clusters())
def test_a_world_that_is_as_the_spec_says_needs_nothing(cluster: RayCluster) -> None:
    if cluster.spec.suspend or cluster.spec.worker_group_specs[0].suspend:
        return
    assert said(decide(desired(cluster), converged(cluster))) == []


@given(SPECS, worlds())
def test_no_application_of_others_is_ever_named_by_a_step(
    specs: tuple[RayCluster, RayCluster], world: ObservedState
) -> None:
    theirs = {
        app.id
        for project in world.projects.values()
        for app in project.applications
        if not is_ours(app, POLICY.owner)
    }
    decision = decide(desired(*specs), world)
    assert not theirs & {s.application_id for s in decision.steps}
