"""Environments that an application builds, where CML runs no jobs of the API."""

from dataclasses import replace
from datetime import datetime

import pytest
from environment_world import OURS, asking, plan_for, ready, run, wanted, world, written

from controller.core.audit.laws import audit
from controller.core.model.faults import Result
from controller.core.model.history import History, record
from controller.core.model.jobs import ObservedEnvironment, RunPhase, builder_environment
from controller.core.model.member import ENVIRONMENT, OWNER
from controller.core.model.observed import ObservedApplication, ObservedState, Phase
from controller.core.model.plan import Create, CreateBuilder, DeleteBuilder, Outcome, Plan, Step
from controller.core.model.policy import Policy
from controller.core.planner.planner import plan
from controller.core.planner.python_environments.cleanup import ended_builders
from controller.core.situation.situation import situate
from controller.core.spec.python_environment import builder_name
from controller.core.spec.spec import RayCluster
from controller.core.status.assess import assess
from tests.worlds import NOW, POLICY, PROJECT, at, decide, desired, named, spec, whole_cluster

CLUSTER = asking()
BY_APPLICATION = asking(pythonEnvironment__builder="application")
DIGEST = wanted(CLUSTER).hash
NAME = builder_name(PROJECT, POLICY.owner, DIGEST)
SKIPPED = written(DIGEST, skipped=run(DIGEST, RunPhase.SKIPPED, at(-5), at(-3)))


def builder(phase: Phase = Phase.RUNNING, **changes: object) -> ObservedApplication:
    """The application that builds the environment, started a minute ago."""
    made = ObservedApplication(
        id="builder",
        project=PROJECT,
        name=NAME,
        subdomain=NAME,
        phase=phase,
        script=f".raycml/envs/build-{DIGEST}-bbbbbbbbbb.py",
        environment=builder_environment(PROJECT, POLICY.owner, DIGEST),
        status=f"APPLICATION_{phase}",
        created_at=at(-60),
        starting_at=at(-60),
    )
    return replace(made, **changes)


def steps(plan: Plan) -> list[str]:
    return [step.name for step in plan.steps]


def lawful(plan: Plan, cluster: RayCluster, seen: ObservedState) -> bool:
    return not audit(situate(desired(cluster), seen, History(), OURS), plan)


def seen_by(
    environment: ObservedEnvironment, *apps: ObservedApplication, now: datetime = NOW
) -> ObservedState:
    return world({DIGEST: environment}, *apps, now=now)


def test_an_application_builds_where_cml_skipped_the_job() -> None:
    seen = seen_by(SKIPPED)
    made = plan_for(CLUSTER, seen)
    assert steps(made) == ["write_builder", "create_builder"]
    create = made.steps[1].action
    assert isinstance(create, CreateBuilder)
    asked = create.configuration
    assert (asked.name, asked.subdomain) == (NAME, NAME)
    assert asked.script == SKIPPED.files[0]
    assert OWNER not in asked.environment, "it is no member"
    assert ENVIRONMENT not in asked.environment, "it does not run in the environment"
    assert {wait.reason.title for wait in made.waits} == {"EnvironmentBuilding"}
    assert lawful(made, CLUSTER, seen)


def test_an_application_builds_at_once_where_the_spec_says_so() -> None:
    assert steps(plan_for(BY_APPLICATION, world({}))) == ["write_builder", "create_builder"]
    refused = ObservedEnvironment(unknown="jobs are not allowed", is_refused=True)
    assert steps(plan_for(BY_APPLICATION, seen_by(refused))) == ["write_builder", "create_builder"]
    active = written(DIGEST, run=run(DIGEST, RunPhase.RUNNING))
    assert steps(plan_for(BY_APPLICATION, seen_by(active))) == [], "a run goes on"


def test_the_choice_of_a_builder_changes_no_environment_and_no_fingerprint() -> None:
    assert wanted(BY_APPLICATION) == wanted(CLUSTER)
    groups = [desired(one).clusters[0].groups for one in (CLUSTER, BY_APPLICATION)]
    assert [g.fingerprint for g in groups[0]] == [g.fingerprint for g in groups[1]]


