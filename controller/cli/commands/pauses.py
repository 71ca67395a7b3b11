"""`raycml pause` and `unpause`: pausing the reconciliation of a cluster.

A pause is a file in the project with user, reason and end.  Every controller obeys it, and it
outlives each of them.
"""

from collections.abc import Sequence
from typing import Annotated

import typer

from controller.core.model.observed import Pause, is_ours, key_of
from controller.core.spec.revision import SpecDocument
from controller.files.document import render
from controller.files.pauses import parse_pause, pause_path
from controller.printable import one_line
from controller.process.operator import checked_reason, operator_name
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.durations import parse_until
from controller.terminal.errors import CommandError, checking_options
from controller.terminal.exit_codes import Exit
from controller.terminal.options import ClusterName, Project, Specs, option
from controller.terminal.specs import check_cluster, load_if_there, project_of, spec_of
from controller.workspace.session import Session, open_session

Why = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Reason, shown to other users.")]
Until = Annotated[
    str | None,
    option(
        "--until", "TIME|DURATION", "End of the pause: 2h, or 2026-03-02T18:00Z.  Default: none"
    ),
]


@with_common_options
def pause(
    common: CommonOptions,
    name: ClusterName,
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
    with checking_options("`--until 2h`"):
        ends = None if until is None else parse_until(until, now)
    with checking_options('`--reason "planned maintenance"`'):
        why = checked_reason(reason)
    documents = load_if_there(specs).clusters
    where = project or project_of(spec_of(name, documents))
    with open_session(common, project=where) as session:
        _check_cluster(name, session, documents)
        body = Pause(name, why, operator_name(screen.system.environ), now, ends)
        session.files(session.project).replace(pause_path(name), render(body))
    until_text = "until resumed" if ends is None else f"until {ends:%Y-%m-%d %H:%M} UTC"
    screen.data(f"{name}  paused {until_text}")
    screen.say(f"to resume: raycml unpause {name}")
    return Exit.DONE


@with_common_options
def unpause(
    common: CommonOptions, name: ClusterName, *, project: Project = None, specs: Specs = None
) -> Exit:
    """Example: raycml unpause analytics

    Resume the reconciliation of a cluster.  Does not change `paused` in a spec.
    """
    screen = common.screen
    documents = load_if_there(specs).clusters
    document = spec_of(name, documents)
    with open_session(common, project=project or project_of(document)) as session:
        files, path = session.files(session.project), _path(name)
        data = files.read(path)
        if data is None:
            _check_cluster(name, session, documents)
            screen.data(f"{name}  was not paused")
        else:
            was = parse_pause(data, name, session.clock.now())
            files.remove(path)
            screen.data(f"{name}  resumed (was paused by {was.by}: {was.reason})")
    if document is not None and document.cluster.spec.paused:
        screen.say(f"{name} stays paused: its spec has `paused: true`")
    return Exit.DONE


def _path(name: str) -> str:
    """The path of the pause.  CommandError for an invalid cluster name, since it becomes a path."""
    if not name or not all(c.isascii() and (c.isalnum() or c == "-") for c in name):
        raise CommandError(
            f"`{one_line(name[:60])}` is not a cluster name", Exit.USAGE, "`raycml status`"
        )
    return pause_path(name)


def _check_cluster(name: str, session: Session, documents: Sequence[SpecDocument]) -> None:
    """CommandError for an unknown cluster: the pause of a misspelt name would have no effect."""
    apps = session.client.list_applications(session.project).applications
    managed = {key_of(app).cluster for app in apps if is_ours(app, session.owner)}
    check_cluster(name, managed | {document.cluster.name for document in documents})
