"""Clone of a repository by `git`, while a new project is `creating`."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from controller.emulator.api.errors import ApiError, Code, invalid
from controller.emulator.pods.processes import CloneRequest, Processes
from controller.emulator.state.file_tree import Tree
from controller.emulator.state.ids import Ids
from controller.emulator.state.records import Project
from controller.emulator.state.state import State
from controller.emulator.state.templates import TEMPLATES

EMPTY = {"", "blank", "local", "git"}
"""Templates without files, or with a repository; `templates.py` has the others."""
ABSENT = {"R", "Scala", "Churn Predictor"}
SCHEMES = {"file", "http", "https", "ssh"}
_SCP = re.compile(r"[\w.-]+@[\w.-]+:[\w./~-]+")
_REF = re.compile(r"[\w./+-]*")


def checked_source(values: Mapping[str, object]) -> tuple[str, str]:
    """URL and branch of a create request, possibly empty; refuses unsupported sources."""
    template, url, ref = (str(values.get(key, "")) for key in ("template", "git_url", "git_ref"))
    if template in ABSENT or values.get("parent_project"):
        what = f"template {template!r}" if template in ABSENT else "forks"
        message = f"the CML emulator has no {what}: create the project from git, or blank"
        raise ApiError(Code.UNIMPLEMENTED, message)
    if template not in EMPTY | TEMPLATES.keys():
        raise invalid(f"unknown template {template!r}")
    if template == "git" and not url:
        raise invalid("git_url must be specified")
    if not _REF.fullmatch(ref) or ref.startswith("-"):
        raise invalid("git_ref is not the name of a branch or a tag")
    return (_checked_url(url) if url else ""), ref


def _checked_url(url: str) -> str:
    """The URL, unchanged; a local folder must be absolute."""
    if not url.isprintable() or " " in url:
        raise invalid("git_url is not a URL")
    if url.startswith("/") or _SCP.fullmatch(url):
        return url
    try:
        parts = urlsplit(url)
        secret = parts.password
    except ValueError:
        raise invalid("git_url is not a URL") from None
    if parts.scheme not in SCHEMES or not parts.path:
        raise invalid("git_url must be a git URL: https://, http://, ssh://, file:// or a folder")
    if secret:
        raise invalid("git_url contains a password: use a credential helper of git")
    return url


def clone_command(url: str, ref: str) -> list[str]:
    """The command for a shallow clone into the empty working folder."""
    # git copies everything for a plain path
    address = f"file://{url}" if url.startswith("/") else url
    branch = [f"--branch={ref}"] if ref else []
    return ["git", "clone", "--depth=1", *branch, "--", address, "."]


def clone_environment() -> dict[str, str]:
    """Variables for the user's git, without prompts."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        "GIT_ALLOW_PROTOCOL": ":".join(sorted(SCHEMES)),
    }


@dataclass(slots=True)
class Clones:
    """Active clones."""

    state: State
    processes: Processes
    ids: Ids

    def begin(self, project: Project, tree: Tree, source: tuple[str, str], now: datetime) -> None:
        """Start a clone; if that fails, the project stays, as in CML."""
        url, ref = source
        project.cloning = self.ids.engine()
        try:
            self.processes.clone(CloneRequest(project.cloning, project.id, url, ref, tree), now)
        except OSError:
            project.cloning, project.creation_failed = "", True

    def stop(self, project: Project, now: datetime) -> None:
        if project.cloning:
            self.processes.stop(project.cloning, now)

    def tick(self, now: datetime) -> None:
        for project in self.state.projects.values():
            if project.cloning:
                self._look(project, now)

    def _look(self, project: Project, now: datetime) -> None:
        ending = self.processes.look(project.cloning, now).ending
        if ending is not None:
            project.cloning, project.creation_failed = "", ending.exit_code != 0
            project.updated_at = now
            self.state.changes += 1
