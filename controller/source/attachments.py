"""Files that specs name, read together with them, so that a revision is complete by itself.

Today those are requirements files.  A spec whose file cannot be read or used becomes a problem.
"""

import posixpath
from collections.abc import Callable, Iterable

from controller.core.spec.bounds import other_ray
from controller.core.spec.requirements import read_requirements
from controller.core.spec.revision import Problem, SpecDocument
from controller.printable import one_line

FIELD = "spec.pythonEnvironment.requirements"


class UnreadableError(Exception):
    """A file cannot be read; the message goes on from its name and ends in a remedy."""


ReadFile = Callable[[SpecDocument, str], bytes]
"""The content of a file, by its path from the folder of the document's file; UnreadableError."""


def attachment(document: SpecDocument) -> str | None:
    """The path of the file that the spec names, from the folder of its own file."""
    environment = document.cluster.spec.python_environment
    return None if environment is None else environment.file


def resolve(
    documents: Iterable[SpecDocument], read_file: ReadFile
) -> tuple[tuple[SpecDocument, ...], tuple[Problem, ...]]:
    """The same specs with the content of the files that they name, and the problems of others."""
    whole: list[SpecDocument] = []
    problems: list[Problem] = []
    for document in documents:
        path = attachment(document)
        resolved = document if path is None else _resolved(document, path, read_file)
        if isinstance(resolved, SpecDocument):
            whole.append(resolved)
        else:
            problems += resolved
    return tuple(whole), tuple(problems)


def _resolved(
    document: SpecDocument, path: str, read_file: ReadFile
) -> SpecDocument | list[Problem]:
    try:
        data = read_file(document, path)
    except UnreadableError as error:
        return [_problem(document, f"{path} {error}")]
    lines, faults = read_requirements(data)
    if faults:
        name = one_line(posixpath.join(posixpath.dirname(document.file), path))
        return [Problem(name, fault.line, 1, one_line(fault.message)) for fault in faults[:100]]
    version = document.cluster.spec.ray_version
    for line in lines:
        if message := other_ray(line, version):
            return [_problem(document, message)]
    return SpecDocument(document.cluster.with_requirements(lines), document.file, document.line)


def _problem(document: SpecDocument, message: str) -> Problem:
    return Problem(document.file, document.line, 1, f"`{FIELD}`: {one_line(message)}")
