"""`raycml plan`: the changes that `reconcile` would make."""

from typing import Annotated

import typer

from controller.core.model.history import History
from controller.core.status.documents import plan_json
from controller.guards.pruning import check_whole, with_prune
from controller.reconcile import look_and_plan
from controller.telemetry import pass_line
from controller.terminal.exit_codes import Exit
from controller.terminal.options import (
    AllowPrune,
    CaCert,
    Form,
    Local,
    NoColor,
    Output,
    Paths,
    Prune,
    Refresh,
    Verbose,
)
from controller.terminal.plan_table import is_pending, plan_text
from controller.terminal.screen import Screen
from controller.terminal.specs import heading, label, load, scope
from controller.workspace.session import open_session, with_permissions

ExitCode = Annotated[
    bool, typer.Option("--exit-code", help="Exit with code 2 if there are changes.")
]


def plan(  # noqa: PLR0913 - the options of one command
    ctx: typer.Context,
    paths: Paths = None,
    *,
    exit_code: ExitCode = False,
    prune: Prune = False,
    allow_prune: AllowPrune = 0,
    refresh_launchers: Refresh = False,
    output: Output = Form.TEXT,
    local: Local = False,
    ca_cert: CaCert = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> Exit:
    """Example: raycml plan specs/ --exit-code

    Show the changes that `reconcile` would make, with their reasons.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=verbose)
    check_whole(paths, prune=prune)
    revision = load(paths)
    with open_session(screen, local=local, ca_cert=ca_cert) as session:
        only = scope(paths, revision)
        policy = with_permissions(session.policy, only=only, refresh_launchers=refresh_launchers)
        policy = with_prune(policy, prune=prune, allow_prune=allow_prune)
        started = session.clock.monotonic()
        found = look_and_plan(revision, session.world, History(), policy)
        session.log.info("pass", **pass_line(found, session.clock.monotonic() - started))
    if output is Form.JSON:
        screen.document(plan_json(found.plan, label(revision)))
    else:
        screen.data(f"{heading(revision)}\n{plan_text(found.plan, verbose=verbose)}")
    if found.plan.refusals:
        return Exit.REFUSED
    return Exit.PENDING if exit_code and is_pending(found.plan) else Exit.DONE
