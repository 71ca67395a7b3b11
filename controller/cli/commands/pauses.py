"""`raycml pause` and `unpause`: pausing the reconciliation of a cluster.

A pause is a file in the project with user, reason and end.  Every controller obeys it, and it
outlives each of them.
"""

from datetime import datetime
from typing import Annotated

import typer

from controller.core.model.observed import Pause, is_ours, key_of
from controller.core.spec.revision import Revision
from controller.core.status.text import no_cluster
from controller.files.document import render
from controller.files.pauses import parse_pause, pause_path
from controller.printable import one_line
from controller.process.operator import checked_reason, operator_name
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.durations import parse_until
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Project, Specs
from controller.terminal.specs import load_if_there
from controller.workspace.session import Session, open_session

Name = Annotated[str, typer.Argument(metavar="NAME", help="Cluster name.")]
Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, shown to other users.")]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="TIME|DURATION",
        help="End of the pause: 2h, or 2026-03-02T18:00Z.  Default: none",
        show_default=False,
    ),
]


@with_common_options
def pause(
    common: CommonOptions,
    name: Name,
    *,
    reason: Why,
    until: Until = None,
    project: Project = None,
    specs: Specs = None,
) -> Exit:
    """Example: raycml pause analytics --reason "migration of the data" --until 2h

    Pause the reconciliation of a cluster.
    """
    screen = common.screen
    now = screen.system.clock.now()
    ends = _ends(until, now)
    words = _words(reason)
    revision = load_if_there(specs)
    where = project or _spec_project(revision, name)
    with open_session(common, project=where) as session:
        _check_known(name, session, revision)
        body = Pause(name, words, operator_name(screen.system.environ), now, ends)
        session.files(session.project).replace(pause_path(name), render(body))
    screen.data(f"{name}  paused {_until_text(ends)}")
    screen.say(f"to resume: raycml unpause {name}")
    return Exit.DONE


@with_common_options
def unpause(
    common: CommonOptions,
    name: Name,
    *,
    project: Project = None,
    specs: Specs = None,
) -> Exit:
    """Example: raycml unpause analytics

    Resume the reconciliation of a cluster.  Does not change `paused` in a spec.
    """
    screen = common.screen
    revision = load_if_there(specs)
    where = project or _spec_project(revision, name)
    with open_session(common, project=where) as session:
        files, path = session.files(session.project), _path(name)
        data = files.read(path)
        if data is None:
            _check_known(name, session, revision)
            screen.data(f"{name}  was not paused")
        else:
            was = parse_pause(data, name, session.clock.now())
            files.remove(path)
            screen.data(f"{name}  resumed (was paused by {was.by}: {was.reason})")
    if _paused_by_spec(revision, name):
        screen.say(f"{name} stays paused: its spec has `paused: true`")
    return Exit.DONE


def _path(name: str) -> str:
    """The path of the pause.  CommandError for an invalid cluster name, since it becomes a path."""
    if not name or not all(c.isascii() and (c.isalnum() or c == "-") for c in name):
        raise CommandError(
            f"`{one_line(name[:60])}` is not a cluster name", Exit.USAGE, "`raycml status`"
        )
    return pause_path(name)


def _ends(until: str | None, now: datetime) -> datetime | None:
    try:
        return None if until is None else parse_until(until, now)
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE, "`--until 2h`") from None


def _words(reason: str) -> str:
    try:
        return checked_reason(reason)
    except ValueError as error:
        remedy = '`--reason "planned maintenance"`'
        raise CommandError(str(error), Exit.USAGE, remedy) from None


def _until_text(ends: datetime | None) -> str:
    return "until resumed" if ends is None else f"until {ends:%Y-%m-%d %H:%M} UTC"


def _spec_project(revision: Revision | None, name: str) -> str | None:
    found = () if revision is None else revision.clusters
    return next((h.cluster.spec.project for h in found if h.cluster.name == name), None)


def _paused_by_spec(revision: Revision | None, name: str) -> bool:
    found = () if revision is None else revision.clusters
    return any(h.cluster.spec.paused for h in found if h.cluster.name == name)


def _check_known(name: str, session: Session, revision: Revision | None) -> None:
    """CommandError for an unknown cluster: the pause of a misspelt name would have no effect."""
    apps = session.client.list_applications(session.project).applications
    known = {key_of(app).cluster for app in apps if is_ours(app, session.owner)}
    known |= set() if revision is None else {h.cluster.name for h in revision.clusters}
    if name not in known:
        raise CommandError(no_cluster(name, known), Exit.USAGE, "`raycml status`")
