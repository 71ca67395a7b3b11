"""Members in transition: starting, stopping, joining, or in an unknown status."""

from controller.core.model.member import THE_HEAD, Key
from controller.core.model.observed import ObservedApplication
from controller.core.model.plan import NOTHING, Plan
from controller.core.model.reasons import Reason
from controller.core.planner.restart import repair, stale
from controller.core.planner.waits import wait
from controller.core.situation.cluster import ClusterSituation, MemberSituation
from controller.core.situation.matching import Match
from controller.core.spec.fingerprint import Inputs
from controller.core.spec.placement.fields import SELECTOR_VARIABLES
from controller.core.spec.placement.kinds import ADDONS

_SLOW_START = (
    "CML gives no reason; likely: the quota is used up, no node has room for it, the image cannot "
    "be pulled, or the launcher cannot answer on its port"
)


def starting(cluster: ClusterSituation, match: Match, app: ObservedApplication) -> Plan:
    since = cluster.past.application(app).since
    if until := cluster.past.deadline(since, cluster.policy.start_deadline_s):
        return wait(match.key, Reason.STARTING, "CML is starting it", until=until)
    message = f"it has not started; {_SLOW_START}{_asked(match.group.inputs)}"
    return wait(match.key, Reason.START_TIMED_OUT, message)


def _asked(inputs: Inputs) -> str:
    """Names by which it asks for few nodes, which may all be taken; empty without any."""
    names = {kind: name for kind, name in inputs.placement.names().items() if kind != ADDONS}
    pairs = [inputs.environment.get(name, "") for name in SELECTOR_VARIABLES]
    if all(pairs):
        names["nodeSelector"] = "=".join(pairs)
    asked = ", ".join(f"{kind} {name}" for kind, name in sorted(names.items()))
    return f"; it asks for {asked}, and those nodes may be full" if asked else ""


def stopping(cluster: ClusterSituation, match: Match, app: ObservedApplication) -> Plan:
    since = cluster.past.application(app).since
    if until := cluster.past.deadline(since, cluster.policy.stop_deadline_s):
        return wait(match.key, Reason.STOPPING, "CML is stopping it", until=until)
    message = "it has not stopped; ask the workspace's admin to end its pod"
    return wait(match.key, Reason.STOP_TIMED_OUT, message)


def unknown(cluster: ClusterSituation, key: Key, app: ObservedApplication) -> Plan:
    """No step in an unknown status; CML reports UNKNOWN for a moment after a create."""
    since = cluster.past.application(app).since
    message = f"CML reports the status `{app.status}`"
    if until := cluster.past.deadline(since, cluster.policy.start_deadline_s):
        return wait(key, Reason.UNKNOWN_STATUS, message, until=until)
    return wait(key, Reason.STATUS_TIMED_OUT, f"{message}, and went on doing so")


def running(
    cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication, *, permitted: bool
) -> Plan:
    if member.stale:
        return stale(cluster, member, app, permitted=permitted)
    if member.kept:
        return NOTHING
    return NOTHING if member.joined else _joining(cluster, member, app)


def _joining(cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication) -> Plan:
    """Running, and not in Ray's node table, or not known to be."""
    key = member.key
    since = cluster.past.member(key).unjoined_since or cluster.now
    if until := cluster.past.deadline(since, cluster.policy.join_deadline_s):
        return wait(key, Reason.JOINING, _joining_message(cluster, member), until=until)
    if cluster.report is None or member.key.member.is_head:
        return wait(key, Reason.JOIN_TIMED_OUT, _joining_message(cluster, member))
    return repair(cluster, member, app, Reason.NOT_JOINED)


def _joining_message(cluster: ClusterSituation, member: MemberSituation) -> str:
    if member.report is not None and member.report.message:
        return member.report.message
    if cluster.report is not None:
        return "Ray does not list its node"
    if member.key.member == THE_HEAD:
        return "the head has not reported yet"
    return "waiting for the head to report"
