"""How an acceptance test goes: its applications by their marks, its files by its own name.

The applications leave the way they do by `raycml delete`.  What the nodes wrote (where the head
is, who is alive, logs) is nobody's but this run's, so it goes too.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from controller.acceptance.context import Passed, PhaseError, Trial
from controller.core.model.desired import LAUNCHERS
from controller.core.planner.files.cluster_folders import may_belong
from controller.core.spec.text import counted
from controller.core.status.goal import Goal, Verdict
from controller.files.port import FilesError, ProjectFiles
from controller.run.convergence import Drive
from controller.terminal.specs import NO_SPECS

CLEAN_S = 600.0


def delete(trial: Trial) -> Passed:
    """All applications and launchers, and then the files of its nodes."""
    _delete_applications(trial)
    if not trial.certain:
        # A create whose answer was lost, or that was interrupted, may not be in CML's list yet.
        trial.session.clock.wait(trial.session.settings.settle_s, trial.interrupts.stop)
        _delete_applications(trial)
        trial.certain = True
    files = trial.session.files(trial.session.project)
    removed = [_removed(files, path) for folder in folders(trial) for path in _below(files, folder)]
    for folder in (f"{LAUNCHERS}/{trial.name}", *folders(trial)):
        _remove_folder(files, folder)
    return Passed(f"all applications are gone; {counted(len(removed), 'file')} removed")


def _delete_applications(trial: Trial) -> None:
    policy = replace(trial.policy(), delete=frozenset({trial.name}))
    drive = Drive(
        trial.session, NO_SPECS, policy, trial.interrupts, trial.progress, last=trial.last
    )
    end = drive.until(Goal.READY, CLEAN_S)
    if end.verdict is not Verdict.REACHED or end.last.plan.refusals:
        raise trial.unwell(end, "")


def _removed(files: ProjectFiles, path: str) -> str:
    files.remove(path)
    return path


def _remove_folder(files: ProjectFiles, folder: str) -> None:
    """Empty folders are nobody's concern: they go where the files' port can remove them."""
    with suppress(FilesError):
        if not list(_below(files, folder)):
            files.remove(folder)


def nothing_left(trial: Trial) -> Passed:
    """No application, no launcher, no file of this run."""
    left = [*_applications(trial), *_files(trial)]
    if left:
        raise PhaseError(f"{counted(len(left), 'thing')} left: {left[0]}", left)
    return Passed("no application, no launcher and no file of it is left")


def _applications(trial: Trial) -> Iterator[str]:
    seen = trial.session.world.look([trial.session.project], {})
    listed = seen.projects[trial.session.project]
    if not listed.complete:
        raise PhaseError("the list of applications was torn: its pages did not fit together")
    for app in listed.applications:
        if may_belong(app, trial.name):
            yield f"application {app.id} ({app.name}, {app.phase})"


def _files(trial: Trial) -> Iterator[str]:
    files = trial.session.files(trial.session.project)
    for folder in (f"{LAUNCHERS}/{trial.name}", *folders(trial)):
        for path in _below(files, folder):
            yield f"file {path}"


def folders(trial: Trial) -> tuple[str, str]:
    """Where the nodes of this run write."""
    return f".raycml/clusters/{trial.name}", f".raycml/logs/{trial.name}"


def _below(files: ProjectFiles, folder: str) -> list[str]:
    found: list[str] = []
    for one in files.listing(folder):
        found += _below(files, one.path) if one.is_dir else [one.path]
    return found
