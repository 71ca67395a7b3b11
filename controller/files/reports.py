"""Head reports: what a head's node program writes of its cluster, read with suspicion.

The file outlives its pod and may be torn, old, or another cluster's.  A report is refused as a
whole when it cannot be placed in time or is not this cluster's; a member in it that cannot be read
is left out by itself.  Nothing here raises for any content.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from controller.core.model.member import parse_member
from controller.core.model.observed import HeadReport, MemberReport
from controller.files import decode

SCHEMA = "raycml.ray/v1"
SIZE_LIMIT = 4 * 1024 * 1024  # bytes
_MEMBER_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class ReportReading:
    """A report, or none; `problem` is a sentence on what could not be used, else empty."""

    report: HeadReport | None
    problem: str = ""


def report_path(cluster: str) -> str:
    return f".raycml/clusters/{cluster}/ray.json"


def parse_report(data: bytes, cluster: str) -> ReportReading:
    """The report of this very cluster in these bytes."""
    body = decode.json_object(data, SIZE_LIMIT)
    if isinstance(body, str):
        return ReportReading(None, f"the head report is {body}")
    if body.get("schema") != SCHEMA:
        return ReportReading(None, f"the head report is not of the schema {SCHEMA}")
    if body.get("cluster") != cluster:
        return ReportReading(None, "the head report is another cluster's")
    return _read(body, cluster)


def _read(body: Mapping[str, object], cluster: str) -> ReportReading:
    observed_at = decode.instant(body.get("observed_at"))
    incarnation = decode.text(body.get("incarnation"))
    raw = decode.mapping(body.get("members"))
    if observed_at is None or not incarnation or raw is None:
        return ReportReading(None, "the head report lacks its time, its incarnation or its members")
    members, problem = _members(raw)
    report = HeadReport(
        cluster=cluster,
        incarnation=incarnation,
        observed_at=observed_at,
        address=decode.text(body.get("address")),
        ray_version=decode.text(body.get("ray_version")),
        python_version=decode.text(body.get("python_version")),
        members=members,
    )
    return ReportReading(report, problem)


def _members(raw: Mapping[str, object]) -> tuple[dict[str, MemberReport], str]:
    if len(raw) > _MEMBER_LIMIT:
        return {}, f"the head report names more than {_MEMBER_LIMIT} members; none was read"
    read = {name: _member(name, value) for name, value in raw.items()}
    members = {name: one for name, one in read.items() if one is not None}
    skipped = len(raw) - len(members)
    return members, f"{skipped} members of the head report cannot be read" if skipped else ""


def _member(name: str, value: object) -> MemberReport | None:
    fields = decode.mapping(value)
    if fields is None or parse_member(name) is None:
        return None
    alive = fields.get("alive")
    if not isinstance(alive, bool):
        return None
    return MemberReport(
        alive=alive,
        state=decode.text(fields.get("state")),
        message=decode.text(fields.get("message")),
        fingerprint=decode.text(fields.get("fingerprint")),
        node_id=decode.text(fields.get("node_id")),
        engine_id=decode.text(fields.get("engine_id")),
        idle_s=decode.seconds(fields.get("idle_s")),
    )
