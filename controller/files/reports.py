"""Head reports, written by a head's node program and not trusted.

The file outlives its pod and may be incomplete, old, or another cluster's.  A report without a time
or of another cluster is refused as a whole; a member that cannot be read is skipped.  No content
raises an exception.
"""

from dataclasses import dataclass

from controller.core.model.member import parse_member
from controller.core.model.observed import HeadReport, MemberReport
from controller.files.document import json_fields, read

SCHEMA = "raycml.ray/v1"
SIZE_LIMIT = 4 * 1024 * 1024  # bytes
_MEMBER_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class ReportReading:
    """A report or none; `problem` describes what could not be read, and is empty otherwise."""

    report: HeadReport | None
    problem: str = ""


def report_path(cluster: str) -> str:
    return f".raycml/clusters/{cluster}/ray.json"


def parse_report(data: bytes | None, cluster: str) -> ReportReading:
    """The report of this very cluster in these bytes."""
    body = json_fields(data, SIZE_LIMIT)
    if isinstance(body, str):
        return ReportReading(None, f"the head report is {body}")
    if body.get("schema") != SCHEMA:
        return ReportReading(None, f"the head report is not of the schema {SCHEMA}")
    if body.get("cluster") != cluster:
        return ReportReading(None, "the head report is another cluster's")
    members, problem = _members(body.get("members"))
    report = read(HeadReport, {**body, "members": members})
    if report is None:
        return ReportReading(None, "the head report lacks its time, its incarnation or its members")
    return ReportReading(report, problem)


def _members(rows: object) -> tuple[dict[str, MemberReport] | None, str]:
    if not isinstance(rows, dict):
        return None, ""
    if len(rows) > _MEMBER_LIMIT:
        return {}, f"the head report names more than {_MEMBER_LIMIT} members; none was read"
    reports = {name: read(MemberReport, row) for name, row in rows.items() if parse_member(name)}
    members = {name: report for name, report in reports.items() if report is not None}
    skipped = len(rows) - len(members)
    return members, f"{skipped} members of the head report cannot be read" if skipped else ""
