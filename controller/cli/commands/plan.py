"""`raycml plan`: the changes that `reconcile` would make."""

from dataclasses import replace
from typing import Annotated

import typer

from controller.core.model.history import History
from controller.core.model.policy import EVERY
from controller.core.spec.notices import ray_notices
from controller.core.status.documents import plan_json
from controller.reconcile import look_and_plan
from controller.telemetry import pass_line
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.exit_codes import Exit
from controller.terminal.options import AllowPrune, Form, Now, Output, Paths, Prune, Refresh
from controller.terminal.plan_table import is_pending, plan_text
from controller.terminal.specs import check_whole, heading, label, load, local_notices, scope
from controller.workspace.session import open_session

ExitCode = Annotated[
    bool, typer.Option("--exit-code", help="Exit with code 2 if there are changes.")
]


@with_common_options
def plan(
    common: CommonOptions,
    paths: Paths = None,
    *,
    exit_code: ExitCode = False,
    prune: Prune = False,
    allow_prune: AllowPrune = 0,
    refresh_launchers: Refresh = False,
    now: Now = False,
    output: Output = Form.TEXT,
) -> Exit:
    """Example: raycml plan specs/ --exit-code

    Show the changes that `reconcile` would make, with their reasons.
    """
    screen = common.screen
    if prune:
        check_whole(paths, "--prune", "raycml reconcile {} --prune")
    revision = load(paths)
    with open_session(common) as session:
        only = scope(paths, revision)
        policy = replace(session.policy, only=only, refresh_launchers=refresh_launchers)
        policy = replace(policy, now=EVERY if now else frozenset())
        policy = replace(policy, prune=prune, allow_prune=allow_prune)
        started = session.clock.monotonic()
        done = look_and_plan(revision, session.world, History(), policy)
        session.log.info("pass", **pass_line(done, session.clock.monotonic() - started))
    screen.say(*ray_notices(revision), *local_notices(common, revision))
    if output is Form.JSON:
        screen.document(plan_json(done.plan, label(revision), done.status.limits))
    else:
        screen.data(f"{heading(revision)}\n{plan_text(done.plan, verbose=screen.verbose)}")
    if done.plan.refusals:
        return Exit.REFUSED
    return Exit.PENDING if exit_code and is_pending(done.plan) else Exit.DONE
