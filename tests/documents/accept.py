"""Pages that a test compares with the code, or writes anew where RAYCML_ACCEPT is set."""

import os
from pathlib import Path

REMEDY = "is out of date; write it anew: make reference"


def accepts() -> bool:
    return bool(os.environ.get("RAYCML_ACCEPT"))


def compare(document: Path, wanted: str) -> None:
    """AssertionError, with the remedy, where the document differs."""
    if accepts():
        document.write_text(wanted, encoding="utf-8")
    found = document.read_text(encoding="utf-8") if document.exists() else ""
    assert found.splitlines() == wanted.splitlines(), f"{document.name} {REMEDY}"
