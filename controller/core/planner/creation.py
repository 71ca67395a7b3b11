"""Creation of a missing member, and conflicts over its name."""

from controller.core.model.desired import LAUNCHERS
from controller.core.model.member import Key
from controller.core.model.observed import ObservedApplication, is_adopted, key_of
from controller.core.model.offers import IMAGE, SIZES, unoffered
from controller.core.model.plan import Change, Intent, Plan
from controller.core.model.reasons import Reason
from controller.core.planner import steps
from controller.core.planner.protection import protected_name
from controller.core.planner.retries import gate
from controller.core.planner.settling import created
from controller.core.planner.waits import wait
from controller.core.situation.cluster import ClusterSituation
from controller.core.situation.matching import Match
from controller.core.situation.resolution import Resolved, resolve


def absent(cluster: ClusterSituation, match: Match) -> Plan:
    """No application: create it, unless its name is taken or it was created a moment ago."""
    if match.foreign is not None:
        message = _conflict(match.group.cluster, match.foreign)
        return wait(match.key, Reason.NAME_CONFLICT, message)
    if waits := created(cluster.past, match.key) or _name_conflict(cluster, match):
        return waits
    if cluster.offers is not None and (
        message := unoffered(cluster.offers, match.group.inputs, (IMAGE, *SIZES))
    ):
        return wait(match.key, Reason.NOT_OFFERED, message)
    resolved = resolve(cluster, match)
    if resolved.problem:
        return unresolved(match.key, resolved)
    return gate(cluster.past, match.key, "create") or steps.create(
        match, cluster.desired.project, cluster.policy, resolved.record
    )


def unresolved(key: Key, resolved: Resolved, changes: tuple[Change, ...] = ()) -> Plan:
    """The wait for a name that the workspace does not have, or does not list just now."""
    reason = Reason.NOT_OFFERED if resolved.is_lasting else Reason.BACKOFF
    return wait(key, reason, resolved.problem, changes)


def _conflict(cluster: str, foreign: ObservedApplication) -> str:
    what = f"`{foreign.subdomain}` is application {foreign.id}, which"
    if is_adopted(foreign):
        return f"{what} was adopted as {key_of(foreign)}: rename the cluster or the group"
    mark = foreign.mark
    if mark is not None:
        return (
            f"{what} is {mark.key} of another installation, `{mark.owner[:60]}`: rename the "
            "cluster, or set RAYCML_OWNER to work as that installation"
        )
    if foreign.script.startswith(f"{LAUNCHERS}/{cluster}/"):
        return (
            f"{what} runs a launcher of this cluster without this controller's mark: its "
            "environment was edited, or it was released; to take it back: "
            f"`raycml adopt {cluster}`"
        )
    return (
        f"{what} is not owned by raycml: rename the cluster, or delete or rename that application"
    )


def _owned_conflict(holder: ObservedApplication) -> str:
    key = key_of(holder)
    return (
        f"`{holder.subdomain}` is application {holder.id}, marked as {key}, whose cluster is "
        "paused, suspended, protected or without a spec here: delete it, or correct its mark"
    )


def _name_conflict(cluster: ClusterSituation, match: Match) -> Plan | None:
    """The wait while a managed application, of this or another cluster, has the name."""
    if match.holder is not None and key_of(match.holder).cluster not in cluster.whole.leaving_now:
        return wait(match.key, Reason.NAME_CONFLICT, _owned_conflict(match.holder))
    leaving = match.key in cluster.unwanted_keys
    if leaving and (waits := protected_name(cluster, match)):
        return waits
    if match.holder is None and not leaving:
        return None
    message = "an application that is being deleted still holds the name"
    return wait(match.key, Reason.NAME_IN_USE, message, intent=Intent.CREATE)
