"""Specs of a command, read and validated before any call to CML."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from controller.core.spec.notices import other_pythons
from controller.core.spec.revision import Problem, Revision, SpecDocument
from controller.core.spec.text import counted
from controller.core.status.text import no_cluster
from controller.source.directory import read
from controller.terminal.advice import with_paths
from controller.terminal.common import CommonOptions
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import SPECS


class SpecsError(CommandError):
    """Invalid specs; the message lists all problems, one per line."""

    def __init__(self, problems: Sequence[Problem], paths: Sequence[Path] | None) -> None:
        files = counted(len({problem.file for problem in problems}), "file")
        self.summary = f"{counted(len(problems), 'problem')} in {files}; nothing was done"
        self.lines = tuple(map(str, problems))
        message = "\n".join([self.summary, *self.lines])
        super().__init__(message, Exit.INVALID_SPEC, f"`{with_paths('raycml validate', paths)}`")


NO_SPECS = Revision(clusters=(), problems=(), commit=None, origin="no specs")


def read_specs(paths: Sequence[Path] | None) -> Revision:
    """The revision of the paths, with its problems.  CommandError or SourceError without specs."""
    if not paths and not SPECS.exists():
        message = f"no {SPECS}/ folder here, and no path given"
        raise CommandError(message, Exit.SOURCE, "`raycml init`, or give the files or folders")
    return read(tuple(paths or (SPECS,)))


def load(paths: Sequence[Path] | None) -> Revision:
    """The valid revision of the paths.  SpecsError for problems."""
    revision = read_specs(paths)
    if revision.problems:
        raise SpecsError(revision.problems, paths)
    return revision


def local_notices(common: CommonOptions, revision: Revision) -> list[str]:
    """Sentences about images whose Python the local emulator does not have."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    return other_pythons(revision, own) if common.local else []


def load_if_there(paths: Sequence[Path] | None) -> Revision:
    """The valid revision; NO_SPECS if no path is given and there is no specs folder."""
    return load(paths) if paths or SPECS.is_dir() else NO_SPECS


def spec_of(cluster: str, documents: Iterable[SpecDocument]) -> SpecDocument | None:
    return next((each for each in documents if each.cluster.name == cluster), None)


def project_of(document: SpecDocument | None) -> str | None:
    """The project that a spec names; None for the connection's."""
    return None if document is None else document.cluster.spec.project


def check_cluster(
    name: str, names: Iterable[str], message: str = "no cluster", remedy: str = "`raycml status`"
) -> None:
    """CommandError for a name that is none of these."""
    if name not in (clusters := set(names)):
        raise CommandError(no_cluster(name, clusters, message), Exit.USAGE, remedy)


def check_whole(paths: Sequence[Path] | None, user: str, command: str) -> None:
    """CommandError for a single file, since other files may declare the other clusters.

    `command` is the one to run instead, with `{}` for the folder.
    """
    for path in paths or ():
        if path.is_file():
            message = f"{user} needs the whole folder of specs, and {path} is a single file"
            raise CommandError(message, Exit.USAGE, f"`{command.format(path.parent)}`")


def scope(paths: Sequence[Path] | None, revision: Revision) -> frozenset[str] | None:
    """The clusters of single files; None (all managed clusters) for folders."""
    if all(path.is_dir() for path in paths or (SPECS,)):
        return None
    return frozenset(holder.cluster.name for holder in revision.clusters)


def label(revision: Revision) -> str:
    return revision.commit or revision.origin


def heading(revision: Revision) -> str:
    at = f" at {revision.commit[:12]}" if revision.commit else ""
    return f"{revision.origin}{at}: {counted(len(revision.clusters), 'cluster')}"
