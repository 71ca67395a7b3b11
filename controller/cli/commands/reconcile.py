"""`raycml reconcile`: passes until the clusters are in sync with their specs."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

import typer

from controller.cli.output.documents import ReconcileJson, StatusReportJson
from controller.core.model.history import History
from controller.core.model.json_object import extended
from controller.core.model.policy import Policy
from controller.core.spec.revision import Revision
from controller.core.spec.text import spoken
from controller.core.status.documents import status_json
from controller.core.status.goal import Goal, Verdict
from controller.guards.protection import check_recorded
from controller.guards.pruning import agree, check_whole, to_prune, with_prune
from controller.process.interrupts import Interrupts
from controller.reconcile import look_and_plan
from controller.run.convergence import Drive
from controller.run.diagnosis import explain
from controller.run.loop import Convergence
from controller.terminal.advice import with_paths
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.exit_codes import Exit
from controller.terminal.options import (
    AllowPrune,
    Form,
    Output,
    Paths,
    Prune,
    Refresh,
    Yes,
    duration,
)
from controller.terminal.plan_table import members_away
from controller.terminal.progress import showing
from controller.terminal.screen import Screen
from controller.terminal.specs import heading, label, load, scope
from controller.terminal.status_text import members_text
from controller.workspace.session import Session, open_session, with_permissions


class WaitFor(StrEnum):
    """Goals: no step left; all members RUNNING in CML; all nodes joined in Ray."""

    APPLIED = "applied"
    RUNNING = "running"
    READY = "ready"


Until = Annotated[
    WaitFor,
    typer.Option(
        "--wait-for",
        help="applied: no changes left; running: all members run; ready: all nodes joined Ray.",
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=duration,
        help="Timeout: 90s, 15m or 1h30m.",
    ),
]
Once = Annotated[
    bool, typer.Option("--once", help="Run a single pass; exit with code 5 if more are needed.")
]


@dataclass(frozen=True, slots=True)
class ReconcileRequest:
    """The options of one call."""

    revision: Revision
    policy: Policy
    goal: Goal
    timeout_s: float
    once: bool
    command: str


@with_common_options
def reconcile(  # noqa: PLR0913 - the options of one command
    common: CommonOptions,
    paths: Paths = None,
    *,
    wait_for: Until = WaitFor.READY,
    timeout: Timeout = "15m",  # type: ignore[assignment]  # its parser makes it seconds
    once: Once = False,
    prune: Prune = False,
    allow_prune: AllowPrune = 0,
    yes: Yes = False,
    refresh_launchers: Refresh = False,
    output: Output = Form.TEXT,
) -> Exit:
    """Example: raycml reconcile specs/ --wait-for ready --timeout 15m

    Create, update, restart, stop and delete applications until all clusters match their specs.
    """
    screen = common.screen
    check_whole(paths, prune=prune)
    revision = load(paths)
    with open_session(common) as session:
        only = scope(paths, revision)
        policy = with_permissions(session.policy, only=only, refresh_launchers=refresh_launchers)
        if prune:
            asked = with_prune(policy, prune=True, allow_prune=allow_prune)
            policy = _agreed(screen, session, revision, asked, yes=yes)
        command = with_paths("raycml reconcile", paths)
        order = ReconcileRequest(revision, policy, Goal(wait_for.value), timeout, once, command)
        return _carry_out(screen, session, order, output)


def _agreed(
    screen: Screen, session: Session, revision: Revision, asked: Policy, *, yes: bool
) -> Policy:
    """The policy that deletes the confirmed clusters, by name."""
    seen = look_and_plan(revision, session.world, History(), asked)
    names = to_prune(seen)
    check_recorded(session, sorted(names), loses=True)
    agree(screen, names, members_away(seen.plan), yes=yes)
    return replace(asked, prune=False, allow_prune=0, delete=names)


def _carry_out(screen: Screen, session: Session, order: ReconcileRequest, output: Form) -> Exit:
    clock = session.clock
    started = clock.monotonic()
    screen.say(heading(order.revision))
    stops = Interrupts(session.client.limit, screen.system.ending)
    with stops as interrupts, showing(screen, clock) as progress:
        drive = Drive(session, order.revision, order.policy, interrupts, progress)
        drive.command = order.command
        end = (
            drive.once(order.goal, order.timeout_s)
            if order.once
            else drive.until(order.goal, order.timeout_s)
        )
    code = exit_code(end)
    took_s = clock.monotonic() - started
    if output is Form.JSON:
        screen.document(_document(end, session, order, took_s, code))
    else:
        screen.data(members_text(end.last.status.clusters, end.last.status.as_of))
        screen.data("\n".join(_urls(end, session)))
    _conclude(screen, session, end, code, took_s)
    return code


def exit_code(end: Convergence) -> Exit:
    """The exit code for the end of a loop."""
    if end.last.plan.refusals:
        return Exit.REFUSED
    return Exit.DONE if end.verdict is Verdict.REACHED else Exit.NOT_CONVERGED


def _urls(end: Convergence, session: Session) -> list[str]:
    url, status = session.client.application_url, end.last.status
    held = (status.cluster(cluster.name) for cluster in end.last.desired.clusters)
    return [f"{cluster.name}  {url(cluster.head)}" for cluster in held if cluster is not None]


def _conclude(
    screen: Screen, session: Session, end: Convergence, code: Exit, took_s: float
) -> None:
    took, passes = spoken(took_s), f"{end.passes} pass{'' if end.passes == 1 else 'es'}"
    if code is Exit.DONE:
        screen.say(f"converged in {took} ({passes})")
        return
    ends = {
        Verdict.PERSON: "blocked: manual action needed",
        Verdict.MOVING: "timed out",
        Verdict.REACHED: "done",
    }
    screen.say(f"{ends[end.verdict]} after {took} ({passes})")
    screen.say(*(f"refused: it would break a law: {x}" for x in end.last.plan.refusals))
    screen.say(*explain(end, session))


def _document(
    end: Convergence, session: Session, order: ReconcileRequest, took_s: float, code: Exit
) -> StatusReportJson:
    result = ReconcileJson(
        revision=label(order.revision),
        wait_for=order.goal.value,
        verdict=end.verdict.value,
        exit_code=int(code),
        passes=end.passes,
        took_s=round(took_s, 3),
    )
    shown = status_json(end.last.status, session.client.application_url)
    return extended(StatusReportJson, shown, reconcile=result)
