"""The laws, each a small function that finds the steps of a plan that break it.

Runs in production: the steps of a cluster whose plan breaks a law are refused, and no other's.
Shares no decision with the planner; it looks at the plan and the world only.
"""

from controller.core.audit.case import AuditedPlan, Broken, Law
from controller.core.audit.draining import DRAINING_LAWS
from controller.core.audit.environments import ENVIRONMENT_LAWS
from controller.core.audit.files import files_of_clusters_stay
from controller.core.audit.setup import SETUP_LAWS
from controller.core.model.member import THE_CONTROLLER
from controller.core.model.observed import Phase, fills, is_controller, is_ours, key_of
from controller.core.model.plan import (
    Create,
    Delete,
    Plan,
    RemoveLauncher,
    RequestChange,
    Restart,
    Step,
    Stop,
    Update,
    Violation,
    WriteBuilder,
    WriteLauncher,
)
from controller.core.model.ray.requests import Drain
from controller.core.model.reasons import Reason
from controller.core.situation.situation import Situation


def audit(situation: Situation, plan: Plan) -> tuple[Violation, ...]:
    """Laws that the plan would break, with the cluster of the step; empty if it may be executed."""
    case = AuditedPlan(plan, situation)
    return tuple(
        Violation(step.cluster, law.__name__, message)
        for law in LAWS
        for step, message in law(case)
    )


def only_our_own_is_changed(case: AuditedPlan) -> Broken:
    """Law 1: only applications that carry the owner's mark are changed."""
    for step in case.plan.steps:
        app = case.app(step)
        if app is not None and not fills(app, case.policy.owner, step.key):
            yield step, f"{step.name} of application {app.id}, which lacks the owner's mark"


def only_observed_applications_are_changed(case: AuditedPlan) -> Broken:
    """Law 2: only applications that this pass observed in the step's project are changed, by id."""
    for step in case.plan.steps:
        if step.application_id is None:
            continue
        app = case.app(step)
        if app is None or app.project != step.project:
            yield step, f"{step.name} of application {step.application_id}, which was not observed"


def one_application_per_member(case: AuditedPlan) -> Broken:
    """Law 3: nothing is created for a member that has an application, nor twice."""
    if not any(isinstance(step.action, Create) for step in case.plan.steps):
        return
    applications, owner = case.situation.index.by_id.values(), case.policy.owner
    names = {(app.project, app.subdomain) for app in applications}
    filled = {key_of(app) for app in applications if is_ours(app, owner)}
    filled |= {THE_CONTROLLER for app in applications if is_controller(app, owner)}
    created: set[str] = set()
    for step in case.plan.steps:
        if not isinstance(step.action, Create):
            continue
        name = step.action.configuration.subdomain
        if (step.project, name) in names or name in created:
            yield step, f"create of {name}, which exists"
        if step.key in filled:
            yield step, f"create of {name} for {step.key}, which has an application"
        created.add(name)


def absences_are_understood(case: AuditedPlan) -> Broken:
    """Law 4: nothing is deleted, drained for that, or created on a torn list, nor pruned on an
    unread spec.
    """
    for step in case.plan.steps:
        if not isinstance(step.action, Delete | Create | Drain):
            continue
        project = case.observed.projects.get(step.project)
        if project is None or not project.complete:
            yield step, f"{step.name} in project {step.project}, whose list is not complete"
        if step.cluster in case.desired.frozen:
            yield step, f"{step.name} in {step.cluster}, which is frozen"
        yield from _without_request(case, step)


