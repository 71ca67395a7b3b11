"""Members in transition: starting, stopping, joining, or in an unknown status."""

from datetime import datetime

from controller.core.model.member import THE_HEAD, Key
from controller.core.model.observed import ObservedApplication
from controller.core.model.plan import NOTHING, Intent, Plan
from controller.core.model.reasons import Reason
from controller.core.planner.protection import protected_from_restart
from controller.core.planner.restart import repair, stale
from controller.core.planner.waits import wait
from controller.core.situation.cluster import ClusterSituation, MemberSituation
from controller.core.situation.matching import Match
from controller.core.situation.membership import WAITING, ReportLoss
from controller.core.spec.fingerprint import Inputs
from controller.core.spec.placement.fields import SELECTOR_VARIABLES
from controller.core.spec.placement.kinds import ADDONS
from controller.core.spec.ray.versions import compares_minor, nodes_agree

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
    if member.joined:
        return NOTHING
    if member.lost:
        return _lost(cluster, member, app)
    if member.key.member.is_head and cluster.report_loss is not None:
        return _report_lost(cluster, member, app, cluster.report_loss)
    return _joining(cluster, member, app)


def _lost(cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication) -> Plan:
    """Running, and Ray lost its node, which nothing looks after."""
    until = _until_lost(cluster, member.key, cluster.policy.node_lost_s)
    if until:
        message = "Ray lost its node, and the member does not start it again"
        return wait(member.key, Reason.NODE_LOST, message, intent=Intent.RESTART, until=until)
    waits = protected_from_restart(cluster, member.match)
    return waits or repair(cluster, member, app, Reason.NODE_LOST)


def _report_lost(
    cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication, loss: ReportLoss
) -> Plan:
    """A head whose report is lost.

    It is restarted only where it goes on saying that it cannot read Ray.  That it says nothing may
    have its cause elsewhere, such as a full file system, and a restart would end running jobs.
    """
    key, history = member.key, cluster.past.member(member.key)
    if loss.unreadable:
        until = _until_lost(cluster, key, cluster.policy.gcs_deadline_s)
        if until is None:
            waits = protected_from_restart(cluster, member.match)
            return waits or repair(cluster, member, app, Reason.REPORT_LOST)
    else:
        since = history.unjoined_since or cluster.now
        until = cluster.past.deadline(since, cluster.policy.join_deadline_s)
        if until is None:
            return wait(key, Reason.JOIN_TIMED_OUT, loss.message)
    return wait(key, Reason.REPORT_LOST, loss.message, until=until)


def _until_lost(cluster: ClusterSituation, key: Key, seconds: float) -> datetime | None:
    since = cluster.past.member(key).lost_since or cluster.now
    return cluster.past.deadline(since, seconds)


def beside_other_ray(cluster: ClusterSituation, member: MemberSituation) -> Plan | None:
    """The wait of a worker to be created beside a head that runs another Ray, and goes on to."""
    report, wants = cluster.report, member.group.inputs.ray_version
    if report is None or member.key.member.is_head or report.ray_version == wants:
        return None
    message = (
        f"the head runs Ray {report.ray_version}, and a node with Ray {wants} cannot join it; let "
        "the head be updated, or set rayVersion back"
    )
    return wait(member.key, Reason.VERSION_MISMATCH, message)


def _disagreeing(cluster: ClusterSituation, member: MemberSituation) -> Plan | None:
    """The wait of a worker that runs, and that Ray would not let in by its versions."""
    row, report = member.report, cluster.report
    if row is None or report is None or not row.python_version or row.state != WAITING:
        return None
    mine, heads = (row.ray_version, row.python_version), (report.ray_version, report.python_version)
    inputs = member.group.inputs
    if nodes_agree(mine, heads, minor=compares_minor(inputs.ray_version, inputs.environment)):
        return None
    message = (
        f"the head runs Ray {heads[0]} on Python {heads[1]}, and this member Ray {mine[0]} on "
        f"Python {mine[1]}, which cannot join it; make `python` and the runtimes agree"
    )
    return wait(member.key, Reason.VERSION_MISMATCH, message)


def _joining(cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication) -> Plan:
    """Running, and not in Ray's node table, or not known to be."""
    if waits := _disagreeing(cluster, member):
        return waits
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
