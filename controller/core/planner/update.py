"""Updates: a member whose application differs from its spec.

An update is three calls, `stop`, PATCH and `restart`; a crash between any two leaves a state from
which the next pass goes on.  Where CML restarts only what runs, it is a deletion and a creation.
"""

from controller.core.model.desired import Strategy
from controller.core.model.faults import FaultKind
from controller.core.model.history import Refusal
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.offers import IMAGE, SIZES, Offers, unoffered
from controller.core.model.plan import Change, Plan
from controller.core.model.reasons import Reason
from controller.core.planner import steps
from controller.core.planner.crash_backoff import spent
from controller.core.planner.creation import unresolved
from controller.core.planner.protection import (
    protected_from_replacement,
    protected_from_update,
)
from controller.core.planner.retries import gate, quota_pause_s
from controller.core.planner.rollout import after_others, after_refused, in_place
from controller.core.planner.starts import REPLACE_MESSAGE, other_start, replaces
from controller.core.planner.waits import wait
from controller.core.situation.cluster import ClusterSituation, MemberSituation, is_up
from controller.core.situation.resolution import resolve

_ALL_MUST_AGREE = "a change of Ray or Python recreates the whole cluster"


def update_blocked(cluster: ClusterSituation, member: MemberSituation) -> Plan | None:
    """The wait of an outdated member that only a person can bring up to date."""
    if cluster.desired.strategy is Strategy.NONE:
        message = "upgradeStrategy.type is None: changes are reported, not applied"
        return wait(member.key, Reason.UPGRADES_OFF, message, member.drift.changes)
    if waits := protected_from_update(cluster, member):
        return waits
    if replaces(cluster) and (
        waits := protected_from_replacement(cluster, member.match, member.drift.changes)
    ):
        return waits
    if message := _not_offered(cluster, member):
        return wait(member.key, Reason.NOT_OFFERED, message, member.drift.changes)
    resolved = resolve(cluster, member.match)
    if resolved.problem:
        return unresolved(member.key, resolved, member.drift.changes)
    return _not_applied(cluster, member)


def _not_applied(cluster: ClusterSituation, member: MemberSituation) -> Plan | None:
    """CML refused the update, or ignored it: the member keeps its configuration."""
    history = cluster.past.member(member.key)
    if history.refused_update is not None:
        return _refused(cluster, member, history.refused_update, history.update_stops)
    tried = history.unapplied_tries >= cluster.policy.updates_max
    # A new application would get the same variables from the same server.
    keeps = cluster.desired.protected or set(history.unapplied) == {"environment"}
    if history.unapplied and (history.replaced or (tried and keeps)):
        message = _ignored(history.unapplied, member.drift.changes)
        return wait(member.key, Reason.FIELD_NOT_APPLIED, message, member.drift.changes)
    return None


def _refused(
    cluster: ClusterSituation, member: MemberSituation, refusal: Refusal, stops: int
) -> Plan | None:
    """A quota may be free again without any visible change; any other refusal is final.

    A retry stops a member that serves, so retries become ever rarer; a member that is down anyway
    loses nothing by one.
    """
    if refusal.fault is not FaultKind.QUOTA_EXCEEDED:
        message = f"CML rejected the update; the member keeps its configuration: {refusal.message}"
        return wait(member.key, Reason.REJECTED, message, member.drift.changes)
    quick_s, slow_s = quota_pause_s(refusal.tries), cluster.policy.update_again_s(stops)
    pause_s = slow_s if is_up(member.phase) else quick_s
    until = cluster.past.deadline(refusal.last_at, pause_s)
    if until is None:
        return None
    message = (
        "no quota left for the update, so the member keeps its configuration; next try at "
        f"{until:%Y-%m-%d %H:%M} UTC: {refusal.message}"
    )
    return wait(member.key, Reason.QUOTA_EXCEEDED, message, member.drift.changes, until=until)


def _not_offered(cluster: ClusterSituation, member: MemberSituation) -> str:
    """Reason why the change cannot be applied, here or to a node that must agree with this one."""
    if cluster.offers is None:
        return ""
    if problem := _unoffered(cluster.offers, member):
        return problem
    others = cluster.members if member.drift.whole_cluster else ()
    problems = (
        (other, _unoffered(cluster.offers, other) or resolve(cluster, other.match).problem)
        for other in others
    )
    return next(
        (f"{other.key.member} cannot follow: {problem}" for other, problem in problems if problem),
        "",
    )


def _unoffered(offers: Offers, member: MemberSituation) -> str:
    fields = [change.field for change in member.drift.changes]
    new = (IMAGE, *SIZES) if member.app is None else fields
    return unoffered(offers, member.group.inputs, new)


def _ignored(names: tuple[str, ...], changes: tuple[Change, ...]) -> str:
    wants = {change.field: change.wants for change in changes}
    fields = ", ".join(f"{name} ({wants[name]})" if wants.get(name) else name for name in names)
    return f"CML ignores {fields}; change the spec, or ask the workspace's admin"


def update(
    cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication, *, permitted: bool
) -> Plan:
    match, changes = member.match, member.drift.changes
    if waits := spent(cluster.past, match.key, "differs again after an update"):
        return waits
    if cluster.past.member(match.key).unapplied_tries >= cluster.policy.updates_max:
        return gate(cluster.past, match.key, "delete") or steps.replace(match, app, changes)
    if not is_up(app.phase):
        reason = Reason.DOWN if app.phase is Phase.FAILED else Reason.RESUMED
        waits = other_start(cluster, match, app, reason, changes)
        waits = waits or gate(cluster.past, match.key, "update")
        return waits or steps.update_and_start(
            match, app, changes, cluster.policy, resolve(cluster, match).record
        )
    if in_place(cluster, member) and not permitted:
        return after_refused(cluster, member) or after_others(cluster, member)
    return _take_away(cluster, member, app)


def _take_away(
    cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication
) -> Plan:
    """Stop what runs, or delete it where a stopped application could not be started again."""
    match, changes = member.match, member.drift.changes
    if replaces(cluster):
        waits = gate(cluster.past, match.key, "delete")
        return waits or steps.replace(match, app, changes, REPLACE_MESSAGE)
    message = _ALL_MUST_AGREE if cluster.all_must_agree else ""
    return gate(cluster.past, match.key, "stop") or steps.stop_to_update(
        match, app, changes, message, cluster.policy
    )
