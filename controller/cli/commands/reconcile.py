"""`raycml reconcile`: passes until the clusters are in sync with their specs."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from controller.cli.output.documents import ReconcileJson, StatusReportJson
from controller.core.model.history import History
from controller.core.model.json_object import extended
from controller.core.model.orders import Order
from controller.core.model.policy import EVERY, Policy
from controller.core.spec.revision import Revision
from controller.core.spec.text import spoken
from controller.core.status.documents import status_json
from controller.core.status.goal import Goal, Verdict
from controller.guards.protection import check_recorded
from controller.guards.pruning import agree, to_prune
from controller.process.interrupts import Interrupts
from controller.reconcile import look_and_plan
from controller.run.convergence import Convergence, Drive
from controller.run.diagnosis import explain
from controller.run.orders.delegation import exit_of, lead_or_order
from controller.terminal.advice import with_paths
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.exit_codes import Exit
from controller.terminal.options import (
    AllowPrune,
    Form,
    Now,
    Output,
    Paths,
    Prune,
    Refresh,
    Yes,
    timeout_option,
)
from controller.terminal.plan_table import members_away
from controller.terminal.progress import showing
from controller.terminal.screen import Screen
from controller.terminal.specs import check_whole, heading, label, load, local_notices, scope
from controller.terminal.status_text import members_text
from controller.workspace.session import Session, open_session


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
Timeout = Annotated[float, timeout_option("Timeout: 90s, 15m or 1h30m.")]
Once = Annotated[
    bool, typer.Option("--once", help="Run a single pass; exit with code 5 if more are needed.")
]


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
    now: Now = False,
    output: Output = Form.TEXT,
) -> Exit:
    """Example: raycml reconcile specs/ --wait-for ready --timeout 15m

    Create, update, restart, stop and delete applications until all clusters match their specs.
    """
    screen = common.screen
    if prune:
        check_whole(paths, "--prune", "raycml reconcile {} --prune")
    revision, goal = load(paths), Goal(wait_for.value)
    with open_session(common) as session:
        only = scope(paths, revision)
        hurried = EVERY if now else frozenset()
        policy = replace(
            session.policy, only=only, refresh_launchers=refresh_launchers, now=hurried
        )
        if prune:
            policy = replace(policy, prune=True, allow_prune=allow_prune)
            policy = _agreed(screen, session, revision, policy, yes=yes)
        started = session.clock.monotonic()
        screen.say(heading(revision), *local_notices(common, revision))
        command = with_paths("raycml reconcile", paths)
        with driving(screen, session, revision, policy, command) as drive:
            end = drive.once(goal, timeout) if once else drive.until(goal, timeout)
        code, took_s = exit_code(end), session.clock.monotonic() - started
        if output is Form.JSON:
            result = ReconcileJson(
                revision=label(revision),
                wait_for=goal.value,
                verdict=end.verdict.value,
                exit_code=int(code),
                passes=end.passes,
                took_s=round(took_s, 3),
            )
            base = status_json(end.last.status, session.client.application_url)
            screen.document(extended(StatusReportJson, base, reconcile=result))
        else:
            screen.data(members_text(end.last.status.clusters, end.last.status.as_of))
            screen.data("\n".join(_urls(end, session)))
        _conclude(screen, session, end, code, took_s)
        return code


def _agreed(
    screen: Screen, session: Session, revision: Revision, policy: Policy, *, yes: bool
) -> Policy:
    """The policy that deletes the confirmed clusters, by name."""
    done = look_and_plan(revision, session.world, History(), policy)
    names = to_prune(done)
    check_recorded(session, sorted(names), loses=True)
    agree(screen, names, members_away(done.plan), yes=yes)
    return replace(policy, prune=False, allow_prune=0, delete=names)


@contextmanager
def driving(
    screen: Screen, session: Session, revision: Revision, policy: Policy, command: str
) -> Iterator[Drive]:
    """Passes with progress on the screen, until a signal.  `command` continues afterwards."""
    stops = Interrupts(session.client.limit, screen.system.ending)
    with stops as interrupts, showing(screen, session.clock) as progress:
        yield Drive(session, revision, policy, interrupts, progress, command=command)


def carry_out(
    screen: Screen, session: Session, order: Order, passes: AbstractContextManager[Drive]
) -> tuple[Exit, Sequence[str]]:
    """Carry out an order by these passes, or by the leading controller.

    The exit code, and the reasons if it is not done.  Raises as `lead_or_order` does.
    """
    ends = session.clock.monotonic() + order.timeout_s
    answer = lead_or_order(session, order, screen.say)
    if answer is not None:
        return exit_of(answer), [answer.message]
    left_s = max(ends - session.clock.monotonic(), 0.0)
    with passes as drive:
        end = drive.until(Goal.READY, left_s)
    code = exit_code(end)
    return code, [] if code is Exit.DONE else [*explain(end, session)]


def exit_code(end: Convergence) -> Exit:
    """The exit code for the end of a loop."""
    if end.last.plan.refusals:
        return Exit.REFUSED
    return Exit.DONE if end.verdict is Verdict.REACHED else Exit.NOT_CONVERGED


def _urls(end: Convergence, session: Session) -> list[str]:
    url, status = session.client.application_url, end.last.status
    clusters = (status.cluster(cluster.name) for cluster in end.last.desired.clusters)
    return [f"{cluster.name}  {url(cluster.head)}" for cluster in clusters if cluster is not None]


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
