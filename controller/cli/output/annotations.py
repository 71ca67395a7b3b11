"""Annotations for code hosts, which show them at the line of a problem.

Texts of specs and file names are hostile here: a host reads annotations as commands or as data.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from controller.core.spec.revision import Problem


class AnnotationReport(StrEnum):
    """Output formats of `validate`."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"


_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = str.maketrans({**_DATA, ":": "%3A", ",": "%2C"})
_MESSAGE = str.maketrans(_DATA)


def github_lines(problems: Iterable[Problem], here: Path) -> list[str]:
    """Workflow commands of GitHub Actions, one per line; file names are relative to `here`."""
    return [_command(problem, here) for problem in problems]


def _command(problem: Problem, here: Path) -> str:
    properties = {"file": _relative(problem.file, here)}
    if problem.line:
        properties |= {"line": str(problem.line), "col": str(problem.column)}
    properties["title"] = "raycml"
    text = ",".join(f"{name}={value.translate(_PROPERTY)}" for name, value in properties.items())
    return f"::error {text}::{problem.message.translate(_MESSAGE)}"


def gitlab_report(problems: Sequence[Problem], here: Path) -> str:
    """A code quality report of GitLab.

    A fingerprint does not change when a problem only moves to another line; equal problems in a
    file are distinguished by their order.
    """
    counts: Counter[tuple[str, str]] = Counter()
    findings = []
    for problem in problems:
        path = _relative(problem.file, here)
        counts[path, problem.message] += 1
        findings.append(_finding(problem, path, counts[path, problem.message]))
    return json.dumps(findings, indent=2)


def _finding(problem: Problem, path: str, nth: int) -> dict[str, object]:
    identity = json.dumps([path, problem.message, nth])
    return {
        "description": problem.message,
        "check_name": "raycml-validate",
        "fingerprint": hashlib.sha256(identity.encode()).hexdigest(),
        "severity": "critical",
        "location": {"path": path, "lines": {"begin": max(problem.line, 1)}},
    }


def _relative(file: str, here: Path) -> str:
    """The path from the root of the repository, where commands run and hosts resolve file names."""
    path = Path(file)
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
