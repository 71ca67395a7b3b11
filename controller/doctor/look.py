"""What a check-up finds out from CML, step by step: what cannot be had is noted, and on it goes.

The opposite of `open_session`, which ends at the first thing that is not well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from controller.cml.inspector import Inspector, WholeList
from controller.core.model.lease import Lease
from controller.core.model.observed import HeadReport, LauncherFile, ObservedProject, Pause
from controller.core.model.project import Amounts, ProjectSeen, Quota
from controller.doctor.checks import connection as judge
from controller.doctor.checks.files import (
    has_interpreter,
    last_lines,
    probe,
    watch_lease,
    within_home,
)
from controller.doctor.checks.system import look_at_git, look_at_settings, look_at_specs
from controller.doctor.probe import Line, attempt, connected, unless
from controller.doctor.state import Facts, LeaseSeen, Probe, Unread, wanted
from controller.files.launchers import stored_launchers
from controller.files.pauses import read_pauses
from controller.files.port import FilesError, ProjectFiles
from controller.files.reports import parse_report, report_path
from controller.node import render
from controller.terminal.screen import Screen

PINGS = 5
_NOT_YET = Unread("it was not asked for")
_READ_ONLY = Unread("--read-only: nothing was written")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked of the check-up."""

    paths: list[Path] | None
    local: bool
    ca_cert: Path | None
    read_only: bool
    logs: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The facts, and what only an archive for support wants besides."""

    facts: Facts
    raw: Mapping[str, tuple[Mapping[str, object], ...]] = field(default_factory=dict)
    logs: Mapping[str, str] = field(default_factory=dict)
    url: Callable[[str], str] = field(default=lambda subdomain: subdomain)


def look(screen: Screen, asked: Asked) -> Found:
    """Everything that can be found out."""
    facts = _offline(screen, asked)
    with connected(screen, local=asked.local, ca_cert=asked.ca_cert) as line:
        if isinstance(line, Unread):
            return Found(replace(facts, host=line))
        return _online(screen, asked, line, facts)


def _offline(screen: Screen, asked: Asked) -> Facts:
    machine = screen.machine
    settings, problems = look_at_settings(machine.environ)
    specs, whole = look_at_specs(asked.paths)
    no_connection = Unread("there is no connection")
    return Facts(
        as_of=machine.clock.now(),
        policy=settings.policy(machine.environ.get("RAYCML_OWNER") or "", render.edition()),
        settings=problems,
        specs=specs,
        whole=whole,
        git=look_at_git(machine.environ),
        host=no_connection,
        samples=(),
        specification=no_connection,
        key=no_connection,
        projects={None: no_connection},
        applications={"": no_connection},
        open_to_all=frozenset(),
        runtimes=no_connection,
        quota=no_connection,
        node=no_connection,
        gpu_of_one=no_connection,
        probe=no_connection,
        interpreters={},
        lease=no_connection,
        reports={},
        launchers={"": no_connection},
        pauses={"": no_connection},
    )


def _online(screen: Screen, asked: Asked, line: Line, facts: Facts) -> Found:
    facts, obstacle = _reach(line, facts)
    facts = _projects(line, facts, obstacle)
    lists = _lists(line, facts)
    facts = replace(
        facts,
        applications=_seen(lists) or {"": obstacle or _NOT_YET},
        open_to_all=frozenset().union(*(one.open_to_all for one in _read(lists).values())),
    )
    facts = _offers(line, facts, obstacle)
    facts = _stored(screen, asked, line, facts, obstacle)
    logs = _logs(line, facts) if asked.logs else {}
    raw = {project: one.raw for project, one in _read(lists).items()}
    as_of, samples = line.clock.now(), tuple(line.samples)
    facts = replace(facts, as_of=as_of, samples=samples)
    return Found(facts, raw, logs, line.inspector.application_url)


def _reach(line: Line, facts: Facts) -> tuple[Facts, Unread | None]:
    """The way itself; and why nothing beyond it can be asked, if so."""
    host = line.inspector.address.authority
    specification = attempt(line.inspector.describe)
    for _ in range(PINGS):
        found = attempt(line.inspector.ping)
        if isinstance(found, Unread) and found.kind in ("Unavailable", "Throttled"):
            break
    obstacle = judge.obstacle(judge.reach(host, line.samples, specification))
    key = unless(obstacle, line.inspector.key_user)
    obstacle = obstacle or judge.obstacle(judge.admission(key, line.samples))
    return replace(facts, host=host, specification=specification, key=key), obstacle


def _projects(line: Line, facts: Facts, obstacle: Unread | None) -> Facts:
    named: set[str | None] = {None}
    if not isinstance(facts.specs, Unread):
        named |= {holder.cluster.spec.project for holder in facts.specs.clusters}
    found: dict[str | None, ProjectSeen | Unread] = {
        name: unless(obstacle, partial(_project, line, name))
        for name in sorted(named, key=lambda name: name or "")
    }
    home = found[None]
    owner = line.where.owner or ("" if isinstance(home, Unread) else home.id)
    return replace(facts, projects=found, policy=replace(facts.policy, owner=owner))


def _project(line: Line, named: str | None) -> ProjectSeen:
    return line.inspector.inspect_project(named or line.where.project)


def _ids(facts: Facts) -> list[str]:
    return sorted({one.id for one in facts.projects.values() if not isinstance(one, Unread)})


def _lists(line: Line, facts: Facts) -> dict[str, WholeList | Unread]:
    return {p: attempt(partial(line.inspector.whole_list, p)) for p in _ids(facts)}


def _read(lists: Mapping[str, WholeList | Unread]) -> dict[str, WholeList]:
    return {p: one for p, one in lists.items() if not isinstance(one, Unread)}


def _seen(lists: Mapping[str, WholeList | Unread]) -> dict[str, ObservedProject | Unread]:
    return {p: one if isinstance(one, Unread) else one.seen for p, one in lists.items()}


def _offers(line: Line, facts: Facts, obstacle: Unread | None) -> Facts:
    """What the workspace offers: runtimes, quota, nodes."""
    inspector, user = line.inspector, facts.key if isinstance(facts.key, str) else ""
    node = unless(obstacle, inspector.largest_node)
    gpu = unless(obstacle, inspector.gpus_of_one)
    return replace(
        facts,
        runtimes=unless(obstacle, lambda: _runtimes(inspector)),
        quota=unless(obstacle, lambda: _quota(inspector, user)),
        node=node,
        gpu_of_one=Unread("CML has no labels for GPUs") if gpu is None else gpu,
    )


def _runtimes(inspector: Inspector) -> dict[str, str]:
    return {one.identifier: one.status for one in inspector.list_runtimes()}


def _quota(inspector: Inspector, user: str) -> Quota:
    return inspector.quota(user) or Quota(Amounts(), Amounts())


def _stored(
    screen: Screen, asked: Asked, line: Line, facts: Facts, obstacle: Unread | None
) -> Facts:
    """What lies in the projects' files, and whether anything can be written there."""
    ids = _ids(facts)
    if not ids:
        home = facts.projects[None]
        why = obstacle or (home if isinstance(home, Unread) else Unread("no project is known"))
        return replace(facts, probe=why, lease=why, launchers={"": why}, pauses={"": why})
    files = {project: line.files(project) for project in ids}
    return replace(
        facts,
        probe=_READ_ONLY if asked.read_only else _probe(screen, line, files),
        lease=_lease(screen, line, facts),
        interpreters=_interpreters(line, facts),
        reports=_reports(line, facts),
        launchers={p: _launchers(files[p]) for p in ids},
        pauses={p: _pauses(files[p], facts) for p in ids},
    )


