"""Pauses, as commands obey them."""

from controller.reconcile import Pass
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit


def check_pauses(names: set[str], done: Pass) -> None:
    """CommandError for the first paused cluster."""
    pauses = {} if done.observed.pauses is None else done.observed.pauses.by_cluster
    for project, name in sorted(pauses):
        pause = done.observed.pause(project, name)
        if name in names and pause is not None and project in _projects(name, done):
            raise CommandError(
                f"{name} is paused by {pause.by}: {pause.reason}",
                Exit.REFUSED,
                f"run `raycml unpause {name}`, then repeat the command",
            )


def _projects(name: str, done: Pass) -> set[str]:
    """The projects in which the cluster is declared or has applications."""
    cluster = done.desired.cluster(name)
    apps = (a for p in done.observed.projects.values() for a in p.applications)
    projects = {a.project for a in apps if a.mark is not None and a.mark.cluster == name}
    return projects if cluster is None else {*projects, cluster.project}
