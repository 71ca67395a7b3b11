"""Paths of the API, relative to `/api/v2`, percent-encoded.

IDs are opaque: they are encoded and never parsed.  An ID that would name another resource (empty,
`.`, `..`) is refused here, before a call.
"""

from urllib.parse import quote

from controller.cml.errors import Rejected

PROJECTS = "/projects"
RUNTIMES = "/runtimes"
DESCRIPTION = "/swagger.json"
KEY_CHECK = "/auth/validate_key"
QUOTAS = "/usersquota"
RESOURCE_GROUPS = "/resourcegroups"
NODE_LABELS = "/nodelabels"
CPU_PROFILES = "/cpuprofiles"
ADDONS = "/runtimeaddons"


def project(project_id: str) -> str:
    return f"{PROJECTS}/{_id(project_id)}"


def applications(project_id: str) -> str:
    return f"{project(project_id)}/applications"


def application(project_id: str, application_id: str) -> str:
    return f"{applications(project_id)}/{_id(application_id)}"


def jobs(project_id: str) -> str:
    return f"{project(project_id)}/jobs"


def job(project_id: str, job_id: str) -> str:
    return f"{jobs(project_id)}/{_id(job_id)}"


def runs(project_id: str, job_id: str) -> str:
    return f"{job(project_id, job_id)}/runs"


def run(project_id: str, job_id: str, run_id: str) -> str:
    return f"{runs(project_id, job_id)}/{_id(run_id)}"


def files(project_id: str) -> str:
    return f"{project(project_id)}/files"


def file(project_id: str, path: str) -> str:
    """The path of a file, with its slashes; never the home folder, so it cannot be deleted."""
    return f"{files(project_id)}/{quote(checked(path), safe='/')}"


def homes(project_id: str) -> tuple[str, str]:
    """Two spellings of the home folder; servers support one of them."""
    return f"{files(project_id)}/", f"{files(project_id)}/%2F"


def download(project_id: str, path: str) -> str:
    return f"{file(project_id, path)}:download"


def checked(path: str) -> str:
    """The path; Rejected if it is not clearly inside the project's home folder."""
    parts = path.split("/")
    if any(p in {"", ".", ".."} for p in parts) or not path.isprintable() or "\\" in path:
        raise Rejected(f"not a path inside the project: {path[:200]!r}")
    return path


def _id(text: str) -> str:
    if text in {"", ".", ".."} or len(text) > 256 or not text.isprintable():
        raise Rejected(f"not an ID: {text[:100]!r}")
    return quote(text, safe="")
