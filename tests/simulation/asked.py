"""What a request asks of CML, read from its method and path; for the sky and for the oracle."""

from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote

import httpx


class Ask(Enum):
    """The questions and effects that matter here."""

    LIST = "list applications"
    GET = "get application"
    CREATE = "create application"
    PATCH = "update application"
    RESTART = "restart application"
    STOP = "stop application"
    DELETE = "delete application"
    FILES = "list files"
    DOWNLOAD = "download file"
    UPLOAD = "upload file"
    REMOVE = "delete file"
    LOOK_UP = "look a project up"
    JOBS = "read jobs"
    JOB_WRITE = "change jobs"
    OTHER = "something else"


WRITES = frozenset({Ask.CREATE, Ask.PATCH, Ask.RESTART, Ask.STOP, Ask.DELETE})
FILE_WRITES = frozenset({Ask.UPLOAD, Ask.REMOVE})
CHANGES = frozenset({Ask.PATCH, Ask.RESTART, Ask.STOP, Ask.DELETE})


@dataclass(frozen=True, slots=True)
class Asked:
    """`subject` is an application's id or a file's path, `project` an id; of a look-up, what the
    project is looked up by.
    """

    ask: Ask
    subject: str = ""
    project: str = ""


_APPLICATION = {
    ("GET", ""): Ask.GET,
    ("PATCH", ""): Ask.PATCH,
    ("DELETE", ""): Ask.DELETE,
    ("POST", "restart"): Ask.RESTART,
    ("POST", "stop"): Ask.STOP,
}
_FILE = {
    ("GET", ""): Ask.FILES,
    ("POST", "download"): Ask.DOWNLOAD,
    ("DELETE", ""): Ask.REMOVE,
}


def asked(request: httpx.Request) -> Asked:
    """What is asked.  OTHER for what this controller asks of no application and no file."""
    method = request.method
    path, _, query = request.url.raw_path.decode().partition("?")
    if path == "/api/v2/projects":
        return Asked(Ask.LOOK_UP, unquote(query), unquote(query))
    project, _, tail = path.removeprefix("/api/v2/projects/").partition("/")
    kind, _, rest = tail.partition("/")
    if kind == "applications" and not rest:
        return Asked(Ask.LIST if method == "GET" else Ask.CREATE, "", project)
    name, _, verb = rest.partition(":")
    if kind == "applications":
        return Asked(_APPLICATION.get((method, verb), Ask.OTHER), name, project)
    if kind == "files" and not rest and method in ("POST", "PUT"):
        return Asked(Ask.UPLOAD, "", project)
    if kind == "files":
        return Asked(_FILE.get((method, verb), Ask.OTHER), unquote(name), project)
    job = Ask.JOBS if method == "GET" else Ask.JOB_WRITE
    return Asked(job if kind == "jobs" else Ask.OTHER, rest, project)