def large_removals_are_agreed(case: AuditedPlan) -> Broken:
    """Law 4: more than half of all clusters are pruned at once only where a person agreed."""
    pruned = {step.cluster: step for step in case.plan.steps if _ends_a_cluster(case, step)}
    alone = pruned.keys() - case.policy.delete - case.desired.agreed
    every = len(pruned.keys() | set(case.desired.departed)) + len(case.desired.clusters)
    if len(alone) > max(case.policy.allow_prune, (every + len(case.desired.frozen)) // 2):
        for name in sorted(alone):
            yield pruned[name], f"deletion of {len(alone)} clusters, to which no person agreed"


def _ends_a_cluster(case: AuditedPlan, step: Step) -> bool:
    deletes = isinstance(step.action, Delete | Drain) and step.key != THE_CONTROLLER
    return deletes and case.cluster(step) is None


def _without_request(case: AuditedPlan, step: Step) -> Broken:
    if step.cluster in case.policy.delete:
        return
    if step.key == THE_CONTROLLER and isinstance(step.action, Delete):
        if step.reason is not Reason.REPLACED:
            yield step, "delete of the controller without a request"
        return
    if not _ends_a_cluster(case, step):
        return
    let_go = step.cluster in case.policy.gone and case.desired.departed.get(step.cluster) == ""
    may_prune = let_go or case.policy.prune
    if not may_prune or not case.desired.whole or step.reason is not Reason.PRUNED:
        yield step, f"delete in {step.cluster}, which has no spec, without a request"


def launchers_outlive_applications(case: AuditedPlan) -> Broken:
    """Law 5: a launcher exists before, and outlives, every application that names it."""
    written = {
        (s.project, s.action.path)
        for s in case.plan.steps
        if isinstance(s.action, WriteLauncher | WriteBuilder)
    }
    named = {(app.project, app.script) for app in case.situation.index.by_id.values()}
    for step in case.plan.steps:
        place = (step.project, step.launcher or "")
        if step.launcher and place not in written and place not in case.launchers:
            yield (
                step,
                f"{step.name} of {step.cluster} {step.member} names a launcher that is not there",
            )
        if isinstance(step.action, RemoveLauncher) and (step.project, step.action.path) in named:
            yield step, f"removal of {step.action.path}, which an application names"


def unknown_is_resolved_by_looking(case: AuditedPlan) -> Broken:
    """Law 6: what was created a moment ago, or may have been, is not created again."""
    for step in case.plan.steps:
        if not isinstance(step.action, Create) or step.key is None:
            continue
        history = case.history.member(step.key)
        if history.created_at is None:
            continue
        if (case.observed.as_of - history.created_at).total_seconds() < case.policy.settle_s:
            yield step, f"second create of {step.key} while the first may not show yet"


def paused_and_suspended_are_left_alone(case: AuditedPlan) -> Broken:
    """Law 10: no write in a paused cluster; a suspended one is only stopped."""
    for step in case.plan.steps:
        cluster = case.cluster(step)
        by_file = case.observed.pause(step.project, step.cluster) is not None
        if by_file or (cluster is not None and cluster.paused):
            yield step, f"{step.name} in {step.cluster}, which is paused"
        at_rest = isinstance(step.action, Stop | RemoveLauncher | RequestChange)
        if cluster is not None and cluster.suspended and not at_rest:
            yield step, f"{step.name} in {step.cluster}, which is suspended"


def the_protected_lose_nothing(case: AuditedPlan) -> Broken:
    """Law 10: a protected cluster loses no member, and its head is not taken away."""
    for step in case.plan.steps:
        cluster = case.cluster(step)
        if cluster is None or not cluster.protected:
            continue
        if isinstance(step.action, Delete):
            yield step, f"delete in {step.cluster}, which is protected"
        app = case.app(step)
        live = app is not None and app.phase in (Phase.RUNNING, Phase.STARTING)
        takes = isinstance(step.action, Stop | Restart)
        if takes and live and step.member is not None and step.member.is_head:
            yield step, f"{step.name} of the head of {step.cluster}, which is protected"


def nothing_is_changed_while_it_runs(case: AuditedPlan) -> Broken:
    """An update reaches only applications at rest, so that no restart runs half of a change."""
    for step in case.plan.steps:
        app = case.app(step)
        if app is None:
            continue
        at_rest = app.phase in (Phase.STOPPED, Phase.FAILED)
        if isinstance(step.action, Update) and not at_rest:
            yield step, f"update of {app.id}, which is {app.phase}"
        if isinstance(step.action, Restart) and app.phase is Phase.STARTING:
            yield step, f"restart of {app.id}, which is starting: that can leave an orphan engine"


def names_are_resolved(case: AuditedPlan) -> Broken:
    """Nothing is configured while the id of a name in its spec is not known: it would start with
    whatever CML takes for unset.
    """
    for step in case.plan.steps:
        match step.action:
            case Create(configuration):
                missing = configuration.unresolved
            case Update():
                missing = step.action.unresolved
            case _:
                continue
        if missing:
            yield step, f"{step.name} of {step.key} without the id of its {min(missing)}"


LAWS: tuple[Law, ...] = (
    *ENVIRONMENT_LAWS,
    *SETUP_LAWS,
    *DRAINING_LAWS,
    files_of_clusters_stay,
    only_our_own_is_changed,
    only_observed_applications_are_changed,
    one_application_per_member,
    absences_are_understood,
    large_removals_are_agreed,
    launchers_outlive_applications,
    unknown_is_resolved_by_looking,
    paused_and_suspended_are_left_alone,
    the_protected_lose_nothing,
    nothing_is_changed_while_it_runs,
    names_are_resolved,
)
