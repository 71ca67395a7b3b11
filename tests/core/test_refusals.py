"""A plan that breaks a law costs its own cluster its steps, and no other cluster anything."""

from dataclasses import replace

from environment_world import OURS, asking

from controller.core.model.history import History
from controller.core.model.observed import Listed, ObservedFiles, ObservedProject
from controller.core.model.plan import Delete, Intent, Plan, Step
from controller.core.model.reasons import Reason
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.reconcile import lawful
from tests.worlds import (
    POLICY,
    PROJECT,
    application,
    decide,
    desired,
    foreign,
    named,
    observed,
    said,
    spec,
    whole_cluster,
)

OTHER = "eeee-ffff-0000-1111"
NOTHING_WRITTEN = ObservedFiles({PROJECT: ()}, environments={PROJECT: {}})


def unlawful(cluster: str) -> Step:
    """A step that no planner may make: to delete an application without the mark."""
    action = Delete("foreign-theirs")
    return Step(action, cluster, PROJECT, None, Reason.DUPLICATE, Intent.DELETE)


def refused(made: Plan, cluster: str) -> Plan:
    return replace(made, steps=(*made.steps, unlawful(cluster)))


def test_a_refused_cluster_loses_its_steps_and_no_other_does() -> None:
    state = desired(named("one"), named("two"))
    world = observed(foreign("theirs"), files=NOTHING_WRITTEN)
    history = remember(situate(state, world, History(), POLICY)).history
    made = plan(situate(state, world, history, POLICY))
    found = lawful(situate(state, world, history, POLICY), refused(made, "one"))
    assert {v.cluster for v in found.refusals} == {"one"}
    assert found.of("one").steps == ()
    assert said(found.of("one")) == ["wait one PlanRefused"]
    assert found.of("two") == made.of("two")
    assert not found.complete


def test_a_refused_cluster_takes_no_shared_step_with_it() -> None:
    """Both ask for one environment; what the first would do for it, the second does then."""
    cluster = asking()
    one, two = (
        cluster.model_copy(update={"metadata": cluster.metadata.model_copy(update={"name": name})})
        for name in ("one", "two")
    )
    state, alone = desired(one, two), desired(two)
    world = observed(foreign("theirs"), files=NOTHING_WRITTEN)
    history = remember(situate(state, world, History(), OURS)).history
    made = plan(situate(state, world, history, OURS))
    assert [s.name for s in made.of("one").steps] == ["write_builder", "create_job"]
    found = lawful(situate(state, world, history, OURS), refused(made, "one"))
    assert found.of("two") == plan(situate(alone, world, history, OURS)).of("two")
    assert [s.name for s in found.of("two").steps] == ["write_builder", "create_job"]


def test_a_step_of_no_cluster_that_is_refused_stops_no_cluster() -> None:
    state = desired(named("one"))
    world = observed(foreign("theirs"), files=NOTHING_WRITTEN)
    history = remember(situate(state, world, History(), POLICY)).history
    made = plan(situate(state, world, history, POLICY))
    found = lawful(situate(state, world, history, POLICY), refused(made, ""))
    assert found.steps == made.steps
    assert {v.cluster for v in found.refusals} == {""}


def test_a_lawful_plan_is_taken_as_it_is() -> None:
    state, world = desired(named("one")), observed(files=NOTHING_WRITTEN)
    history = remember(situate(state, world, History(), POLICY)).history
    made = plan(situate(state, world, history, POLICY))
    assert lawful(situate(state, world, history, POLICY), made) == made


def test_what_left_for_another_project_waits_until_the_old_list_is_whole() -> None:
    moved = replace(application(spec(), "cpu/0"), id="old", project=OTHER)
    state = desired(spec())
    world = observed(*whole_cluster(spec()), moved)
    for torn in (
        ObservedProject(OTHER, (moved,), Listed.TORN),
        ObservedProject(OTHER, (moved,), Listed.FAILED, "CML failed"),
    ):
        seen = replace(world, projects={**world.projects, OTHER: torn})
        made = decide(state, seen)
        assert "wait cpu/0 IncompleteList" in said(made)
        assert not any(isinstance(step.action, Delete) for step in made.steps)
    assert "delete cpu/0 Moved" in said(decide(state, world))
