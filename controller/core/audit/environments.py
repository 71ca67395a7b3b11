"""The laws about environments and the jobs that build them."""

from controller.core.audit.case import AuditedPlan, Broken, Law
from controller.core.model.jobs import is_our_job
from controller.core.model.member import ENVIRONMENT
from controller.core.model.plan import (
    Create,
    CreateJob,
    Intent,
    RemoveEnvironment,
    Restart,
    StartRun,
    Step,
    Stop,
    Update,
)
from controller.core.spec.python_environment import hash_of


def only_what_is_there_is_entered(case: AuditedPlan) -> Broken:
    """No member is started, or stopped to be started, in an environment that is not there."""
    updated = {s.application_id for s in case.plan.steps if isinstance(s.action, Update)}
    for step in case.plan.steps:
        if isinstance(step.action, Restart) and step.application_id in updated:
            continue
        digest = _target_environment(case, step)
        environment = case.environment(step.project, digest) if digest else None
        if digest and (environment is None or not environment.ready):
            yield step, f"{step.name} of {step.key} into environment {digest}, which is not there"


def _target_environment(case: AuditedPlan, step: Step) -> str:
    match step.action:
        case Create(configuration):
            return configuration.environment.get(ENVIRONMENT, "")
        case Update(_, fields):
            variables = fields.get("environment")
            return str(variables.get(ENVIRONMENT, "")) if isinstance(variables, dict) else ""
        case Stop() if step.intent is Intent.UPDATE:
            cluster = case.cluster(step)
            environment = None if cluster is None else cluster.groups[0].environment
            return "" if environment is None else environment.hash
        case Restart():
            app = case.app(step)
            return "" if app is None else app.environment.get(ENVIRONMENT, "")
        case _:
            return ""


def only_our_own_jobs_are_touched(case: AuditedPlan) -> Broken:
    """A job is run, ended or deleted by id, and only if it carries the owner's mark."""
    for step in case.plan.steps:
        if step.build is None or step.job_id is None:
            continue
        environment = case.environment(*step.build)
        job = None if environment is None else environment.job
        if job is None or job.id != step.job_id or not is_our_job(job, case.policy.owner):
            yield step, f"{step.name} of job {step.job_id}, which lacks the owner's mark"


def one_job_and_one_run_at_a_time(case: AuditedPlan) -> Broken:
    """No second job for an environment, and no run while another one is active."""
    builds: set[tuple[str, str]] = set()
    for step in case.plan.steps:
        if step.build is None or not isinstance(step.action, CreateJob | StartRun):
            continue
        environment = case.environment(*step.build)
        job, run = (None, None) if environment is None else (environment.job, environment.run)
        if step.build in builds or (isinstance(step.action, CreateJob) and job is not None):
            yield step, f"{step.name} for environment {step.action.hash}, which has one"
        if environment is not None and environment.unknown:
            yield step, f"{step.name} for environment {step.action.hash}, whose job is not known"
        if run is not None and not run.phase.is_over:
            yield step, f"{step.name} for environment {step.action.hash}, while a run goes on"
        configuration = step.action.configuration if isinstance(step.action, CreateJob) else None
        if configuration is not None and not is_our_job(configuration, case.policy.owner):
            yield step, f"create_job of {configuration.name} without the owner's mark"
        builds.add(step.build)


def what_is_named_stays(case: AuditedPlan) -> Broken:
    """No environment goes that a spec or an application names; law 4 holds for it too."""
    named = {
        (app.project, app.environment.get(ENVIRONMENT, "")) for app in case.observed.applications
    }
    for cluster in case.desired.clusters:
        hashes = (g.environment.hash for g in cluster.groups if g.environment is not None)
        named |= {(cluster.project, digest) for digest in hashes}
    understood = case.desired.whole and not case.desired.frozen
    for step in case.plan.steps:
        if not isinstance(step.action, RemoveEnvironment):
            continue
        digest = hash_of(step.action.path)
        if not digest or (step.project, digest) in named:
            yield step, f"removal of {step.action.path}, which is named"
        if not understood or not case.observed.is_complete(step.project):
            yield step, f"removal of {step.action.path}, while not everything can be read"


ENVIRONMENT_LAWS: tuple[Law, ...] = (
    only_what_is_there_is_entered,
    only_our_own_jobs_are_touched,
    one_job_and_one_run_at_a_time,
    what_is_named_stays,
)
