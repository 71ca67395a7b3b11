"""Files that specs name, read together with them: so that a revision says everything by itself.

Today those are requirements files.  What comes of a spec whose file cannot be read or used is a
problem, and no spec.
"""

import posixpath
from collections.abc import Callable, Iterable

from controller.core.spec.bounds import other_ray
from controller.core.spec.requirements import read_requirements
from controller.core.spec.revision import Problem, SpecDocument
from controller.printable import one_line

FIELD = "spec.pythonEnvironment.requirements"


class AttachmentError(Exception):
    """The file cannot be had; the message goes on from its name and ends in a remedy."""


ReadFile = Callable[[SpecDocument, str], bytes]
"""The content of a file, by its path from the folder of the holder's file; AttachmentError."""


def wanted(holder: SpecDocument) -> str | None:
    """The path, from the folder of its own file, of what the spec needs to be read."""
    environment = holder.cluster.spec.python_environment
    return None if environment is None else environment.file


def resolve(
    holders: Iterable[SpecDocument], read_file: ReadFile
) -> tuple[tuple[SpecDocument, ...], tuple[Problem, ...]]:
    """The same specs with what they name in them, and the problems of those that have some."""
    whole: list[SpecDocument] = []
    problems: list[Problem] = []
    for holder in holders:
        path = wanted(holder)
        found = holder if path is None else _resolved(holder, path, read_file)
        if isinstance(found, SpecDocument):
            whole.append(found)
        else:
            problems += found
    return tuple(whole), tuple(problems)


def _resolved(holder: SpecDocument, path: str, read_file: ReadFile) -> SpecDocument | list[Problem]:
    try:
        data = read_file(holder, path)
    except AttachmentError as error:
        message = f"`{FIELD}`: {one_line(path)} {error}"
        return [Problem(holder.file, holder.line, 1, message)]
    lines, faults = read_requirements(data)
    if faults:
        name = one_line(posixpath.join(posixpath.dirname(holder.file), path))
        return [Problem(name, fault.line, 1, one_line(fault.message)) for fault in faults[:100]]
    version = holder.cluster.spec.ray_version
    others = filter(None, (other_ray(line, version) for line in lines))
    problems = [Problem(holder.file, holder.line, 1, f"`{FIELD}`: {one_line(o)}") for o in others]
    if problems:
        return problems[:1]
    return SpecDocument(holder.cluster.with_requirements(lines), holder.file, holder.line)