def test_members_wait_while_the_application_builds_and_come_when_it_has() -> None:
    for phase in (Phase.STARTING, Phase.RUNNING):
        building = plan_for(CLUSTER, seen_by(SKIPPED, builder(phase)))
        assert steps(building) == []
        assert f"is being built by application {NAME}" in building.waits[0].message
    built = seen_by(ready(DIGEST), builder())
    made = plan_for(CLUSTER, built)
    assert [s.name for s in made.steps if isinstance(s.action, Create)] == ["create"] * 3
    [gone] = [s for s in made.steps if isinstance(s.action, DeleteBuilder)]
    assert (gone.action, gone.cluster, gone.reason.title) == (
        DeleteBuilder(DIGEST, "builder"),
        "",
        "BuilderUnneeded",
    )
    assert lawful(made, CLUSTER, built)


def test_a_build_that_failed_says_so_deletes_the_application_and_is_tried_again_later() -> None:
    output = ("ERROR: no such", "FAILED: it cannot be installed")
    failed = seen_by(replace(SKIPPED, output=output), builder(Phase.FAILED))
    made = plan_for(CLUSTER, failed)
    assert steps(made) == ["delete_builder"]
    said = made.waits[0].message
    assert said == f"application {NAME} did not build it: {' | '.join(output)}"
    assert {wait.reason.title for wait in made.waits} == {"EnvironmentFailed"}
    assert lawful(made, CLUSTER, failed)
    history = record(History(), [Outcome(step, Result.DONE) for step in made.steps], NOW)
    for ago, expected in ((599, []), (601, ["write_builder", "create_builder"])):
        again = plan_for(CLUSTER, seen_by(SKIPPED, now=at(ago)), history)
        assert steps(again) == expected
        if not expected:
            assert {wait.message for wait in again.waits} == {said}
    leaving = plan_for(CLUSTER, seen_by(SKIPPED, builder(Phase.STOPPING)), history)
    assert {wait.message for wait in leaving.waits} == {said}


def test_the_log_is_read_only_where_an_application_has_ended() -> None:
    for phase, ended in ((Phase.RUNNING, {}), (Phase.FAILED, {PROJECT: {DIGEST}})):
        seen = seen_by(SKIPPED, builder(phase))
        assert ended_builders(situate(desired(CLUSTER), seen, History(), OURS)) == ended


@pytest.mark.parametrize(
    ("phase", "limit_s", "says"),
    [
        (Phase.STARTING, POLICY.start_deadline_s, "did not start in time"),
        (Phase.RUNNING, POLICY.environment_deadline_s, "timed out"),
    ],
)
def test_no_application_is_waited_for_longer_than_its_deadline(
    phase: Phase, limit_s: float, says: str
) -> None:
    for late, expected in ((-1, []), (1, ["delete_builder"])):
        app = builder(phase, created_at=NOW, starting_at=NOW)
        made = plan_for(CLUSTER, seen_by(SKIPPED, app, now=at(limit_s + late)))
        assert steps(made) == expected
        assert (says in made.waits[0].message) == bool(expected)


def test_a_call_that_does_not_show_yet_is_not_repeated() -> None:
    first = plan_for(CLUSTER, seen_by(SKIPPED))
    for result in (Result.DONE, Result.UNKNOWN):
        history = record(History(), [Outcome(first.steps[1], result)], NOW)
        again = plan_for(CLUSTER, seen_by(SKIPPED, now=at(5)), history)
        assert (steps(again), again.waits[0].reason.title) == ([], "EnvironmentBuilding")
        assert steps(plan_for(CLUSTER, seen_by(SKIPPED, now=at(31)), history)) != []
    gone = plan_for(CLUSTER, seen_by(ready(DIGEST), builder()))
    deletion = next(s for s in gone.steps if isinstance(s.action, DeleteBuilder))
    history = record(History(), [Outcome(deletion, Result.DONE)], NOW)
    assert "delete_builder" not in steps(
        plan_for(CLUSTER, seen_by(ready(DIGEST), builder(), now=at(5)), history)
    )


