"""Table of all calls to CML: name, method, and `write`.

Retries and error classes depend on `write`, not on the method: a download is a POST that changes
nothing.  No other module names a method.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Expects(Enum):
    """Content of a valid answer."""

    JSON = "json"
    BYTES = "bytes"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Operation:
    """`read_s`: read timeout."""

    name: str
    method: str
    write: bool
    expects: Expects = Expects.JSON
    read_s: float = 30.0

    def __str__(self) -> str:
        return self.name.replace("_", " ")


LIST_APPLICATIONS = Operation("list_applications", "GET", write=False)
GET_APPLICATION = Operation("get_application", "GET", write=False)
# The platform may need a minute or more to answer a create.
CREATE_APPLICATION = Operation("create_application", "POST", write=True, read_s=120.0)
UPDATE_APPLICATION = Operation("update_application", "PATCH", write=True)
RESTART_APPLICATION = Operation("restart_application", "POST", True, Expects.NOTHING)
STOP_APPLICATION = Operation("stop_application", "POST", True, Expects.NOTHING)
DELETE_APPLICATION = Operation("delete_application", "DELETE", True, Expects.NOTHING)
GET_PROJECT = Operation("get_project", "GET", write=False)
LIST_PROJECTS = Operation("list_projects", "GET", write=False)
# A large repository may be cloned before the answer, though the answer is usually immediate.
CREATE_PROJECT = Operation("create_project", "POST", write=True, read_s=120.0)
UPDATE_PROJECT = Operation("update_project", "PATCH", True, Expects.NOTHING)
DELETE_PROJECT = Operation("delete_project", "DELETE", True, Expects.NOTHING)
LIST_JOBS = Operation("list_jobs", "GET", write=False)
GET_JOB = Operation("get_job", "GET", write=False)
CREATE_JOB = Operation("create_job", "POST", write=True, read_s=120.0)
UPDATE_JOB = Operation("update_job", "PATCH", True, Expects.NOTHING)
DELETE_JOB = Operation("delete_job", "DELETE", True, Expects.NOTHING)
LIST_RUNS = Operation("list_runs", "GET", write=False)
GET_RUN = Operation("get_run", "GET", write=False)
CREATE_RUN = Operation("create_run", "POST", write=True, read_s=120.0)
STOP_RUN = Operation("stop_run", "POST", True, Expects.NOTHING)
LIST_RUNTIMES = Operation("list_runtimes", "GET", write=False)
LIST_FILES = Operation("list_files", "GET", write=False)
DOWNLOAD_FILE = Operation("download_file", "POST", False, Expects.BYTES)
UPLOAD_FILE = Operation("upload_file", "POST", True, Expects.NOTHING)
# Some workspaces honor the path of an upload in a PUT only.
PUT_FILE = Operation("put_file", "PUT", True, Expects.NOTHING)
DELETE_FILE = Operation("delete_file", "DELETE", True, Expects.NOTHING)
GET_VERSION = Operation("get_version", "GET", write=False)
# For `doctor` only.  The validation of a key is a POST that changes nothing.
PING = Operation("ping", "GET", write=False)
VALIDATE_KEY = Operation("validate_key", "POST", write=False)
LIST_QUOTAS = Operation("list_quotas", "GET", write=False)
LIST_RESOURCE_GROUPS = Operation("list_resource_groups", "GET", write=False)
LIST_NODE_LABELS = Operation("list_node_labels", "GET", write=False)
LIST_CPU_PROFILES = Operation("list_cpu_profiles", "GET", write=False)
LIST_ADDONS = Operation("list_runtime_addons", "GET", write=False)
# Only for the CML emulator.
REGISTER_RUNTIME = Operation("register_runtime", "POST", True, Expects.NOTHING)

OPERATIONS = tuple(each for each in vars().copy().values() if isinstance(each, Operation))

MIB = 1024 * 1024
BODY_LIMIT = 32 * MIB  # bytes of any one answer
FILE_LIMIT = 8 * MIB  # bytes of one downloaded file


@dataclass(frozen=True, slots=True)
class Request:
    """A call.  `path` is relative to `/api/v2` and percent-encoded.

    `upload` is (destination, data).  `repr` has no bodies, since variables may be secret.  Messages
    do not repeat `secrets`, or the values of `variables`.
    """

    operation: Operation
    path: str
    project: str = ""
    query: tuple[tuple[str, str], ...] = ()
    json: dict[str, object] | None = field(default=None, repr=False)
    upload: tuple[str, bytes] | None = field(default=None, repr=False)
    limit: int = BODY_LIMIT
    signed: bool = True
    secrets: tuple[str, ...] = field(default=(), repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def is_of_jobs(self) -> bool:
        """True for calls about jobs and runs."""
        return self.path.split("/")[3:4] == ["jobs"]  # /projects/ID/jobs


@dataclass(frozen=True, slots=True)
class Response:
    """An answer.  Header names are in lower case; the body is bounded by the request's limit."""

    status: int
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class TooLargeError(Exception):
    """The body of an answer exceeds its limit."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A call, for logs, metrics and tests.  `error` is the class of its error.

    `date` is the answer's Date header: CML's time, to the second.
    """

    method: str
    operation: str
    project: str
    status: int | None
    error: str | None
    seconds: float
    write: bool
    date: str = ""
