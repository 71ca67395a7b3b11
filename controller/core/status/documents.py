"""The documents for machines: `raycml.plan/v1` and `raycml.status/v1`.  One of each for everybody.

What an action sends (fields, environments, configurations) is in none: it may hold secrets.
"""

from controller.core.model.observed import HeadReport, ObservedApplication
from controller.core.model.plan import Plan, Step, Wait
from controller.core.status.plan_text import summary
from controller.core.status.status import ClusterStatus, Condition, MemberStatus, Status
from controller.core.status.text import Url

PLAN_SCHEMA = "raycml.plan/v1"
STATUS_SCHEMA = "raycml.status/v1"


def plan_json(plan: Plan, revision: str) -> dict[str, object]:
    """The document `raycml.plan/v1`."""
    return {
        "schema": PLAN_SCHEMA,
        "revision": revision,
        "steps": [_step_json(step) for step in plan.steps],
        "waits": [_wait_json(wait) for wait in plan.waits],
        "complete": plan.complete and not plan.refusals,
        "summary": summary(plan),
    }


def _step_json(step: Step) -> dict[str, object]:
    return {
        "action": step.name,
        "cluster": step.cluster,
        "member": None if step.member is None else str(step.member),
        "application_id": step.application_id,
        "reason": step.reason.title,
        "changes": [{"field": c.field, "was": c.was, "wants": c.wants} for c in step.changes],
        "impact": step.impact,
    }


def _wait_json(wait: Wait) -> dict[str, object]:
    return {
        "cluster": wait.cluster,
        "member": None if wait.member is None else str(wait.member),
        "reason": wait.reason.title,
        "message": wait.message,
    }


def status_json(status: Status, url: Url) -> dict[str, object]:
    """The document `raycml.status/v1`."""
    return {
        "schema": STATUS_SCHEMA,
        "as_of": status.as_of.isoformat(),
        "revision": status.revision,
        "clusters": [_cluster_json(cluster, url) for cluster in status.clusters],
        "unreadable": [unreadable_json(app) for app in status.unreadable],
    }


def unreadable_json(app: ObservedApplication) -> dict[str, object]:
    return {
        "application_id": app.id,
        "project": app.project,
        "name": app.name,
        "state": str(app.phase),
    }


def _cluster_json(cluster: ClusterStatus, url: Url) -> dict[str, object]:
    return {
        "name": cluster.name,
        "project": cluster.project,
        "state": cluster.word,
        "desired": cluster.desired,
        "ready": cluster.ready,
        "groups": {g: {"ready": r, "desired": d} for g, (r, d) in cluster.groups.items()},
        "url": url(cluster.head),
        "head": None if cluster.report is None else _head_json(cluster.report),
        "conditions": [_condition_json(condition) for condition in cluster.conditions],
        "members": [_member_json(member) for member in cluster.members],
    }


def _head_json(report: HeadReport) -> dict[str, object]:
    return {
        "address": report.address,
        "incarnation": report.incarnation,
        "observed_at": report.observed_at.isoformat(),
        "ray_version": report.ray_version,
        "python_version": report.python_version,
    }


def _condition_json(condition: Condition) -> dict[str, object]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "revision": condition.revision,
    }


def _member_json(member: MemberStatus) -> dict[str, object]:
    return {
        "member": member.member,
        "application": member.application,
        "application_id": member.application_id or None,
        "state": member.phase,
        "ray": member.ray,
        "node_id": member.node_id or None,
        "reason": None if member.reason is None else member.reason.title,
        "waits_for": member.doing,
        "since": None if member.since is None else member.since.isoformat(),
        "launcher": member.launcher,
        "edition_behind": member.edition_behind,
    }