def test_a_refused_application_waits_for_a_person_with_the_words_of_cml() -> None:
    first = plan_for(CLUSTER, seen_by(SKIPPED))
    refused = Outcome(first.steps[1], Result.REJECTED, "quota exceeded")
    history = record(History(), [refused], NOW)
    again = plan_for(CLUSTER, seen_by(SKIPPED, now=at(5)), history)
    assert steps(again) == []
    assert "CML refused to create builder: quota exceeded" in again.waits[0].message
    assert steps(plan_for(CLUSTER, seen_by(SKIPPED, now=at(601)), history)) != []


def test_two_clusters_with_one_environment_have_one_application() -> None:
    second = named("second", pythonEnvironment=CLUSTER.spec.python_environment.model_dump())  # type: ignore[union-attr]
    made = decide(desired(CLUSTER, second), seen_by(SKIPPED), policy=OURS)
    assert steps(made).count("create_builder") == 1


def unneeded(
    cluster: RayCluster,
    *apps: ObservedApplication,
    policy: Policy = OURS,
    whole: bool = True,
) -> list[Step]:
    """Deletions while it still builds."""
    state = desired(cluster, whole=whole)
    seen = seen_by(SKIPPED, *apps)
    made = plan(situate(state, seen, History(), policy))
    assert not audit(situate(state, seen, History(), policy), made)
    return [step for step in made.steps if isinstance(step.action, DeleteBuilder)]


def test_an_application_goes_when_nothing_asks_for_its_environment_any_more() -> None:
    other = spec()
    assert len(unneeded(other, builder())) == 1
    assert unneeded(CLUSTER, builder()) == []
    assert len(unneeded(asking(suspend=True), builder())) == 1, "its resources are to be free"
    assert unneeded(other, builder(), whole=False) == [], "a spec that cannot be read may ask"
    assert unneeded(other, builder(), policy=replace(OURS, only=frozenset({"analytics"}))) == []
    assert unneeded(other, builder(Phase.STOPPING)) == []
    assert unneeded(other, builder(Phase.UNKNOWN)) == []
    assert len(unneeded(other, builder(Phase.FAILED), whole=False)) == 1, "nothing is lost with it"


def test_what_is_not_this_owners_application_is_left_alone() -> None:
    mark = builder_environment(PROJECT, "others", DIGEST)
    assert unneeded(spec(), builder(environment=mark)) == []
    assert unneeded(spec(), builder(subdomain="copy")) == [], "a copy made by hand"
    elsewhere = builder(environment=builder_environment("other", POLICY.owner, DIGEST))
    assert unneeded(spec(), elsewhere) == []
    of_bootstrap = "e" * 24
    name = builder_name(PROJECT, POLICY.owner, of_bootstrap)
    mark = builder_environment(PROJECT, POLICY.owner, of_bootstrap)
    assert unneeded(spec(), builder(environment=mark, name=name, subdomain=name)) == []


def test_a_paused_cluster_neither_builds_nor_loses_what_builds() -> None:
    paused = asking(paused=True)
    assert steps(plan_for(paused, seen_by(SKIPPED))) == []
    assert unneeded(paused, builder(Phase.FAILED)) == []


def test_an_application_that_builds_is_no_member_no_orphan_and_nothing_unreadable() -> None:
    apps = whole_cluster(CLUSTER)
    seen = seen_by(ready(DIGEST), *apps, builder())
    state = situate(desired(CLUSTER), seen, History(), OURS)
    made = plan(state)
    status = assess(state, made)
    assert [cluster.name for cluster in status.clusters] == ["analytics"]
    assert status.clusters[0].desired == len(apps)
    assert (status.unreadable, state.without_spec) == ((), {})
    assert steps(made) == ["delete_builder"]


def test_no_environment_is_removed_while_an_application_builds_it() -> None:
    old = replace(OURS, environment_kept_s=0.0)
    left = ObservedEnvironment(files=(f".raycml/envs/build-{DIGEST}-bbbbbbbbbb.py",))

    def removals(*apps: ObservedApplication) -> list[str]:
        state = situate(desired(spec()), seen_by(left, *apps), History(), old)
        return [
            name for name in steps(plan(state)) if name in ("delete_builder", "remove_environment")
        ]

    assert removals(builder()) == ["delete_builder"]
    assert removals() == ["remove_environment"]
