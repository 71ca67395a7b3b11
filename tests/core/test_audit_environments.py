"""The laws about environments refuse what breaks them, whoever planned it."""

from dataclasses import replace

from environment_world import OURS, asking, job, plan_for, ready, run, wanted, world, written

from controller.core.audit import environments as laws
from controller.core.audit.case import AuditedPlan, Law
from controller.core.audit.laws import audit
from controller.core.model.faults import Result
from controller.core.model.history import History, record
from controller.core.model.jobs import RunPhase, builder_environment
from controller.core.model.member import ENVIRONMENT, OWNER, Member
from controller.core.model.observed import ObservedApplication, ObservedState, Phase
from controller.core.model.plan import (
    CreateBuilder,
    DeleteBuilder,
    DeleteJob,
    Intent,
    Outcome,
    Plan,
    RemoveEnvironment,
    Restart,
    StartRun,
    Step,
    Stop,
)
from controller.core.model.reasons import Reason
from controller.core.situation.situation import situate
from controller.core.spec.python_environment import builder_name, environment_folder
from controller.core.spec.spec import RayCluster
from tests.worlds import NOW, PROJECT, at, desired, whole_cluster

CLUSTER = asking()
DIGEST = wanted(CLUSTER).hash
APPS = whole_cluster(CLUSTER)
THERE = world({DIGEST: ready(DIGEST)})


def broken(
    law: Law,
    plan: Plan,
    seen: ObservedState,
    *,
    whole: bool = True,
    history: History | None = None,
    cluster: RayCluster = CLUSTER,
) -> list[str]:
    state = desired(cluster, whole=whole)
    case = AuditedPlan(plan, situate(state, seen, history or History(), OURS))
    found = list(law(case))
    every = [
        (v.cluster, v.message) for v in audit(case.situation, case.plan) if v.law == law.__name__
    ]
    assert every == [(step.cluster, message) for step, message in found]
    return [message for _, message in found]


def about(action: object, member: Member | None = None, intent: Intent = Intent.UPDATE) -> Plan:
    return Plan(
        (Step(action, "analytics", PROJECT, member, Reason.OUTDATED, intent),)  # type: ignore[arg-type]
    )


def test_a_create_into_an_environment_that_is_not_there_is_refused() -> None:
    plan = plan_for(CLUSTER, THERE)
    law = laws.only_what_is_there_is_entered
    assert broken(law, plan, THERE) == []
    assert len(broken(law, plan, world({}))) == 3
    assert len(broken(law, plan, world({DIGEST: written(DIGEST)}))) == 3
    assert len(broken(law, plan, replace(THERE, files=None))) == 3


def test_a_stop_for_an_update_and_a_restart_are_entries_too() -> None:
    law = laws.only_what_is_there_is_entered
    nowhere, head = world({}, *APPS), Member("head")
    assert broken(law, about(Stop(APPS[0].id), head), nowhere) != []
    assert broken(law, about(Stop(APPS[0].id), head, Intent.STOP), nowhere) == []
    assert broken(law, about(Restart(APPS[0].id), head), nowhere) != []


def test_a_job_without_our_mark_is_not_touched() -> None:
    law = laws.only_our_own_jobs_are_touched
    for action in (StartRun(DIGEST, f"job-{DIGEST}"), DeleteJob(DIGEST, f"job-{DIGEST}")):
        assert broken(law, about(action), world({DIGEST: written(DIGEST)})) == []
        assert broken(law, about(action), world({})) != []
        theirs = job(DIGEST, environment={OWNER: "others", ENVIRONMENT: DIGEST})
        assert broken(law, about(action), world({DIGEST: written(DIGEST, job=theirs)})) != []
        renamed = job(DIGEST, name="nightly")
        assert broken(law, about(action), world({DIGEST: written(DIGEST, job=renamed)})) != []


