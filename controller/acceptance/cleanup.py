"""The cleanup of an acceptance test: its applications by their marks, its files by its name.

The applications are deleted as `raycml delete` does it.  The files that the nodes wrote (addresses,
states, logs) belong to this run alone, so they are deleted too.
"""

from contextlib import suppress
from dataclasses import replace

from controller.acceptance.api_job import delete_jobs, own_jobs
from controller.acceptance.context import AcceptanceContext, PhaseError, PhaseSummary
from controller.core.model.desired import LAUNCHERS
from controller.core.planner.files.cluster_folders import may_belong
from controller.core.spec.text import counted
from controller.core.status.goal import Goal
from controller.files.port import FilesError, ProjectFiles
from controller.run.convergence import Drive
from controller.terminal.specs import NO_SPECS

CLEANUP_S = 600.0


def delete(context: AcceptanceContext) -> PhaseSummary:
    """Delete all applications and launchers, then the files of the nodes."""
    session = context.session
    delete_jobs(context)
    _delete_applications(context)
    if not context.listed:
        # A create whose answer was lost, or that was interrupted, may not be in CML's list yet.
        session.clock.wait(session.settings.settle_s, context.interrupts.stop)
        _delete_applications(context)
        context.listed = True
    files = session.files(session.project)
    paths = [path for folder in _node_folders(context) for path in _below(files, folder)]
    for path in paths:
        files.remove(path)
    for folder in _folders(context):
        with suppress(FilesError):  # empty folders do no harm, and not every port removes them
            if not _below(files, folder):
                files.remove(folder)
    return PhaseSummary(f"all applications deleted; {counted(len(paths), 'file')} removed")


def _delete_applications(context: AcceptanceContext) -> None:
    policy = replace(context.policy(), delete=frozenset({context.name}))
    session, last = context.session, context.last
    drive = Drive(session, NO_SPECS, policy, context.interrupts, context.progress, last=last)
    context.check(drive.until(Goal.READY, CLEANUP_S))


def nothing_left(context: AcceptanceContext) -> PhaseSummary:
    """Check that no application, job, launcher or file of this run is left."""
    project = context.session.project
    files = context.session.files(project)
    items = [
        f"application {app.id} ({app.name}, {app.phase})"
        for app in context.look().projects[project].applications
        if may_belong(app, context.name)
    ]
    items += [f"job {job}" for job in own_jobs(context)]
    items += [f"file {path}" for folder in _folders(context) for path in _below(files, folder)]
    if items:
        raise PhaseError(f"{counted(len(items), 'item')} left: {items[0]}", items)
    return PhaseSummary("no application, job, launcher or file is left")


def _folders(context: AcceptanceContext) -> tuple[str, ...]:
    return f"{LAUNCHERS}/{context.name}", *_node_folders(context)


def _node_folders(context: AcceptanceContext) -> tuple[str, str]:
    """The folders that the nodes of this run write to."""
    return f".raycml/clusters/{context.name}", f".raycml/logs/{context.name}"


def _below(files: ProjectFiles, folder: str) -> list[str]:
    paths: list[str] = []
    for one in files.listing(folder):
        paths += _below(files, one.path) if one.is_dir else [one.path]
    return paths
