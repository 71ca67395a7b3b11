"""The laws about a project that is set up for a controller, or taken down."""

from controller.core.audit.case import AuditedPlan, Broken, Law
from controller.core.model.member import ENVIRONMENT
from controller.core.model.observed import is_controller
from controller.core.model.project import DeleteProject, RaiseSharedMemory, RemoveFile
from controller.core.spec.python_environment import environment_folder
from controller.core.spec.shared_memory import KEEP


def what_a_controller_runs_stays(case: AuditedPlan) -> Broken:
    """No script goes that an application names, nor the environment of a controller."""
    for step in case.plan.steps:
        if not isinstance(step.action, RemoveFile):
            continue
        path = step.action.path
        for app in case.observed.projects[step.project].applications:
            controls = is_controller(app, case.policy.owner)
            built = environment_folder(app.environment.get(ENVIRONMENT, "")) if controls else ""
            if app.script == path or app.script.startswith(f"{path}/") or path == built:
                yield step, f"removal of {path}, which application {app.id} needs"
        if not case.observed.is_complete(step.project):
            yield step, f"removal of {path}, while not everything can be read"


def no_project_goes_with_the_work_of_others(case: AuditedPlan) -> Broken:
    """A project is deleted only where a person asked, and only the controller's own is in it."""
    for step in case.plan.steps:
        if not isinstance(step.action, DeleteProject):
            continue
        if step.cluster not in case.policy.delete:
            yield step, f"deletion of project {step.project} without a request"
        project = case.observed.projects[step.project]
        others = [a.id for a in project.applications if not is_controller(a, case.policy.owner)]
        if others or not case.observed.is_complete(step.project):
            yield step, f"deletion of project {step.project}, which may hold the work of others"


def shared_memory_is_only_raised(case: AuditedPlan) -> Broken:
    """A project's limit is raised once, above what was read, and for a cluster that allows it."""
    raised: set[str] = set()
    for step in case.plan.steps:
        if not isinstance(step.action, RaiseSharedMemory):
            continue
        project = case.observed.projects.get(step.project)
        limit = None if project is None else project.shared_memory_mb
        if limit is None or step.action.limit_mb <= limit or step.project in raised:
            yield step, f"{step.name} of project {step.project} to {step.action.limit_mb} MB"
        cluster = case.cluster(step)
        if cluster is not None and cluster.shared_memory == KEEP:
            yield step, f"{step.name} of project {step.project}, which {step.cluster} is to keep"
        raised.add(step.project)


SETUP_LAWS: tuple[Law, ...] = (
    what_a_controller_runs_stays,
    no_project_goes_with_the_work_of_others,
    shared_memory_is_only_raised,
)