def _probe(screen: Screen, line: Line, files: Mapping[str, ProjectFiles]) -> Probe:
    """In each project; the first that fails is told of."""
    name = f"{screen.machine.rng.getrandbits(48):012x}"
    found = [probe(f, name, atomic=line.home(p) is not None) for p, f in files.items()]
    return next((one for one in found if one.problem), found[0])


def _lease(screen: Screen, line: Line, facts: Facts) -> LeaseSeen | Unread:
    home, owner = facts.projects[None], facts.policy.owner
    if isinstance(home, Unread):
        return home

    def waiting(held: Lease) -> None:
        screen.say(f"{held.who} holds the lease; watching up to {held.duration_s:.0f} s for life")

    return attempt(lambda: watch_lease(line.files(home.id), owner, line.clock, waiting))


def _launchers(files: ProjectFiles) -> tuple[LauncherFile, ...] | Unread:
    return attempt(lambda: stored_launchers(files))


def _pauses(files: ProjectFiles, facts: Facts) -> Mapping[str, Pause] | Unread:
    return attempt(lambda: read_pauses(files, facts.as_of))


def _interpreters(line: Line, facts: Facts) -> dict[tuple[str, str], bool | Unread]:
    found: dict[tuple[str, str], bool | Unread] = {}
    for cluster in wanted(facts).clusters:
        place = (cluster.project, cluster.groups[0].inputs.python)
        inside = within_home(place[1])
        if inside is not None and place not in found:
            found[place] = _interpreter(line, place[0], inside)
    return found


def _interpreter(line: Line, project: str, path: str) -> bool | Unread:
    return attempt(lambda: has_interpreter(line.files(project), path, line.home(project)))


def _reports(line: Line, facts: Facts) -> dict[str, HeadReport]:
    """Also old ones; a report that cannot be read is none."""
    found = {}
    for cluster in wanted(facts).clusters:
        report = _report(line.files(cluster.project), cluster.name)
        if report is not None:
            found[cluster.name] = report
    return found


def _report(files: ProjectFiles, cluster: str) -> HeadReport | None:
    try:
        data = files.read(report_path(cluster))
    except FilesError:
        return None
    return None if data is None else parse_report(data, cluster).report


def _logs(line: Line, facts: Facts) -> dict[str, str]:
    found: dict[str, str] = {}
    for project in _ids(facts):
        found |= {f"{project}/{path}": text for path, text in last_lines(line.files(project))}
    return found