def test_a_second_job_and_a_second_run_are_refused() -> None:
    law = laws.one_job_and_one_run_at_a_time
    first = plan_for(CLUSTER, world({}))
    assert broken(law, first, world({})) == []
    assert broken(law, first, world({DIGEST: written(DIGEST)})) != []
    assert broken(law, Plan(first.steps * 2), world({})) != []
    going = world({DIGEST: written(DIGEST, run=run(DIGEST, RunPhase.RUNNING))})
    assert broken(law, about(StartRun(DIGEST, f"job-{DIGEST}")), going) != []
    configuration = replace(first.steps[1].action.configuration, environment={})  # type: ignore[union-attr]
    bare = replace(
        first.steps[1], action=replace(first.steps[1].action, configuration=configuration)
    )  # type: ignore[arg-type]
    assert "without the owner's mark" in broken(law, Plan((bare,)), world({}))[0]


def test_an_application_that_builds_is_created_once_and_only_with_the_mark() -> None:
    law = laws.one_builder_at_a_time
    by_application = asking(pythonEnvironment__builder="application")
    made = plan_for(by_application, world({}))
    create = made.steps[1]
    assert isinstance(create.action, CreateBuilder)
    assert broken(law, made, world({})) == []
    assert broken(law, Plan((create, create)), world({})) != []
    going = world({DIGEST: written(DIGEST, run=run(DIGEST, RunPhase.RUNNING))})
    assert "while a run goes on" in broken(law, made, going)[0]
    asked = create.action.configuration
    there = ObservedApplication("b", PROJECT, asked.name, asked.subdomain, Phase.FAILED)
    assert "which exists" in broken(law, made, world({}, there))[0]
    unmarked = replace(create, action=CreateBuilder(DIGEST, replace(asked, environment={})))
    assert "without the owner's mark" in broken(law, Plan((unmarked,)), world({}))[0]
    assert "not complete" in broken(law, made, world({}, complete=False))[0]
    history = record(History(), [Outcome(create, Result.UNKNOWN)], NOW)
    assert "may not show yet" in broken(law, made, world({}), history=history)[0]
    assert broken(law, made, world({}, now=at(31)), history=history) == []


def test_an_application_that_builds_is_deleted_only_by_its_mark_and_where_it_was_seen() -> None:
    law, gone = laws.only_our_own_jobs_are_touched, about(DeleteBuilder(DIGEST, "b"))
    name = builder_name(PROJECT, OURS.owner, DIGEST)
    mark = builder_environment(PROJECT, OURS.owner, DIGEST)
    ours = ObservedApplication("b", PROJECT, name, name, Phase.RUNNING, environment=mark)
    assert broken(law, gone, world({}, ours)) == []
    assert broken(law, gone, world({})) != []
    assert broken(law, gone, world({}, replace(ours, environment={}))) != []
    assert broken(law, gone, world({}, replace(ours, subdomain="copy"))) != []
    assert broken(law, about(DeleteBuilder("0123456789abcdef", "b")), world({}, ours)) != []


def test_a_builder_that_only_paused_clusters_use_is_left_alone() -> None:
    law = laws.builders_of_paused_clusters_are_left_alone
    gone = about(DeleteBuilder(DIGEST, "b"))
    assert broken(law, gone, world({})) == []
    assert broken(law, gone, world({}), cluster=asking(paused=True)) != []


def test_a_script_that_an_application_runs_is_not_removed() -> None:
    law, old = laws.what_is_named_stays, "0123456789abcdef"
    script = f".raycml/envs/build-{old}-1.py"
    runs = ObservedApplication("x", PROJECT, "x", "x", Phase.RUNNING, script=script)
    assert broken(law, about(RemoveEnvironment(script)), world({}, runs)) != []
    assert broken(law, about(RemoveEnvironment(script)), world({})) == []


def test_an_environment_that_is_named_is_not_removed() -> None:
    law, old = laws.what_is_named_stays, "0123456789abcdef"
    assert broken(law, about(RemoveEnvironment(environment_folder(DIGEST))), THERE) != []
    gone = about(RemoveEnvironment(environment_folder(old)))
    assert broken(law, gone, THERE) == []
    assert broken(law, gone, THERE, whole=False) != []
    app = replace(APPS[0], environment={ENVIRONMENT: old})
    assert broken(law, gone, world({}, app)) != []
    assert broken(law, about(RemoveEnvironment(".raycml/launchers")), THERE) != []


def test_every_law_about_environments_has_a_test_here() -> None:
    from pathlib import Path

    source = Path(__file__).read_text()
    assert all(f"laws.{law.__name__}" in source for law in laws.ENVIRONMENT_LAWS)
