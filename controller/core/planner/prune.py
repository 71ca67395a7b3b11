"""Clusters without a spec: paused, deleted on request, pruned, or reported.

A whole cluster is removed only because a person asked (`delete`) or by prune, and by prune only on
an absence that is understood: every spec could be read, the cluster was seen to leave its source,
its grace is over, and no more than half of all clusters go at once without a person's agreement.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from controller.core.model.desired import DesiredState
from controller.core.model.observed import ObservedApplication, Pause, key_of
from controller.core.model.plan import Intent, Plan, Wait, merge
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason
from controller.core.planner.drain import drains_without_spec, gate_drains
from controller.core.planner.removal import delete
from controller.core.planner.waits import blocked_cluster
from controller.core.situation.matching import UnwantedApplication
from controller.core.situation.past import Past
from controller.core.situation.situation import Situation
from controller.core.spec.text import spoken


def clusters_without_spec(situation: Situation) -> Plan:
    clusters, policy, desired = situation.without_spec, situation.policy, situation.desired
    pauses = _pauses(situation)
    others = [name for name in clusters if name not in policy.delete]
    guard = _guard(desired, others, policy) if policy.prune else None
    leaving = [n for n in clusters if _may_go(n, desired, policy)]
    crowd = _guard(desired, [n for n in leaving if n not in desired.agreed], policy)
    parts: list[Plan] = []
    for name, apps in clusters.items():
        if name in pauses:
            parts.append(blocked_cluster(name, Reason.PAUSED, str(pauses[name])))
        elif name in policy.delete:
            parts.append(_delete_all(situation, name, apps, Reason.REQUESTED))
        elif name in leaving:
            parts.append(
                blocked_cluster(name, *crowd)
                if name not in desired.agreed and crowd is not None
                else _delete_all(situation, name, apps, Reason.PRUNED)
            )
        elif not policy.prune:
            parts.append(_reported(name, apps, desired, situation.past))
        elif guard is not None:
            parts.append(blocked_cluster(name, *guard))
        else:
            parts.append(_delete_all(situation, name, apps, Reason.PRUNED))
    return merge(parts)


def _may_go(name: str, desired: DesiredState, policy: Policy) -> bool:
    """True if a cluster was seen to leave its source and nothing holds it back."""
    return name in policy.gone and desired.whole and desired.departed.get(name) == ""


def _reported(
    name: str, apps: Sequence[ObservedApplication], desired: DesiredState, past: Past
) -> Plan:
    protection = desired.departed.get(name)
    if not protection and name in past.policy.grace and desired.whole:
        return _in_grace(name, past.policy.grace[name], past)
    if not protection:
        return _orphan(name, apps)
    message = f"its spec is gone; not deleted: {protection}"
    return blocked_cluster(name, Reason.PROTECTED, message)


def _in_grace(name: str, until: datetime, past: Past) -> Plan:
    left_s = (until - past.now).total_seconds()
    when = f"in {spoken(left_s)}" if left_s > 0 else "once the source has been read again"
    message = f"no spec declares it; it will be deleted {when}; restore the spec to keep it"
    due = until if left_s > 0 else None
    return Plan(waits=(Wait(name, None, Reason.PRUNE_GRACE, message, Intent.DELETE, until=due),))


def _pauses(situation: Situation) -> Mapping[str, Pause]:
    """The pauses that hold where the clusters have applications, in any of their projects."""
    places = ((name, a.project) for name, apps in situation.without_spec.items() for a in apps)
    pauses = ((name, situation.observed.pause(project, name)) for name, project in places)
    return {name: pause for name, pause in pauses if pause is not None}


def _guard(
    desired: DesiredState, names: Sequence[str], policy: Policy
) -> tuple[Reason, str] | None:
    """Reason why nothing may be pruned at all, if so."""
    if not desired.whole:
        message = "a spec could not be read and may declare the clusters, so nothing is pruned"
        return Reason.SPEC_UNREADABLE, message
    every = len(names) + len(desired.clusters) + len(desired.frozen)
    if len(names) > max(policy.allow_prune, every // 2):
        message = (
            f"{len(names)} of {every} clusters would be deleted, more than half; confirm with "
            f"`--allow-prune {len(names)}`, or `raycml delete NAME`"
        )
        return Reason.PRUNE_LIMIT, message
    return None


def _delete_all(
    situation: Situation, name: str, apps: Iterable[ObservedApplication], reason: Reason
) -> Plan:
    projects = situation.observed.projects
    whole = merge(
        delete(
            situation.past, UnwantedApplication(app, key_of(app), reason), projects.get(app.project)
        )
        for app in sorted(apps, key=lambda a: (key_of(a), a.id))
    )
    for drains in drains_without_spec(situation, name):
        whole = gate_drains(drains, whole)
    return whole


def _orphan(name: str, apps: Sequence[ObservedApplication]) -> Plan:
    plural = "s" if len(apps) > 1 else ""
    message = f"no spec declares it ({len(apps)} application{plural}); see `raycml orphans`"
    return blocked_cluster(name, Reason.ORPHAN, message)
