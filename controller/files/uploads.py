"""Ways of uploading a file: a POST or a PUT to the folder of files, by workspace.

Both name the target path in the form field.  Some workspaces honor it in a PUT only, and store a
POST in the project's home under the base name of the path; Cloudera's own tools for the workbench
use the PUT.  Others do not serve the PUT.  The first upload of a process finds out.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class UploadWay(StrEnum):
    """The method of an upload."""

    POST = "POST"
    PUT = "PUT"


@dataclass(slots=True)
class UploadMemory:
    """The way that worked in this workspace; None before the first upload into a folder.

    One of each process and workspace.  Losing it costs a listing and a second upload.
    """

    way: UploadWay | None = None


def copies_of(name: str, names: Iterable[str]) -> list[str]:
    """The names that CML gives to uploads onto `name` while it is taken: `name(1).ext`."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    pattern = re.compile(rf"{re.escape(stem)}\([0-9]{{1,4}}\){re.escape(dot + ending)}")
    return [other for other in names if pattern.fullmatch(other)]
