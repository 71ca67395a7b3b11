"""Questions that several checks share: specs and projects, desired and observed state."""

from collections.abc import Mapping
from functools import partial
from typing import TypeVar

from controller.cml.inspector import WholeList
from controller.core.model.desired import DesiredCluster, DesiredState, Frozen, desire
from controller.core.model.history import History
from controller.core.model.member import OWNER
from controller.core.model.observed import (
    LauncherFile,
    ObservedFiles,
    ObservedPauses,
    ObservedState,
    Pause,
)
from controller.core.model.policy import Policy
from controller.core.model.project import ProjectSeen
from controller.core.model.ray.report import HeadReport
from controller.core.model.reasons import Reason
from controller.core.situation.situation import Situation, situate
from controller.core.spec.revision import Revision
from controller.doctor.probe import NoAnswerError, Probe, answered, attempt
from controller.files.launchers import stored_launchers
from controller.files.pauses import read_pauses
from controller.files.port import ProjectFiles
from controller.files.reports import read_report
from controller.node import render
from controller.settings import Settings, SettingsError, read_settings
from controller.source.directory import SourceError
from controller.terminal.errors import CommandError
from controller.terminal.options import SPECS
from controller.terminal.specs import read_specs

T = TypeVar("T")


def settings(probe: Probe) -> tuple[Settings, tuple[str, ...]]:
    """The settings and their faults; with any fault, the settings are the defaults."""
    try:
        return read_settings(probe.screen.system.environ), ()
    except SettingsError as error:
        return Settings(), error.faults


def policy(probe: Probe) -> Policy:
    in_force, _ = probe.ask(settings)
    owner = probe.screen.system.environ.get(OWNER) or probe.answer_or("", home_project)
    return in_force.policy(owner, render.edition())


def specs(probe: Probe) -> Revision:
    """The specs, valid or not.  The kind of NoAnswerError is empty if none were asked for."""
    paths = probe.paths
    if not paths and not SPECS.exists():
        raise NoAnswerError(f"no {SPECS}/ here, so only the live state is checked")
    try:
        return read_specs(paths)
    except (SourceError, CommandError) as error:
        raise NoAnswerError(str(error), "Source") from None


# The projects


def projects(probe: Probe) -> dict[str | None, ProjectSeen | NoAnswerError]:
    """The projects by their names in specs; the connection's own is None."""
    revision = probe.attempt(specs)
    names: set[str | None] = {None}
    if not isinstance(revision, NoAnswerError):
        names |= {document.cluster.spec.project for document in revision.clusters}
    ordered = sorted(names, key=lambda name: name or "")
    return {name: attempt(partial(_project, probe, name)) for name in ordered}


def _project(probe: Probe, name: str | None) -> ProjectSeen:
    connection = probe.connection
    return connection.inspector.inspect_project(name or connection.where.project)


def home_project(probe: Probe) -> str:
    """The id of the connection's project."""
    home = probe.ask(projects)[None]
    if isinstance(home, NoAnswerError):
        raise home
    return home.id


def project_ids(probe: Probe) -> list[str]:
    """The ids of all projects.  NoAnswerError if there is none."""
    ids = {project.id for project in answered(probe.ask(projects)).values()}
    return sorted(ids or {home_project(probe)})


def project_files(probe: Probe) -> dict[str, ProjectFiles]:
    return {project: probe.connection.files(project) for project in probe.ask(project_ids)}


def listings(probe: Probe) -> dict[str, WholeList | NoAnswerError]:
    """The applications of each project."""
    ids, inspector = probe.ask(project_ids), probe.connection.inspector
    return {project: attempt(partial(inspector.whole_list, project)) for project in ids}


def answered_listings(probe: Probe) -> dict[str, WholeList]:
    """The applications of the projects that could be listed."""
    return answered(probe.answer_or({}, listings))


# The desired state


def desired(probe: Probe) -> DesiredState:
    """The desired state, as far as specs and projects could be read."""
    revision = probe.attempt(specs)
    if isinstance(revision, NoAnswerError):
        return DesiredState(whole=False)
    ids: dict[str | None, str] = {}
    missing: dict[str | None, Frozen] = {}
    for name, project in probe.ask(projects).items():
        if not isinstance(project, NoAnswerError):
            ids[name] = project.id
        elif name is not None:
            missing[name] = Frozen(Reason.PROJECT_NOT_FOUND, project.why)
    return desire(revision, ids, missing)


def declared_clusters(probe: Probe) -> tuple[DesiredCluster, ...]:
    """The clusters of the specs.  NoAnswerError if there are none to compare with."""
    clusters = probe.ask(desired).clusters
    if not clusters and not isinstance(probe.attempt(specs), NoAnswerError):
        probe.ask(project_ids)
    if not clusters:
        raise NoAnswerError("no specs to compare with")
    return clusters


# The observed state


def situation(probe: Probe) -> Situation:
    """The situation, as far as it could be read."""
    return situate(probe.ask(desired), probe.ask(observed), History(), probe.ask(policy))


def listed_situation(probe: Probe) -> Situation:
    """The situation.  NoAnswerError if the applications of no project could be listed."""
    current = probe.ask(situation)
    if not current.observed.projects:
        raise next(e for e in probe.ask(listings).values() if isinstance(e, NoAnswerError))
    return current


def observed(probe: Probe) -> ObservedState:
    """The observed state.  A project without a list is absent from it; `files` and `pauses` are
    None if those of any project could not be read."""
    stored, paused = _whole(probe.attempt(launchers)), _whole(probe.attempt(pauses))
    by_cluster = {
        (project, name): pause
        for project, by_name in (paused or {}).items()
        for name, pause in by_name.items()
    }
    return ObservedState(
        as_of=probe.screen.system.clock.now(),
        projects={project: one.seen for project, one in answered_listings(probe).items()},
        reports=probe.ask(reports),
        files=None if stored is None or paused is None else ObservedFiles(stored),
        pauses=None if paused is None else ObservedPauses(by_cluster),
    )


def _whole(answers: Mapping[str, T | NoAnswerError] | NoAnswerError) -> dict[str, T] | None:
    """The answers of all projects, or None."""
    if isinstance(answers, NoAnswerError):
        return None
    complete = answered(answers)
    return complete if len(complete) == len(answers) else None


def launchers(probe: Probe) -> dict[str, tuple[LauncherFile, ...] | NoAnswerError]:
    files = probe.ask(project_files)
    return {project: attempt(partial(stored_launchers, files[project])) for project in files}


def pauses(probe: Probe) -> dict[str, dict[str, Pause] | NoAnswerError]:
    """The pauses of each project, by cluster."""
    files, now = probe.ask(project_files), probe.screen.system.clock.now()
    return {project: attempt(partial(read_pauses, files[project], now)) for project in files}


def reports(probe: Probe) -> dict[str, HeadReport]:
    """The readable head reports by cluster, however old."""
    clusters = probe.ask(desired).clusters
    answers = {c.name: read_report(probe.connection.files(c.project), c.name) for c in clusters}
    return {name: report for name, report in answers.items() if report is not None}
