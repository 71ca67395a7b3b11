"""Applications that a person opened to everybody ask for a sign-in again, without a restart."""

from dataclasses import replace

import pytest

from controller.core.audit.laws import audit
from controller.core.model.faults import FaultKind, Result
from controller.core.model.history import History, record
from controller.core.model.observed import ObservedState, Phase
from controller.core.model.plan import Outcome, Plan, RequireSignIn
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.spec.spec import RayCluster
from controller.core.status.assess import assess
from tests.worlds import NOW, POLICY, PROJECT, at, converged, decide, desired, observed, said, spec


def opened(cluster: RayCluster, name: str, **changes: object) -> ObservedState:
    """A converged world in which one application is open to all."""
    world = converged(cluster)
    apps = [
        replace(app, public=True, **changes) if app.subdomain.endswith(name) else app  # type: ignore[arg-type]
        for app in world.projects[PROJECT].applications
    ]
    return observed(*apps, reports=tuple(world.reports.values()))


def requires(found: Plan) -> list[str]:
    return [str(s.member) for s in found.steps if isinstance(s.action, RequireSignIn)]


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.STARTING, Phase.STOPPED, Phase.FAILED])
@pytest.mark.parametrize("changes", [{}, {"protect": True}, {"upgradeStrategy": {"type": "None"}}])
def test_a_sign_in_is_put_back_whatever_protects_the_member(
    phase: Phase, changes: dict[str, object]
) -> None:
    cluster = spec(**changes)
    state, world = desired(cluster), opened(cluster, "head", phase=phase)
    found = decide(state, world)
    assert requires(found) == ["head"]
    assert not audit(situate(state, world, History(), POLICY), found)
    assert [s.name for s in found.steps if s.key and s.key.member.is_head] == ["require_sign_in"]


@pytest.mark.parametrize("changes", [{"paused": True}, {"suspend": True}])
def test_a_cluster_that_is_paused_or_suspended_is_left_alone(changes: dict[str, object]) -> None:
    cluster = spec(**changes)
    assert requires(decide(desired(cluster), opened(cluster, "head"))) == []


def test_a_cluster_that_is_open_is_not_synced() -> None:
    cluster = spec()
    state, world = desired(cluster), opened(cluster, "head")
    found = decide(state, world)
    status = assess(situate(state, world, History(), POLICY), found).clusters[0]
    synced = next(c for c in status.conditions if c.type == "Synced")
    assert (synced.status, synced.reason) == ("False", "PublicAccess")
    assert synced.message == "1 open without a sign-in: head"


def test_what_cml_does_not_take_is_said_after_three_tries_and_holds_up_no_repair() -> None:
    cluster = spec()
    state, world = desired(cluster), opened(cluster, "cpu-0", phase=Phase.FAILED)
    history = History()
    for _ in range(POLICY.updates_max):
        found = plan(
            situate(state, world, remember(situate(state, world, history, POLICY)).history, POLICY)
        )
        assert requires(found) == ["cpu/0"]
        step = next(s for s in found.steps if isinstance(s.action, RequireSignIn))
        outcome = Outcome(step, Result.FAILED, "m", "FieldNotApplied", ("public",))
        history = record(remember(situate(state, world, history, POLICY)).history, [outcome], NOW)
    lines = said(
        plan(
            situate(state, world, remember(situate(state, world, history, POLICY)).history, POLICY)
        )
    )
    assert "wait cpu/0 FieldNotApplied" in lines
    assert "restart cpu/0 Down" in lines
    closed = replace(world.projects[PROJECT].applications[0], public=False)
    assert requires(decide(state, observed(closed), history)) == []


def test_a_call_that_fails_is_tried_later_and_later() -> None:
    cluster = spec()
    state, world = desired(cluster), opened(cluster, "head")
    found = decide(state, world)
    outcome = Outcome(found.steps[0], Result.FAILED, "m", FaultKind.UNAVAILABLE)
    history = record(remember(situate(state, world, History(), POLICY)).history, [outcome], NOW)
    assert requires(decide(state, world, history)) == []
    later = replace(world, as_of=at(POLICY.backoff_s(1) + 1))
    assert requires(decide(state, later, history)) == ["head"]
