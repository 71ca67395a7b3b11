"""`raycml status`: how clusters are, found out by reading only."""

from dataclasses import replace
from typing import Annotated

import typer

from controller.cli.compose import Session, open_session, with_permissions
from controller.cli.exit_codes import Exit
from controller.cli.failure import CommandError
from controller.cli.options import CaCert, Form, Local, NoColor, Output, Project, Specs, Verbose
from controller.cli.screen import Screen
from controller.cli.show_status import cluster_text, status_text
from controller.cli.specs import NO_SPECS, load_if_there
from controller.core.closest import did_you_mean
from controller.core.documents import status_json
from controller.core.history import History
from controller.core.lease import Lease
from controller.core.status import Status
from controller.files.port import FilesError
from controller.reconcile import look_and_plan

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="One cluster, in detail.  Default: all", show_default=False
    ),
]


def status(  # noqa: PLR0913 - the options of one command
    ctx: typer.Context,
    name: Name = None,
    *,
    specs: Specs = None,
    project: Project = None,
    output: Output = Form.TEXT,
    local: Local = False,
    ca_cert: CaCert = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> Exit:
    """Example: raycml status analytics

    Show how clusters are: conditions, members, what they wait for, addresses.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=verbose)
    revision = load_if_there(specs)
    if revision is None:
        screen.say("no specs/ here: shows what exists, not what ought to (see --specs)")
    with open_session(screen, local=local, ca_cert=ca_cert, project=project) as session:
        policy = with_permissions(session.policy)
        found = look_and_plan(revision or NO_SPECS, session.world, History(), policy).status
        _show(screen, session, found if name is None else _one(found, name), name, output)
    return Exit.DONE


def _one(status: Status, name: str) -> Status:
    chosen = status.cluster(name)
    if chosen is None:
        known = [cluster.name for cluster in status.clusters]
        hint = did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}"
        raise CommandError(f"no cluster `{name[:60]}`; {hint}", Exit.USAGE, "`raycml status`")
    return replace(status, clusters=(chosen,))


def _show(screen: Screen, session: Session, status: Status, name: str | None, form: Form) -> None:
    url = session.client.application_url
    lease = _lease(session)
    if form is Form.JSON:
        told = {"who": lease.who, "since": lease.since, "epoch": lease.epoch} if lease else None
        screen.document({**status_json(status, url), "lease": told})
    elif name is None:
        screen.data(status_text(status))
    else:
        screen.data(cluster_text(status.clusters[0], status.as_of, url))
    if lease is not None:
        screen.say(f"{lease.who} holds the lease since {lease.since}")


def _lease(session: Session) -> Lease | None:
    """Who writes at present; None when nobody does, or when that cannot be read."""
    try:
        lease = session.lease.read()
    except FilesError:
        return None
    return None if lease is None or lease.released else lease
