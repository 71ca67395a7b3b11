"""Approvals: a person's word that one revision may come into force, one file each."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from controller.files.port import ProjectFiles

SCHEMA = "raycml.approval/v1"
FOLDER = ".raycml/approvals"
REVISION = re.compile(r"[0-9a-f]{7,64}")  # a commit, the id of a folder's content, or their start
_FILE = re.compile(r"([0-9a-f]{7,64})\.json")


@dataclass(frozen=True, slots=True)
class Approval:
    """Who let which revision come into force, and when."""

    revision: str
    by: str
    at: datetime


def approval_path(revision: str) -> str:
    return f"{FOLDER}/{revision}.json"


def render_approval(approval: Approval) -> bytes:
    body = {
        "schema": SCHEMA,
        "revision": approval.revision,
        "by": approval.by,
        "at": approval.at.isoformat(timespec="seconds"),
    }
    return (json.dumps(body, indent=2) + "\n").encode()


def read_approvals(files: ProjectFiles) -> frozenset[str]:
    """Revisions that a person approved; the name of the file says it all.  FilesError."""
    names = [stored.name for stored in files.listing(FOLDER) if not stored.is_dir]
    return frozenset(m.group(1) for m in map(_FILE.fullmatch, names) if m)
