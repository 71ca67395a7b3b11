"""The laws hold for a plan that sets up a controller, or takes one down."""

from dataclasses import replace

from controller.core.audit import laws
from controller.core.audit.case import AuditedPlan, Law
from controller.core.audit.environments import only_our_own_jobs_are_touched
from controller.core.audit.setup import (
    no_project_goes_with_the_work_of_others,
    what_a_controller_runs_stays,
)
from controller.core.model.desired import DesiredState
from controller.core.model.history import History
from controller.core.model.jobs import (
    CONTROLLER_JOB,
    JobConfiguration,
    ObservedEnvironment,
    ObservedJob,
)
from controller.core.model.member import (
    CONTROLLER,
    ENVIRONMENT,
    SUBDOMAIN,
    THE_CONTROLLER,
    THE_FILES,
    THE_PROJECT,
    Key,
)
from controller.core.model.observed import (
    Listed,
    ObservedApplication,
    ObservedFiles,
    ObservedProject,
    ObservedState,
    Phase,
)
from controller.core.model.plan import (
    Configuration,
    Create,
    CreateJob,
    Delete,
    DeleteJob,
    Intent,
    Plan,
    Step,
)
from controller.core.model.project import DeleteProject, RemoveFile
from controller.core.model.reasons import Reason
from controller.core.situation.situation import situate
from tests.worlds import NOW, POLICY, PROJECT

HASH = "e" * 24
MARK = {CONTROLLER: POLICY.owner, ENVIRONMENT: HASH, SUBDOMAIN: "raycml-1"}
APP = ObservedApplication(
    "app", PROJECT, "raycml", "raycml-1", Phase.RUNNING, script="run.py", environment=MARK
)
OTHER = ObservedApplication("other", PROJECT, "shiny", "shiny", Phase.RUNNING)
JOB = ObservedJob("job", PROJECT, CONTROLLER_JOB, environment={CONTROLLER: POLICY.owner})
ASKED = replace(POLICY, delete=frozenset({THE_CONTROLLER.cluster}))


def step(
    action: object, key: Key | None = THE_CONTROLLER, reason: Reason = Reason.REQUESTED
) -> Step:
    member = None if key is None else key.member
    return Step(action, THE_CONTROLLER.cluster, PROJECT, member, reason, Intent.NOTHING)  # type: ignore[arg-type]


def broken(law: Law, *steps: Step, complete: bool = True, **parts: object) -> list[str]:
    apps = parts.get("apps", (APP,))
    project = ObservedProject(PROJECT, apps, Listed.WHOLE if complete else Listed.TORN)  # type: ignore[arg-type]
    job = parts.get("job", JOB)
    environment = ObservedEnvironment(ready=True, job=job)  # type: ignore[arg-type]
    files = ObservedFiles({}, environments={PROJECT: {HASH: environment, "": environment}})
    observed = ObservedState(NOW, {PROJECT: project}, files=files)
    policy = parts.get("policy", POLICY)
    situation = situate(DesiredState(), observed, History(), policy)  # type: ignore[arg-type]
    case = AuditedPlan(Plan(steps), situation)
    return [message for _, message in law(case)]


def test_only_the_application_that_carries_the_mark_of_the_controller_is_changed() -> None:
    law = laws.only_our_own_is_changed
    assert not broken(law, step(Delete(APP.id)))
    for stranger in (
        replace(APP, environment={**MARK, CONTROLLER: "another"}),
        replace(APP, subdomain="a-copy"),
        OTHER,
    ):
        assert broken(law, step(Delete(stranger.id)), apps=(stranger,))


def test_a_second_controller_is_not_created() -> None:
    wanted = Configuration("raycml", "raycml-2", "", "run.py", 1, 2, 0, "image", MARK)
    law = laws.one_application_per_member
    assert broken(law, step(Create(wanted)))
    assert not broken(law, step(Create(wanted)), apps=(OTHER,))


def test_the_controller_is_deleted_only_to_replace_it_or_where_a_person_asked() -> None:
    law = laws.absences_are_understood
    assert broken(law, step(Delete(APP.id)))
    assert not broken(law, step(Delete(APP.id), reason=Reason.REPLACED))
    assert not broken(law, step(Delete(APP.id)), policy=ASKED)
    assert broken(law, step(Delete(APP.id)), policy=ASKED, complete=False)
    assert not broken(laws.large_removals_are_agreed, step(Delete(APP.id), reason=Reason.REPLACED))


def test_only_the_job_of_the_controller_is_deleted() -> None:
    law = only_our_own_jobs_are_touched
    assert not broken(law, step(DeleteJob("", JOB.id), None))
    foreign = replace(JOB, environment={CONTROLLER: "another"})
    assert broken(law, step(DeleteJob("", JOB.id), None), job=foreign)


def test_a_job_without_the_mark_is_not_created() -> None:
    law = next(one for one in laws.LAWS if one.__name__ == "one_job_and_one_run_at_a_time")
    wanted = JobConfiguration(CONTROLLER_JOB, "build.py", "image", environment=JOB.environment)
    assert not broken(law, step(CreateJob(HASH, wanted), None), job=None)
    unmarked = replace(wanted, environment={})
    assert broken(law, step(CreateJob(HASH, unmarked), None), job=None)


def test_what_a_controller_runs_is_not_removed() -> None:
    law = what_a_controller_runs_stays
    for path in ("run.py", f".raycml/envs/{HASH}"):
        assert broken(law, step(RemoveFile(path), THE_FILES))
        assert not broken(law, step(RemoveFile(path), THE_FILES), apps=())
    assert broken(law, step(RemoveFile("old.py"), THE_FILES), complete=False)


def test_a_project_goes_only_where_a_person_asked_and_nothing_of_others_is_in_it() -> None:
    law = no_project_goes_with_the_work_of_others
    gone = step(DeleteProject(), THE_PROJECT)
    assert not broken(law, gone, policy=ASKED)
    assert broken(law, gone)
    assert broken(law, gone, policy=ASKED, apps=(APP, OTHER))
    assert broken(law, gone, policy=ASKED, complete=False)
