"""`raycml release`: stop managing a cluster; its applications keep running.

The opposite of `adopt`.  A protected cluster may be released, since nothing is deleted; a paused
cluster may not, since a pause forbids every write.
"""

from collections.abc import Sequence
from typing import Annotated

import typer

from controller.adoption.release import found, release_all
from controller.core.model.observed import ObservedApplication, has_own_name, key_of
from controller.core.model.orders import OrderKind
from controller.core.spec.revision import SpecDocument
from controller.core.spec.text import counted
from controller.guards.protection import check_recorded
from controller.printable import one_line
from controller.process.interrupts import saying
from controller.run.orders.delegation import lead_or_order, new_order, writes_of
from controller.terminal.columns import aligned
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.confirm import confirm
from controller.terminal.exit_codes import Exit
from controller.terminal.options import LeadTimeout, Project, Specs, Yes
from controller.terminal.screen import Screen
from controller.terminal.specs import load_if_there
from controller.workspace.session import open_session
from controller.workspace.write_mark import Written

Name = Annotated[str, typer.Argument(metavar="NAME", help="Cluster name.")]


@with_common_options
def release(
    common: CommonOptions,
    name: Name,
    *,
    yes: Yes = False,
    timeout: LeadTimeout = "10m",  # type: ignore[assignment]  # its parser makes it seconds
    project: Project = None,
    specs: Specs = None,
) -> Exit:
    """Example: raycml release analytics --yes

    Stop managing a cluster without deleting it.

    Its applications keep running.  `protect` in its spec does not prevent this, since nothing is
        deleted; a pause does.  `raycml adopt` takes the applications back without a restart.
    """
    screen = common.screen
    holder = _holder(name, specs)
    where = project or (None if holder is None else holder.cluster.spec.project)
    with open_session(common, project=where) as session:
        check_recorded(session, (name,), loses=False)
        apps = found(session, name, holder)
        said = f"This removes the owner mark from {counted(len(apps), 'application')} of {name}"
        confirm(screen, said, "Release?", yes=yes)
        order = new_order(session, screen.system, OrderKind.RELEASE, (name,), timeout)
        answer = lead_or_order(session, order, screen.say)
        if answer is None:
            with saying(f"run `raycml release {name}` to continue"):
                written = release_all(session, name, apps)
        else:
            written = writes_of(answer, [app.id for app in apps])
    return _conclude(screen, name, apps, written, holder)


def _holder(name: str, specs: Specs) -> SpecDocument | None:
    revision = load_if_there(specs)
    holders = () if revision is None else revision.clusters
    return next((holder for holder in holders if holder.cluster.name == name), None)


def _conclude(
    screen: Screen,
    name: str,
    apps: Sequence[ObservedApplication],
    written: Sequence[Written],
    holder: SpecDocument | None,
) -> Exit:
    rows = [
        (name, str(key_of(app).member), app.id, _word(one))
        for app, one in zip(apps, written, strict=True)
    ]
    screen.data("\n".join(aligned(rows)))
    if holder is not None:
        screen.say(*_warning(name, holder, apps))
    if all(one.done for one in written):
        return Exit.DONE
    screen.say("not all applications were released; run the command again to continue")
    return Exit.NOT_CONVERGED


def _word(written: Written) -> str:
    return "released" if written.done else f"{written.result.value}: {one_line(written.message)}"


def _warning(name: str, holder: SpecDocument, apps: Sequence[ObservedApplication]) -> list[str]:
    """The effect of the next reconcile if a spec still declares the released cluster."""
    named = [app for app in apps if has_own_name(app)]
    ends = {
        f"reports NameConflict for {counted(len(named), 'member')}": bool(named),
        "creates new members beside the released applications": len(named) < len(apps),
    }
    then = " and ".join(end for end, so in ends.items() if so)
    return [
        f"{name} is still declared in {holder.place}: the next reconcile {then}",
        f"remove that spec, or adopt the applications again: raycml adopt {name}",
    ]
