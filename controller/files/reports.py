"""Head reports, written by a head's node program and not trusted.

The file outlives its pod and may be incomplete, old, or another cluster's.  A report without a time
or of another cluster is refused as a whole; a member that cannot be read is skipped.  No content
raises an exception.
"""

from itertools import islice

from controller.core.model.member import parse_member
from controller.core.model.ray.report import HeadReport, MemberReport
from controller.core.model.ray.requests import MOST, HeadAnswer, request_id
from controller.files.document import json_fields, read
from controller.files.port import FilesError, ProjectFiles

SCHEMA = "raycml.ray/v1"
SIZE_LIMIT = 4 * 1024 * 1024  # bytes
_MEMBER_LIMIT = 10_000


def report_path(cluster: str) -> str:
    return f".raycml/clusters/{cluster}/ray.json"


def read_report(files: ProjectFiles, cluster: str) -> HeadReport | None:
    """The report of a cluster; an unreadable one counts as missing."""
    try:
        return parse_report(files.read(report_path(cluster)), cluster)
    except FilesError:
        return None


def parse_report(data: bytes | None, cluster: str) -> HeadReport | None:
    """The report of this very cluster in these bytes; None for anything else."""
    body = json_fields(data, SIZE_LIMIT)
    if isinstance(body, str) or (body.get("schema"), body.get("cluster")) != (SCHEMA, cluster):
        return None
    members, answers = _members(body.get("members")), _answers(body.get("answers"))
    tables = {"members": members, "answers": answers, "read_at": None}
    return read(HeadReport, {**body, **tables})


def _members(rows: object) -> dict[str, MemberReport] | None:
    """The readable members; none of too many."""
    if not isinstance(rows, dict):
        return None
    if len(rows) > _MEMBER_LIMIT:
        return {}
    reports = {name: read(MemberReport, row) for name, row in rows.items() if parse_member(name)}
    return {name: report for name, report in reports.items() if report is not None}


def _answers(rows: object) -> dict[str, HeadAnswer] | None:
    """The readable answers, a bounded number; None without any table of them."""
    if not isinstance(rows, dict):
        return None
    answers = {key: read(HeadAnswer, row) for key, row in islice(rows.items(), MOST)}
    return {
        key: answer
        for key, answer in answers.items()
        if answer is not None and key == request_id(answer.action, answer.member, answer.engine_id)
    }
