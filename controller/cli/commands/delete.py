"""`raycml delete`: permanent deletion of clusters, by their owner marks; no spec is needed.

Prints a warning if a spec would recreate the cluster.  A spec that protects or pauses the cluster
prevents its deletion.
"""

from collections.abc import Sequence
from typing import Annotated

import typer

from controller.cli.commands.reconcile import exit_code
from controller.core.model.history import History
from controller.core.model.observed import key_of
from controller.core.model.orders import OrderKind
from controller.core.model.plan import Plan
from controller.core.model.policy import Policy
from controller.core.spec.revision import SpecDocument
from controller.core.spec.text import spoken
from controller.core.status.goal import Goal
from controller.core.status.text import no_cluster
from controller.guards.pauses import check_pauses
from controller.guards.protection import check_recorded, check_specs
from controller.guards.pruning import agree
from controller.process.interrupts import Interrupts
from controller.reconcile import Pass, look_and_plan
from controller.run.convergence import Drive
from controller.run.diagnosis import explain
from controller.run.loop import Convergence
from controller.run.orders.delegation import exit_of, lead_or_order, new_order
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Project, Specs, Yes, cluster_names, duration
from controller.terminal.plan_table import members_away
from controller.terminal.progress import showing
from controller.terminal.screen import Screen
from controller.terminal.specs import NO_SPECS, load_if_there
from controller.workspace.session import Session, open_session, with_permissions

Names = Annotated[list[str], typer.Argument(metavar="NAME", help="Clusters.")]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=duration,
        help="Timeout for the deletion.",
    ),
]


@with_common_options
def delete(
    common: CommonOptions,
    names: Names,
    *,
    yes: Yes = False,
    timeout: Timeout = "10m",  # type: ignore[assignment]  # its parser makes it seconds
    project: Project = None,
    specs: Specs = None,
) -> Exit:
    """Example: raycml delete analytics --yes

    Permanently delete clusters, and wait until their applications are deleted.
    """
    screen = common.screen
    chosen = cluster_names(names)
    held = _holders(chosen, specs)
    check_specs(held, loses=True)
    where = project or _project_of(held)
    with open_session(common, project=where) as session:
        check_recorded(session, chosen, loses=True)
        wanted = frozenset(chosen)
        policy = with_permissions(session.policy, only=wanted, delete=wanted)
        seen = look_and_plan(NO_SPECS, session.world, History(), policy)
        _check_known(chosen, seen, policy)
        check_pauses(set(chosen), seen)
        agree(screen, wanted, members_away(seen.plan), yes=yes)
        started = session.clock.monotonic()
        order = new_order(session, screen.system, OrderKind.DELETE, tuple(chosen), timeout)
        answer = lead_or_order(session, order, screen.say)
        if answer is None:
            left_s = max(started + timeout - session.clock.monotonic(), 0.0)
            end = _carry_out(screen, session, policy, left_s)
            code = exit_code(end)
            why = [] if code is Exit.DONE else [*explain(end, session)]
        else:
            code, why = exit_of(answer), [answer.message]
        _conclude(screen, code, why, chosen, held)
        if code is Exit.DONE:
            screen.say(f"deleted in {spoken(session.clock.monotonic() - started)}")
        return code


def _holders(names: list[str], specs: Specs) -> list[SpecDocument]:
    revision = load_if_there(specs)
    found = () if revision is None else revision.clusters
    return [holder for holder in found if holder.cluster.name in names]


def _project_of(held: list[SpecDocument]) -> str | None:
    """The project in the specs, if they agree; None for the connection's project."""
    named = {holder.cluster.spec.project for holder in held}
    if len(named) > 1:
        raise CommandError(
            "the clusters are in several projects", Exit.USAGE, "run `raycml delete` once for each"
        )
    return next(iter(named), None)


def _check_known(names: list[str], seen: Pass, policy: Policy) -> None:
    """CommandError for a name without an application and without a leftover launcher."""
    ours = {key_of(app).cluster for app in seen.observed.owned(policy.owner)}
    known = ours | _left(seen.plan)
    for name in names:
        if name not in known:
            message = no_cluster(name, ours, "no managed cluster")
            raise CommandError(message, Exit.USAGE, "`raycml status`")


def _left(plan: Plan) -> set[str]:
    return {step.cluster for step in plan.steps}


def _carry_out(screen: Screen, session: Session, policy: Policy, timeout_s: float) -> Convergence:
    stops = Interrupts(session.client.limit, screen.system.ending)
    with stops as interrupts, showing(screen, session.clock) as progress:
        drive = Drive(session, NO_SPECS, policy, interrupts, progress)
        drive.command = f"raycml delete {' '.join(sorted(policy.delete))}"
        return drive.until(Goal.READY, timeout_s)


def _conclude(
    screen: Screen, code: Exit, why: Sequence[str], names: list[str], held: list[SpecDocument]
) -> None:
    if code is Exit.DONE:
        screen.data("\n".join(f"{name}  deleted" for name in names))
    else:
        screen.say(f"not deleted yet: {', '.join(names)}", *why)
    for holder in held:
        again = f"{holder.cluster.name} is still declared in {holder.place}"
        screen.say(f"{again}: the next reconcile will recreate it; remove that spec")
