"""Status as text for people and as JSON (`raycml.status/v1`).  Pure.

Addresses of applications are not part of a status, so they are given: `url` turns a subdomain
into one.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from controller.cli.columns import aligned, counted
from controller.cli.durations import spoken
from controller.core.member import THE_HEAD, application_name
from controller.core.observed import HeadReport
from controller.core.status import ClusterStatus, Condition, MemberStatus, Status

SCHEMA = "raycml.status/v1"

Url = Callable[[str], str]


def status_text(status: Status) -> str:
    """One line for each cluster."""
    if not status.clusters:
        return "no clusters"
    rows = [("CLUSTER", "STATE", "READY", "GROUPS", "WHY")]
    rows += [_cluster_row(cluster) for cluster in status.clusters]
    return "\n".join(aligned(rows))


def _cluster_row(cluster: ClusterStatus) -> tuple[str, str, str, str, str]:
    groups = " ".join(f"{name} {ready}/{n}" for name, (ready, n) in cluster.groups.items())
    ready = f"{cluster.ready}/{cluster.desired}" if cluster.desired else "-"
    return cluster.name, cluster.word, ready, groups or "-", why(cluster)


def why(cluster: ClusterStatus) -> str:
    """The message of the condition that says most about how the cluster is; empty when well."""
    if cluster.word == "Ready":
        return ""
    order = ("Paused", "Stalled", "Suspended", "Reconciling", "Ready", "Synced")
    found = (cluster.condition(kind) for kind in order)
    return next((c.message for c in found if c is not None), "")


def members_text(clusters: Sequence[ClusterStatus], now: datetime) -> str:
    """The table of members: what each is, in Ray or not, what it waits for, and for how long."""
    rows: list[tuple[str, ...]] = [MEMBER_HEADER]
    rows += [member_cells(c.name, m, now) for c in clusters for m in c.members]
    return "\n".join(aligned(rows)) if rows[1:] else "no applications"


MEMBER_HEADER = ("CLUSTER", "MEMBER", "APPLICATION", "STATE", "RAY", "FOR", "WAITS FOR")


def member_cells(cluster: str, member: MemberStatus, now: datetime) -> tuple[str, ...]:
    since = "-" if member.since is None else spoken((now - member.since).total_seconds())
    name, application = member.member, member.application_id or "-"
    return cluster, name, application, member.phase, member.ray, since, member.doing or "-"


def cluster_text(cluster: ClusterStatus, now: datetime, url: Url) -> str:
    """Everything about one cluster."""
    facts = [
        ("cluster", f"{cluster.name}  {cluster.word}"),
        ("project", cluster.project or "-"),
        ("ready", f"{cluster.ready} of {counted(cluster.desired, 'member')}"),
        *_addresses(cluster, url),
    ]
    parts = [
        "\n".join(aligned(facts)),
        "\n".join(aligned([_condition_row(c) for c in cluster.conditions], gap="  ")),
        members_text([cluster], now),
        *_nodes(cluster),
        *_behind(cluster),
    ]
    return "\n\n".join(part for part in parts if part)


def _addresses(cluster: ClusterStatus, url: Url) -> list[tuple[str, str]]:
    if not any(member.member == "head" and member.application_id for member in cluster.members):
        return []
    head = url(application_name(cluster.name, THE_HEAD))
    found = [("dashboard", head)]
    report = cluster.report
    if report is not None:
        versions = f"Ray {report.ray_version}, Python {report.python_version}"
        found.append(("address", f"{report.address}  ({versions})"))
    # CML's proxy wants a key of the application audience; Ray's own options can carry it.
    headers = """--headers '{"Authorization": "Bearer KEY"}'"""
    found.append(("jobs", f"ray job submit --address {head} {headers} -- python SCRIPT"))
    return found


def _condition_row(condition: Condition) -> tuple[str, ...]:
    return condition.type, condition.status, condition.reason, condition.message


def _nodes(cluster: ClusterStatus) -> list[str]:
    rows = [(m.member, m.node_id) for m in cluster.members if m.node_id]
    return ["\n".join(aligned([("MEMBER", "RAY NODE"), *rows]))] if rows else []


def _behind(cluster: ClusterStatus) -> list[str]:
    behind = [m.member for m in cluster.members if m.edition_behind]
    if not behind:
        return []
    what = "launcher edition behind"
    remedy = "`raycml reconcile --refresh-launchers` brings them up"
    return [f"{what}: {', '.join(behind)} ({remedy})"]


def status_json(status: Status, url: Url) -> dict[str, object]:
    """The document `raycml.status/v1`."""
    return {
        "schema": SCHEMA,
        "as_of": status.as_of.isoformat(),
        "revision": status.revision,
        "clusters": [_cluster_json(cluster, url) for cluster in status.clusters],
    }


def _cluster_json(cluster: ClusterStatus, url: Url) -> dict[str, object]:
    return {
        "name": cluster.name,
        "project": cluster.project,
        "state": cluster.word,
        "desired": cluster.desired,
        "ready": cluster.ready,
        "groups": {g: {"ready": r, "desired": d} for g, (r, d) in cluster.groups.items()},
        "url": url(application_name(cluster.name, THE_HEAD)),
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
