"""The laws about environments, and the jobs and applications that build them."""

from controller.core.audit.case import AuditedPlan, Broken, Law
from controller.core.model.jobs import built_by_application, is_our_job
from controller.core.model.member import ENVIRONMENT
from controller.core.model.observed import ObservedApplication
from controller.core.model.plan import (
    Create,
    CreateBuilder,
    CreateJob,
    DeleteBuilder,
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
    """A job is run, ended or deleted by id, and only if it carries the owner's mark; and likewise
    an application that builds."""
    for step in case.plan.steps:
        if step.build is None or step.job_id is None:
            continue
        environment = case.environment(*step.build)
        job = None if environment is None else environment.job
        if job is None or job.id != step.job_id or not is_our_job(job, case.policy.owner):
            yield step, f"{step.name} of job {step.job_id}, which lacks the owner's mark"
    for step in case.plan.steps:
        if not isinstance(step.action, DeleteBuilder):
            continue
        app = case.situation.index.by_id.get(step.action.builder_id)
        if app is None or app.project != step.project or _built_by(app, case) != step.action.hash:
            yield step, f"{step.name} of {step.action.builder_id}, which lacks the owner's mark"


def _built_by(app: ObservedApplication, case: AuditedPlan) -> str:
    return built_by_application(app.environment, app.project, app.subdomain, case.policy.owner)


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


def one_builder_at_a_time(case: AuditedPlan) -> Broken:
    """No second application for an environment, nor one beside a run, nor on a torn list."""
    applications = case.situation.index.by_id.values()
    created: set[tuple[str, str]] = set()
    for step in case.plan.steps:
        if not isinstance(step.action, CreateBuilder):
            continue
        place, asked = (step.project, step.action.hash), step.action.configuration
        environment = case.environment(*place)
        run = None if environment is None else environment.run
        if run is not None and not run.phase.is_over:
            yield step, f"{step.name} for environment {place[1]}, while a run goes on"
        names = {app.subdomain for app in applications if app.project == step.project}
        if place in created or asked.subdomain in names:
            yield step, f"{step.name} of {asked.subdomain}, which exists"
        own = (asked.environment, step.project, asked.subdomain, case.policy.owner)
        if built_by_application(*own) != step.action.hash:
            yield step, f"{step.name} of {asked.name} without the owner's mark"
        if not case.observed.is_complete(step.project):
            yield step, f"{step.name} in project {step.project}, whose list is not complete"
        if _may_not_show_yet(case, *place):
            yield step, f"second {step.name} of {asked.name} while the first may not show yet"
        created.add(place)


def _may_not_show_yet(case: AuditedPlan, project: str, digest: str) -> bool:
    """True shortly after a create that was accepted, or whose answer was lost."""
    history = case.history.build(project, digest)
    if history.call != "create_builder" or history.called_at is None or history.failures:
        return False
    return (case.observed.as_of - history.called_at).total_seconds() < case.policy.settle_s


def builders_of_paused_clusters_are_left_alone(case: AuditedPlan) -> Broken:
    """Law 10: where all clusters that ask for an environment are paused, its builder stays."""
    for step in case.plan.steps:
        if not isinstance(step.action, CreateBuilder | DeleteBuilder):
            continue
        asking = [
            cluster.paused or case.observed.pause(cluster.project, cluster.name) is not None
            for cluster in case.desired.clusters
            if cluster.project == step.project
            and any(group.environment_hash == step.action.hash for group in cluster.groups)
        ]
        if asking and all(asking):
            yield step, f"{step.name} for environment {step.action.hash}, which only the paused use"


def what_is_named_stays(case: AuditedPlan) -> Broken:
    """No environment goes that a spec or an application names, nor a script that one runs; law 4
    holds for it too."""
    named = {
        (app.project, app.environment.get(ENVIRONMENT, "")) for app in case.observed.applications
    }
    for cluster in case.desired.clusters:
        hashes = (g.environment.hash for g in cluster.groups if g.environment is not None)
        named |= {(cluster.project, digest) for digest in hashes}
    scripts = {(app.project, app.script) for app in case.observed.applications}
    understood = case.desired.whole and not case.desired.frozen
    for step in case.plan.steps:
        if not isinstance(step.action, RemoveEnvironment):
            continue
        digest = hash_of(step.action.path)
        place = (step.project, step.action.path)
        if not digest or (step.project, digest) in named or place in scripts:
            yield step, f"removal of {step.action.path}, which is named"
        if not understood or not case.observed.is_complete(step.project):
            yield step, f"removal of {step.action.path}, while not everything can be read"


ENVIRONMENT_LAWS: tuple[Law, ...] = (
    only_what_is_there_is_entered,
    only_our_own_jobs_are_touched,
    one_job_and_one_run_at_a_time,
    one_builder_at_a_time,
    builders_of_paused_clusters_are_left_alone,
    what_is_named_stays,
)
