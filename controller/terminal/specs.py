"""Specs of a command, read and validated before any call to CML."""

from collections.abc import Sequence
from pathlib import Path

from controller.core.spec.revision import Problem, Revision
from controller.core.spec.text import counted
from controller.source.directory import read
from controller.terminal.advice import with_paths
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import SPECS


class SpecsError(CommandError):
    """Invalid specs; the message lists all problems, one per line."""

    def __init__(self, problems: Sequence[Problem], paths: Sequence[Path] | None) -> None:
        files = len({problem.file for problem in problems})
        summary = (
            f"{counted(len(problems), 'problem')} in {counted(files, 'file')}; nothing was done"
        )
        lines = "\n".join(str(problem) for problem in problems)
        remedy = f"`{with_paths('raycml validate', paths)}`"
        super().__init__(f"{summary}\n{lines}", Exit.INVALID_SPEC, remedy)
        self.summary = summary
        self.lines = tuple(str(problem) for problem in problems)


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


def load_if_there(paths: Sequence[Path] | None) -> Revision | None:
    """The valid revision; None if no path is given and there is no specs folder."""
    if not paths and not SPECS.is_dir():
        return None
    return load(paths)


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
