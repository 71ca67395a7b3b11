"""`raycml release`: stop managing a cluster; its applications keep running.

The opposite of `adopt`.  A protected cluster may be released, since nothing is deleted; a paused
cluster may not, since a pause forbids every write.
"""

from collections.abc import Sequence

from controller.adoption.release import releasable, release_all
from controller.adoption.text import result_text
from controller.core.model.observed import ObservedApplication, has_own_name, key_of
from controller.core.model.orders import OrderKind
from controller.core.spec.revision import SpecDocument
from controller.core.spec.text import counted
from controller.guards.protection import check_recorded
from controller.process.interrupts import saying
from controller.run.orders.delegation import lead_or_order, new_order, writes_of
from controller.terminal.columns import table
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.confirm import confirm
from controller.terminal.exit_codes import Exit
from controller.terminal.options import ClusterName, LeadTimeout, Project, Specs, Yes
from controller.terminal.screen import Screen
from controller.terminal.specs import load_if_there, project_of, spec_of
from controller.workspace.session import open_session
from controller.workspace.write_mark import Written


@with_common_options
def release(
    common: CommonOptions,
    name: ClusterName,
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
    document = spec_of(name, load_if_there(specs).clusters)
    with open_session(common, project=project or project_of(document)) as session:
        check_recorded(session, (name,), loses=False)
        apps = releasable(session, name, document)
        message = f"This removes the owner mark from {counted(len(apps), 'application')} of {name}"
        confirm(screen, message, "Release?", yes=yes)
        order = new_order(session, screen.system, OrderKind.RELEASE, (name,), timeout)
        answer = lead_or_order(session, order, screen.say)
        if answer is None:
            with saying(f"run `raycml release {name}` to continue"):
                written = release_all(session, name, apps)
        else:
            written = writes_of(answer, [app.id for app in apps])
    return _conclude(screen, name, apps, written, document)


def _conclude(
    screen: Screen,
    name: str,
    apps: Sequence[ObservedApplication],
    written: Sequence[Written],
    document: SpecDocument | None,
) -> Exit:
    rows = [
        (name, str(key_of(app).member), app.id, result_text(one, "released"))
        for app, one in zip(apps, written, strict=True)
    ]
    screen.data(table(*rows))
    if document is not None:
        screen.say(*_warning(name, document, apps))
    if all(one.done for one in written):
        return Exit.DONE
    screen.say("not all applications were released; run the command again to continue")
    return Exit.NOT_CONVERGED


def _warning(name: str, document: SpecDocument, apps: Sequence[ObservedApplication]) -> list[str]:
    """The effect of the next reconcile if a spec still declares the released cluster."""
    conflicts = sum(map(has_own_name, apps))
    effects = {
        f"reports NameConflict for {counted(conflicts, 'member')}": conflicts > 0,
        "creates new members beside the released applications": conflicts < len(apps),
    }
    then = " and ".join(effect for effect, applies in effects.items() if applies)
    return [
        f"{name} is still declared in {document.place}: the next reconcile {then}",
        f"remove that spec, or adopt the applications again: raycml adopt {name}",
    ]
