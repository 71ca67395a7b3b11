"""`raycml delete`: permanent deletion of clusters, by their owner marks; no spec is needed.

Prints a warning if a spec would recreate the cluster.  A spec that protects or pauses the cluster
prevents its deletion.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from controller.cli.commands.reconcile import carry_out, driving
from controller.core.model.history import History
from controller.core.model.observed import key_of
from controller.core.model.orders import OrderKind
from controller.core.model.policy import Policy
from controller.core.model.ray.requests import Drain
from controller.core.spec.revision import SpecDocument
from controller.core.spec.text import spoken
from controller.guards.pauses import check_pauses
from controller.guards.protection import check_recorded, check_specs
from controller.guards.pruning import agree
from controller.reconcile import Pass, look_and_plan
from controller.run.orders.delegation import new_order
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Now, Project, Specs, Yes, cluster_names, timeout_option
from controller.terminal.plan_table import members_away
from controller.terminal.screen import Screen
from controller.terminal.specs import NO_SPECS, check_cluster, load_if_there, project_of
from controller.workspace.session import open_session

Names = Annotated[list[str], typer.Argument(metavar="NAME", help="Clusters.")]
Timeout = Annotated[float, timeout_option("Timeout for the deletion.")]


@with_common_options
def delete(
    common: CommonOptions,
    names: Names,
    *,
    yes: Yes = False,
    now: Now = False,
    timeout: Timeout = "10m",  # type: ignore[assignment]  # its parser makes it seconds
    project: Project = None,
    specs: Specs = None,
) -> Exit:
    """Example: raycml delete analytics --yes

    Permanently delete clusters, and wait until their applications are deleted. Work on their nodes
    may finish before, within the drain timeout of each cluster.
    """
    screen = common.screen
    chosen = cluster_names(names)
    documents = [d for d in load_if_there(specs).clusters if d.cluster.name in chosen]
    check_specs(documents, loses=True)
    with open_session(common, project=project or _project(documents)) as session:
        check_recorded(session, chosen, loses=True)
        clusters = frozenset(chosen)
        hurried = clusters if now else frozenset()
        policy = replace(session.policy, only=clusters, delete=clusters, now=hurried)
        done = look_and_plan(NO_SPECS, session.world, History(), policy)
        _check_managed(chosen, done, policy)
        check_pauses(set(chosen), done)
        agree(screen, clusters, members_away(done.plan), yes=yes)
        if any(isinstance(step.action, Drain) for step in done.plan.steps) and not now:
            screen.say("Ray nodes finish their work first; `--now` does not wait for them")
        started = session.clock.monotonic()
        order = new_order(session, screen.system, OrderKind.DELETE, tuple(chosen), timeout, now=now)
        command = f"raycml delete {' '.join(chosen)}"
        passes = driving(screen, session, NO_SPECS, policy, command)
        code, why = carry_out(screen, session, order, passes)
        _conclude(screen, code, why, chosen, documents)
        if code is Exit.DONE:
            screen.say(f"deleted in {spoken(session.clock.monotonic() - started)}")
        return code


def _project(documents: Sequence[SpecDocument]) -> str | None:
    """The project in the specs, if they agree; None for the connection's project."""
    projects = set(map(project_of, documents))
    if len(projects) > 1:
        raise CommandError(
            "the clusters are in several projects", Exit.USAGE, "run `raycml delete` once for each"
        )
    return next(iter(projects), None)


def _check_managed(names: list[str], done: Pass, policy: Policy) -> None:
    """CommandError for a name without an application and without a leftover launcher."""
    clusters = {key_of(app).cluster for app in done.observed.owned(policy.owner)}
    leftover = {step.cluster for step in done.plan.steps}
    for name in names:
        if name not in leftover:
            check_cluster(name, clusters, "no managed cluster")


def _conclude(
    screen: Screen,
    code: Exit,
    why: Sequence[str],
    names: list[str],
    documents: Sequence[SpecDocument],
) -> None:
    if code is Exit.DONE:
        screen.data("\n".join(f"{name}  deleted" for name in names))
    else:
        screen.say(f"not deleted yet: {', '.join(names)}", *why)
    for document in documents:
        again = f"{document.cluster.name} is still declared in {document.place}"
        screen.say(f"{again}: the next reconcile will recreate it; remove that spec")
