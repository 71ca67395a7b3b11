"""Status as text.  Pure.

A status has no addresses of applications; `url` makes them from subdomains.
"""

from collections.abc import Sequence
from datetime import datetime

from controller.core.model.observed import ObservedApplication
from controller.core.spec.text import counted, spoken
from controller.core.status.authentication import TYPE as WITHOUT_TOKEN
from controller.core.status.status import ClusterStatus, MemberStatus, Status
from controller.core.status.text import Url, ways_in, why
from controller.terminal.columns import table


def status_text(status: Status) -> str:
    """One line for each cluster, and one for each that asks for no token."""
    parts = [_clusters(status), *unreadable_text(status.unreadable), _without_token(status)]
    return "\n\n".join(filter(None, parts))


def _without_token(status: Status) -> str:
    found = ((cluster.name, cluster.condition(WITHOUT_TOKEN)) for cluster in status.clusters)
    return "\n".join(f"{name}: {each.message}" for name, each in found if each is not None)


def unreadable_text(applications: Sequence[ObservedApplication]) -> list[str]:
    """A table of managed applications whose member is unreadable; empty without any."""
    if not applications:
        return []
    rows = [(app.id, app.name, str(app.phase)) for app in applications]
    heading = "not managed, since their RAYCML_ variables are invalid; delete them in CML:"
    return [f"{heading}\n{table(('APPLICATION', 'NAME', 'STATE'), *rows)}"]


def _clusters(status: Status) -> str:
    if not status.clusters:
        return "no clusters"
    header = ("CLUSTER", "STATE", "READY", "GROUPS", "WHY")
    return table(header, *map(_cluster_row, status.clusters))


def _cluster_row(cluster: ClusterStatus) -> tuple[str, str, str, str, str]:
    groups = " ".join(f"{name} {ready}/{n}" for name, (ready, n) in cluster.groups.items())
    ready = f"{cluster.ready}/{cluster.desired}" if cluster.desired else "-"
    return cluster.name, cluster.word, ready, groups or "-", why(cluster)


def members_text(clusters: Sequence[ClusterStatus], now: datetime) -> str:
    """The table of members: state, Ray node, duration and pending change."""
    rows = [member_cells(c.name, m, now) for c in clusters for m in c.members]
    return table(MEMBER_HEADER, *rows) if rows else "no applications"


MEMBER_HEADER = ("CLUSTER", "MEMBER", "APPLICATION", "STATE", "RAY", "FOR", "PENDING")


def member_cells(cluster: str, member: MemberStatus, now: datetime) -> tuple[str, ...]:
    since = "-" if member.since is None else spoken((now - member.since).total_seconds())
    name, application = member.member, member.application_id or "-"
    return cluster, name, application, member.phase, member.ray, since, member.doing or "-"


def member_state(member: MemberStatus, change: str) -> str:
    """Phase and Ray node of a member, and its pending change if any."""
    ray = "" if member.ray == "-" else f", Ray {member.ray}"
    return f"{member.phase}{ray}" + (f": {change}" if change else "")


def cluster_text(cluster: ClusterStatus, now: datetime, url: Url) -> str:
    """Everything about one cluster."""
    facts = [
        ("cluster", f"{cluster.name}  {cluster.word}"),
        ("project", cluster.project or "-"),
        ("ready", f"{cluster.ready} of {counted(cluster.desired, 'member')}"),
        *ways_in(cluster, url),
    ]
    nodes = [(m.member, m.node_id) for m in cluster.members if m.node_id]
    behind = ", ".join(m.member for m in cluster.members if m.edition_behind)
    remedy = "update them: `raycml reconcile --refresh-launchers`"
    parts = [
        table(*facts),
        table(*((c.type, c.status, c.reason, c.message) for c in cluster.conditions)),
        members_text([cluster], now),
        table(("MEMBER", "RAY NODE"), *nodes) if nodes else "",
        f"outdated launchers: {behind} ({remedy})" if behind else "",
    ]
    return "\n\n".join(filter(None, parts))
