"""`raycml retire`: replacement of a worker by another one.

The worker's Ray node finishes its work, its application is deleted, and a new member takes its
place, as after an edit of `scaleStrategy.workersToDelete`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from controller.cli.commands.reconcile import carry_out, driving
from controller.core.model.history import History
from controller.core.model.member import Member, parse_member
from controller.core.model.orders import OrderKind
from controller.core.spec.text import spoken
from controller.guards.pauses import check_pauses
from controller.guards.protection import check_recorded, check_specs
from controller.reconcile import Pass, look_and_plan
from controller.run.orders.delegation import new_order
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import ClusterName, Now, Specs, timeout_option
from controller.terminal.specs import check_cluster, load, project_of, spec_of
from controller.workspace.session import open_session

Names = Annotated[
    list[str], typer.Argument(metavar="MEMBER...", help="Workers, as `raycml status` shows them.")
]
Timeout = Annotated[float, timeout_option("Timeout for the replacement.")]


@with_common_options
def retire(
    common: CommonOptions,
    name: ClusterName,
    members: Names,
    *,
    now: Now = False,
    timeout: Timeout = "15m",  # type: ignore[assignment]  # its parser makes it seconds
    specs: Specs = None,
) -> Exit:
    """Example: raycml retire analytics gpu/2

    Let workers finish their work, delete them, and start others in their places.
    """
    screen = common.screen
    workers = _workers(members)
    revision = load(specs)
    check_cluster(name, [d.cluster.name for d in revision.clusters], "no spec of a cluster")
    document = spec_of(name, revision.clusters)
    check_specs([document] if document else [], loses=True)
    with open_session(common, project=project_of(document)) as session:
        check_recorded(session, [name], loses=True)
        only = frozenset({name})
        base = replace(
            session.policy, only=only, look_at_pauses=True, now=only if now else frozenset()
        )
        done = look_and_plan(revision, session.world, History(), base)
        check_pauses({name}, done)
        pairs = _pairs(done, name, workers)
        retired = frozenset(application for _, application in pairs)
        names = ", ".join(member for member, _ in pairs)
        started = session.clock.monotonic()
        order = new_order(
            session, screen.system, OrderKind.RETIRE, (name,), timeout, pairs=pairs, now=now
        )
        command = f"raycml retire {name} {' '.join(map(str, workers))}"
        passes = driving(screen, session, revision, replace(base, retired=retired), command)
        code, why = carry_out(screen, session, order, passes)
        if code is Exit.DONE:
            screen.data("\n".join(f"{name} {member}  retired" for member, _ in pairs))
            screen.say(f"retired in {spoken(session.clock.monotonic() - started)}")
        else:
            screen.say(f"not retired yet: {names}", *why)
        return code


def _workers(names: Sequence[str]) -> list[Member]:
    """The members.  CommandError for the head and for anything that is no member."""
    workers = []
    for name in dict.fromkeys(names):
        member = parse_member(name)
        if member is None or member.is_head:
            message = "the head cannot be retired" if member else f"`{name}` is not a worker"
            raise CommandError(message, Exit.USAGE, "name workers such as gpu/2: `raycml status`")
        workers.append(member)
    return workers


def _pairs(done: Pass, cluster: str, workers: Sequence[Member]) -> tuple[tuple[str, str], ...]:
    """Each member with the id of its application.  CommandError for one without."""
    matches = [m for c in done.situation.clusters if c.desired.name == cluster for m in c.members]
    applications = {m.key.member: m.app for m in matches if m.app is not None}
    for worker in workers:
        if worker not in applications:
            known = ", ".join(str(m) for m in applications if not m.is_head) or "none"
            message = f"{cluster} has no application of {worker}; its workers: {known}"
            raise CommandError(message, Exit.USAGE, "`raycml status`")
    return tuple((str(worker), applications[worker].id) for worker in workers)
