"""Restarts of a member: it is down, runs an older configuration, or never joined Ray.

The same application is started again, never a second one, unless CML restarts only what runs (see
`starts`).  Restarts of every kind share one budget
(`crash_backoff`).  An update restarts a member too: see `update`.
"""

from controller.core.model.configuration import launcher_path
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import Change, Intent, Plan
from controller.core.model.reasons import Reason
from controller.core.planner import steps
from controller.core.planner.crash_backoff import spent
from controller.core.planner.creation import unresolved
from controller.core.planner.protection import protected_from_restart
from controller.core.planner.retries import gate
from controller.core.planner.starts import other_start
from controller.core.planner.waits import wait
from controller.core.situation.cluster import ClusterSituation, MemberSituation
from controller.core.situation.resolution import resolve


def stale(
    cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication, *, permitted: bool
) -> Plan:
    match = member.match
    if waits := protected_from_restart(cluster, match):
        return waits
    if not permitted:
        message = "runs an older configuration; waits its turn"
        return wait(match.key, Reason.ROLLING_UPDATE, message, intent=Intent.RESTART)
    waits = spent(cluster.past, match.key, "still runs an older configuration after a restart")
    return (
        waits
        or gate(cluster.past, match.key, "restart")
        or steps.restart(match, app, Reason.STALE, Intent.RESTART, "runs an older configuration")
    )


def repair(
    cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication, reason: Reason
) -> Plan:
    key = member.key
    waits = spent(cluster.past, key, "failed again after a restart")
    waits = waits or other_start(cluster, member.match, app, reason)
    return waits or gate(cluster.past, key, "restart") or _start(cluster, member, app, reason)


def down(cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication) -> Plan:
    """Failed, or stopped though it should run."""
    reason = Reason.DOWN if app.phase is Phase.FAILED else Reason.RESUMED
    since = cluster.past.history.fault_since
    if since is not None and cluster.is_struck and reason is Reason.DOWN:
        until = cluster.past.deadline(since, cluster.policy.fault_hold_s)
        if until is not None:
            message = "too many members failed at once: the platform may be at fault; no restarts"
            return wait(member.key, Reason.PLATFORM_FAULT, message, until=until)
    return repair(cluster, member, app, reason)


def _start(
    cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication, reason: Reason
) -> Plan:
    match = member.match
    if cluster.lacks_launcher(app.script) and not member.kept:
        if app.script != launcher_path(match.group, cluster.policy.edition):
            change = Change("launcher", "", "")
            waits = gate(cluster.past, match.key, "update")
            resolved = resolve(cluster, match)
            if resolved.problem:
                return unresolved(match.key, resolved)
            return waits or steps.update_and_start(
                match, app, (change,), cluster.policy, resolved.record
            )
        write = steps.write_launcher(match.group, app.project, cluster.policy)
        return Plan((write,)) + steps.restart(
            match, app, reason, Intent.RESTART, "its launcher is gone"
        )
    intent = Intent.START if reason is Reason.RESUMED else Intent.RESTART
    return steps.restart(match, app, reason, intent)
