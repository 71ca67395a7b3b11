"""Checks of the project's files: write access, Python, launchers."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from controller.cml.errors import Rejected
from controller.core.model.configuration import launcher_path
from controller.core.model.desired import LAUNCHERS
from controller.core.model.observed import LauncherFile
from controller.core.model.other_clocks import age_s
from controller.core.spec.python_environment import ENVIRONMENTS
from controller.core.spec.text import counted
from controller.doctor import state
from controller.doctor.probe import NoAnswerError, Probe, attempt
from controller.doctor.result import CheckResult, bad, good, listed, skipped, unknown, warning
from controller.files.port import FilesError, ProjectFiles

UNUSED_MAX = 50  # launchers of unknown age
_HOME = "/home/cdsw/"


# Write access


def files(probe: Probe) -> Iterator[CheckResult]:
    """The only thing that a check-up writes is one test file, which is removed again."""
    projects = probe.ask(state.project_files)
    if probe.read_only:
        yield skipped("nothing is written with --read-only")
        return
    name = f"{probe.screen.system.rng.getrandbits(48):012x}"
    problems = [problem for one in projects.values() if (problem := write_problem(one, name))]
    first = next(iter(projects))
    atomic = probe.connection.home(first) is not None
    yield write_result(next(iter(problems), ""), atomic=atomic, way=projects[first].way)


def write_result(problem: str, *, atomic: bool, way: str = "") -> CheckResult:
    if problem:
        fix = "give the key's user (or this pod's) write access to `.raycml` in the project"
        return bad(f"the launcher folder is not usable: {problem}", fix)
    how = "atomically" if atomic else "(by delete and upload)"
    named = f"; files are {way}" if way and not atomic else ""
    return good(f"a test file was written, replaced {how} and removed{named}")


def write_problem(files: ProjectFiles, name: str) -> str:
    """Write, replace and remove one file; the problem with that, or nothing."""
    path = f"{LAUNCHERS}/doctor-{name}.probe"
    try:
        problem = _try_to_write(files, path)
        files.remove(path)
    except FilesError as error:
        with suppress(FilesError):
            files.remove(path)
        return str(error)
    return problem


def _try_to_write(files: ProjectFiles, path: str) -> str:
    first, second = b"probe\n", b"another probe\n"
    files.write_new(path, first)
    if files.read(path) != first:
        return f"{path}: its content is not what was written"
    files.replace(path, second)
    if files.read(path) != second:
        return f"{path}: its content is not what replaced it"
    stem = path.removesuffix(".probe")
    copies = sum(one.path.startswith(stem) for one in files.listing(LAUNCHERS))
    return "" if copies == 1 else f"{path}: it exists {copies} times"


# Python


def python(probe: Probe) -> Iterator[CheckResult]:
    """The interpreters inside the project; only a pod can see those of its image."""
    clusters = probe.ask(state.declared_clusters)
    present: list[str] = []
    for project, path in sorted({(c.project, c.groups[0].inputs.python) for c in clusters}):
        exists = attempt(partial(_exists, probe, project, path))
        if isinstance(exists, NoAnswerError):
            yield unknown(f"{path}: {exists}")
        elif exists:
            present.append(path)
        elif path.startswith(f"{ENVIRONMENTS}/"):
            yield unknown(f"{path} is not built yet; `raycml reconcile` builds it")
        else:
            fix = "create the environment there and install Ray into it, or correct `python`"
            yield bad(f"{path} is not in the project's files", fix)
    if present:
        yield good(f"{listed(present)} is in the project's files")


def _exists(probe: Probe, project: str, python: str) -> bool:
    inside = python.removeprefix(_HOME)
    if inside.startswith("/") or ".." in inside.split("/"):
        raise NoAnswerError("outside of the project's home, so only its pods can see it")
    connection = probe.connection
    return has_interpreter(connection.files(project), inside, connection.home(project))


def has_interpreter(files: ProjectFiles, path: str, home: Path | None) -> bool:
    """In a pod of the project the disk itself is asked: an interpreter is mostly a link, and the
    files' port follows none.

    CML refuses to list a folder that is a link out of the project; pods may still follow it.
    """
    if home is not None:
        return os.access(home / path, os.X_OK) and (home / path).is_file()
    folder, _, name = path.rpartition("/")
    # A file at the top of the home cannot be listed, but it can be read.
    if not folder:
        return files.read(path) is not None
    try:
        entries = files.listing(folder)
    except FilesError as error:
        if not isinstance(error.__cause__, Rejected):
            raise
        message = "it may be a link out of the project, which only pods can follow"
        raise NoAnswerError(f"CML does not list {folder}; {message}") from None
    return any(one.name == name and not one.is_dir for one in entries)


# Launchers


def launchers(probe: Probe) -> Iterator[CheckResult]:
    situation, by_project = probe.ask(state.listed_situation), probe.ask(state.launchers)
    apps, edition = situation.index.by_id.values(), situation.policy.edition
    # Launchers that applications run and specs ask for.
    used = {(app.project, app.script) for app in apps} | {
        (cluster.project, launcher_path(group, edition))
        for cluster in situation.desired.clusters
        for group in cluster.groups
    }
    unused: list[LauncherFile] = []
    for project, answer in by_project.items():
        if isinstance(answer, NoAnswerError):
            raise answer
        unused += [file for file in answer if (project, file.path) not in used]
    yield _unused(unused, situation.now, situation.policy.launcher_kept_s)


def _unused(unused: list[LauncherFile], now: datetime, kept_s: float) -> CheckResult:
    """By age where it is known, and by number where it is not."""
    old = [file for file in unused if (age_s(file.modified_at, now) or 0.0) >= kept_s]
    unaged = [file for file in unused if file.modified_at is None]
    fix = "run `raycml reconcile` in a pod of the project to remove them"
    if old:
        return warning(f"{counted(len(old), 'launcher')} unused for a long time", fix)
    if len(unaged) > UNUSED_MAX:
        return warning(f"{counted(len(unaged), 'unused launcher')}", fix)
    count = counted(len(unused), "unused launcher") if unused else "no unused launchers"
    return good(count)
