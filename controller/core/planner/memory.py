"""Observations that history keeps: phases, calm, nodes missing from Ray, a platform fault."""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from controller.core.model.history import (
    ApplicationHistory,
    History,
    MemberHistory,
    forget_changed,
    note_unjoined,
    phases,
)
from controller.core.model.member import Key
from controller.core.model.observed import ObservedApplication, ObservedState, Phase, key_of
from controller.core.model.policy import Policy
from controller.core.planner.files.cluster_folders import note_unused_folders
from controller.core.planner.files.launchers import note_unused
from controller.core.planner.projects.shared_memory import note_shared_memory
from controller.core.planner.python_environments.cleanup import (
    named_places,
    note_unused_environments,
)
from controller.core.situation.cluster import ClusterSituation, MemberSituation
from controller.core.situation.situation import Situation


def remember(situation: Situation) -> Situation:
    """The situation, with its observations added to its history."""
    observed, policy = situation.observed, situation.policy
    members = [member for cluster in situation.clusters for member in cluster.members]
    restless = {member.key for member in members if member.stale or member.joined is False}
    history = notice(situation.history, observed, situation.index.owned, policy, restless)
    history = forget_changed(history, {m.key: m.group.fingerprint for m in members})
    unjoined = [m.key for m in members if m.phase is Phase.RUNNING and not m.joined]
    history = note_unjoined(history, unjoined, observed.as_of)
    history = _note_lost(history, situation.clusters, observed.as_of)
    history = note_shared_memory(history, observed)
    noticed = situation.with_history(history)
    return situation.with_history(
        replace(
            history,
            fault_since=_fault_since(situation.clusters, history, observed.as_of),
            unused_since={
                **note_unused(noticed),
                **note_unused_environments(noticed),
                **note_unused_folders(noticed),
            },
            named=named_places(noticed),
        )
    )


def _note_lost(history: History, clusters: Sequence[ClusterSituation], now: datetime) -> History:
    """The history with the time since which Ray has lost nodes that run, or a head its GCS."""
    lost = {
        member.key
        for cluster in clusters
        for member in cluster.members
        if member.phase is Phase.RUNNING and (member.lost or _cannot_read(cluster, member))
    }
    members = {
        key: replace(member, lost_since=member.lost_since or now if key in lost else None)
        for key, member in history.members.items()
        if member.lost_since is not None or key in lost
    }
    members |= {key: MemberHistory(lost_since=now) for key in lost - history.members.keys()}
    return replace(history, members={**history.members, **members})


def _cannot_read(cluster: ClusterSituation, member: MemberSituation) -> bool:
    loss = cluster.report_loss
    return member.key.member.is_head and loss is not None and loss.unreadable


def _fault_since(
    clusters: Sequence[ClusterSituation], history: History, now: datetime
) -> datetime | None:
    """Time at which so many members were down that the fault cannot be theirs; else None.

    One group alone proves nothing: half as many must be down outside of the group that has most.
    """
    struck = [member for cluster in clusters if cluster.is_struck for member in cluster.down()]
    every = sum(len(cluster.members) for cluster in clusters)
    groups = Counter((member.group.cluster, member.group.name) for member in struck)
    policy = clusters[0].policy if clusters else None
    if policy is None or len(struck) < policy.fault_members_min:
        return None
    elsewhere = len(struck) - max(groups.values())
    many = len(struck) > policy.fault_fraction * every
    if not many or elsewhere < policy.fault_members_min / 2:
        return None
    return history.fault_since or now


def notice(
    history: History,
    observed: ObservedState,
    owned: Sequence[ObservedApplication],
    policy: Policy,
    restless: AbstractSet[Key] = frozenset(),
) -> History:
    """The history with an observation: changed phases, and quiet members' restart counts reset.

    A `restless` member runs, and not as it should: its restart count is not reset.
    """
    now = observed.as_of
    history = _unless_clock_set_back(history, now, policy)
    applications = dict(history.applications) if not observed.complete() else {}
    applications |= phases(history, owned, now)
    members = dict(history.members)
    for application in owned:
        key = key_of(application)
        if key in members and key not in restless:
            members[key] = _calm(members[key], applications[application.id], now, policy)
    return replace(history, members=members, applications=applications, as_of=now)


def _unless_clock_set_back(history: History, now: datetime, policy: Policy) -> History:
    """The history, or an empty one if the clock was set back: its times lie in the future.

    A step no longer than the lag of lists only lengthens each wait by as much.
    """
    back = (history.as_of or now) - now
    return History() if back.total_seconds() > policy.settle_s else history


def _calm(
    member: MemberHistory, application: ApplicationHistory, now: datetime, policy: Policy
) -> MemberHistory:
    """Reset the restart count of a member that is quiet since its last start.

    A restart that the list never showed counts as a start.
    """
    if not member.attempts or application.phase is not Phase.RUNNING:
        return member
    since = max(application.since, member.attempts[-1])
    quiet = (now - since).total_seconds() >= policy.quiet_s
    return replace(member, attempts=(), failures=0) if quiet else member
