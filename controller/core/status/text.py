"""Texts about a cluster: the most important condition, its addresses, and that it is unknown."""

import json
from collections.abc import Callable, Iterable

from controller.core.model.desired import token_path
from controller.core.model.json_object import text
from controller.core.spec.ray.auth import TOKEN
from controller.core.spec.suggestions import did_you_mean
from controller.core.status.reach import ISTIO
from controller.core.status.status import ClusterStatus

NAMES_SHOWN = 20
HOME = "/home/cdsw"  # of a project, in each of its pods

Url = Callable[[str], str]
"""Browser address of an application, by its subdomain; empty if unknown."""


def why(cluster: ClusterStatus) -> str:
    """The message of the most important condition; empty for a ready cluster."""
    if cluster.word == "Ready":
        return ""
    order: tuple[str, ...] = ("Paused", "Stalled", "Suspended", "Reconciling", "Ready", "Synced")
    if cluster.word == "Running":
        order = ("Stalled", "Synced")
    if cluster.word == "OutOfDate":
        order = ("Paused", "Stalled", "Synced")
    conditions = (cluster.condition(kind) for kind in order)
    return next((c.message for c in conditions if c is not None), "")


def ways_in(cluster: ClusterStatus, url: Url) -> list[tuple[str, str]]:
    """Addresses of a cluster, as (name, address); empty while its head has no application."""
    if not any(member.member == "head" and member.application_id for member in cluster.members):
        return []
    head = url(cluster.head)
    addresses = [("dashboard", head)]
    report = cluster.report
    if report is not None:
        versions = f"Ray {report.ray_version}, Python {report.python_version}"
        mesh = f", mesh: {report.mesh}" if report.mesh == ISTIO else ""
        addresses.append(("address", f"{report.address}  ({versions}{mesh})"))
    has_token = report is not None and report.auth_mode == TOKEN
    if has_token:
        variables = f"RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH={HOME}/{token_path(cluster.name)}"
        addresses.append(("token", f"{variables}  (in a pod of its project)"))
    options = _for_programs(head, has_token=has_token)
    addresses.append(("jobs", f"ray job submit {options} -- python SCRIPT"))
    return addresses


def _for_programs(url: str, *, has_token: bool) -> str:
    """Options of `ray job` for an address behind CML's proxy, which requires an API key.

    The proxy takes the key out of `Authorization`, so Ray's token has a header of its own.

    Browsers resolve names below `localhost` to this machine; other programs may not, so they get
    the IP address, and the name in a header.
    """
    scheme, _, authority = url.rstrip("/").partition("://")
    host, colon, port = authority.partition(":")
    headers = {"Authorization": "Bearer KEY"}
    if has_token:
        headers["X-Ray-Authorization"] = "Bearer TOKEN"
    if not host.endswith(".localhost"):
        return f"--address {url} --headers '{json.dumps(headers)}'"
    named = json.dumps({"Host": authority, **headers})
    return f"--address {scheme}://127.0.0.1{colon}{port} --headers '{named}'"


def no_cluster(name: str, clusters: Iterable[str], saying: str = "no cluster") -> str:
    """The message for a name that no cluster has, with a suggestion."""
    names = sorted(clusters)
    others = ", ".join(names[:NAMES_SHOWN]) or "none"
    hint = did_you_mean(name, names) or f"known clusters: {others}"
    return f"{saying} `{text(name[:60])}`; {hint}"
