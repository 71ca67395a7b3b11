"""Plain words for people: lengths of time, counts, why a cluster is as it is, how to reach it."""

from collections.abc import Callable

from controller.core.status.status import ClusterStatus

Url = Callable[[str], str]
"""The address in the browser of an application, by its subdomain; empty where nobody knows it."""


def why(cluster: ClusterStatus) -> str:
    """The message of the condition that says most about how the cluster is; empty when well."""
    if cluster.word == "Ready":
        return ""
    order: tuple[str, ...] = ("Paused", "Stalled", "Suspended", "Reconciling", "Ready", "Synced")
    if cluster.word == "Running":
        order = ("Stalled", "Synced")
    if cluster.word == "OutOfDate":
        order = ("Paused", "Stalled", "Synced")
    found = (cluster.condition(kind) for kind in order)
    return next((c.message for c in found if c is not None), "")


def ways_in(cluster: ClusterStatus, url: Url) -> list[tuple[str, str]]:
    """How to reach a cluster, as (what, how); empty while its head has no application."""
    if not any(member.member == "head" and member.application_id for member in cluster.members):
        return []
    head = url(cluster.head)
    found = [("dashboard", head)]
    report = cluster.report
    if report is not None:
        versions = f"Ray {report.ray_version}, Python {report.python_version}"
        found.append(("address", f"{report.address}  ({versions})"))
    found.append(("jobs", f"ray job submit {_for_programs(head)} -- python SCRIPT"))
    return found


def _for_programs(url: str) -> str:
    """Ray's own options for an address behind CML's proxy, which wants a key for applications.

    Browsers know that names below `localhost` are this machine; resolvers often do not, so programs
    are given the number, and the name in a header.
    """
    scheme, _, authority = url.rstrip("/").partition("://")
    host, colon, port = authority.partition(":")
    if not host.endswith(".localhost"):
        return f"""--address {url} --headers '{{"Authorization": "Bearer KEY"}}'"""
    named = f"""--headers '{{"Host": "{authority}", "Authorization": "Bearer KEY"}}'"""
    return f"--address {scheme}://127.0.0.1{colon}{port} {named}"
