"""Protection: all that `protect: true` keeps from happening to a cluster.

Its head is not restarted, no member of it is deleted or replaced, and no application that it no
longer wants leaves.  Workers are still repaired and updated one by one.  A cluster that is
protected by its last spec is not pruned (`DesiredState.departed`), and commands refuse to delete
it (`guards/protection`).
"""

from controller.core.model.plan import Change, Plan
from controller.core.model.reasons import Reason
from controller.core.planner.waits import wait
from controller.core.situation.cluster import ClusterSituation, MemberSituation, is_up
from controller.core.situation.matching import Match, UnwantedApplication


def protected_from_update(cluster: ClusterSituation, member: MemberSituation) -> Plan | None:
    if not cluster.desired.protected:
        return None
    if member.key.member.is_head and is_up(member.phase):
        message = "the cluster is protected: its head is not restarted"
        return wait(member.key, Reason.PROTECTED, message, member.drift.changes)
    if member.drift.whole_cluster:
        message = "the cluster is protected: a change of Ray or Python would restart its head"
        return wait(member.key, Reason.PROTECTED, message, member.drift.changes)
    return None


def protected_from_restart(cluster: ClusterSituation, match: Match) -> Plan | None:
    """The restart of a member that runs an older configuration than its application has."""
    if not cluster.desired.protected or not match.member.is_head:
        return None
    message = "the cluster is protected: its head is not restarted"
    return wait(match.key, Reason.PROTECTED, message)


def protected_from_replacement(
    cluster: ClusterSituation, match: Match, changes: tuple[Change, ...] = ()
) -> Plan | None:
    """A member whose application could run again only as a new one."""
    if not cluster.desired.protected:
        return None
    message = (
        "the cluster is protected, and CML restarts only what runs here: delete the application in "
        "CML, so that it is created again, or remove `protect`"
    )
    return wait(match.key, Reason.PROTECTED, message, changes)


def protected_from_removal(
    cluster: ClusterSituation, unwanted: UnwantedApplication, why: str
) -> Plan | None:
    if not cluster.desired.protected:
        return None
    message = f"the cluster is protected, so nothing of it is deleted ({why})"
    return wait(unwanted.key, Reason.PROTECTED, message)


def protected_name(cluster: ClusterSituation, match: Match) -> Plan | None:
    """A name that an application of the cluster holds which is to leave, and stays."""
    if not cluster.desired.protected:
        return None
    message = "the cluster is protected, so the application to be removed stays and holds the name"
    return wait(match.key, Reason.PROTECTED, message)
