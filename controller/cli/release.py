"""`raycml release`: forget a cluster.  Its applications run on as they are, and are nobody's.

The opposite of `adopt`, which takes them back.  A protected cluster may be released, for it loses
nothing by that; a paused one may not, for a pause forbids every write.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from controller.cli.columns import aligned
from controller.cli.compose import Session, open_session, with_permissions
from controller.cli.consent import consent
from controller.cli.exit_codes import Exit
from controller.cli.failure import CommandError
from controller.cli.interrupts import saying
from controller.cli.marking import Fields, Written, write
from controller.cli.options import (
    CaCert,
    LeadTimeout,
    Local,
    NoColor,
    Project,
    Specs,
    Verbose,
    Yes,
)
from controller.cli.ordering import lead_or_order, new_order, writes_of
from controller.cli.protection import check_recorded, check_specs
from controller.cli.pruning import check_pauses
from controller.cli.screen import Screen
from controller.cli.specs import NO_SPECS, load_if_there
from controller.core.adoption import release as unmarked
from controller.core.closest import did_you_mean
from controller.core.history import History
from controller.core.observed import ObservedApplication, has_own_name, is_ours, key_of
from controller.core.order import OrderKind
from controller.core.revision import Holder
from controller.core.words import counted
from controller.reconcile import Pass, look_and_plan
from controller.source.messages import printable

Name = Annotated[str, typer.Argument(metavar="NAME", help="A cluster.")]


def release(  # noqa: PLR0913 - the options of one command
    ctx: typer.Context,
    name: Name,
    *,
    yes: Yes = False,
    timeout: LeadTimeout = "10m",  # type: ignore[assignment]  # its parser makes it seconds
    project: Project = None,
    specs: Specs = None,
    local: Local = False,
    ca_cert: CaCert = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> Exit:
    """Example: raycml release analytics --yes

    Forget a cluster without deleting anything.  Its applications run on and belong to nobody.

    `protect` in its spec does not forbid this, for nothing is lost; a pause does.
    `raycml adopt` takes the applications back without a restart.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=verbose)
    holder = _holder(name, specs)
    where = project or (None if holder is None else holder.cluster.spec.project)
    with open_session(screen, local=local, ca_cert=ca_cert, project=where) as session:
        check_recorded(session, (name,), loses=False)
        apps = found(session, name, holder)
        said = f"this takes the owner's mark off {counted(len(apps), 'application')} of {name}"
        consent(screen, said, "Release?", yes=yes)
        order = new_order(session, screen.machine, OrderKind.RELEASE, (name,), timeout)
        answer = lead_or_order(session, order, screen.say)
        if answer is None:
            with saying(f"run `raycml release {name}` to go on with the rest"):
                written = release_all(session, name, apps)
        else:
            written = writes_of(answer, [app.id for app in apps])
    return _conclude(screen, name, apps, written, holder)


def release_all(session: Session, name: str, apps: Sequence[ObservedApplication]) -> list[Written]:
    """One write for each application."""
    decide = partial(_decided, session.owner, name)
    return [write(session.world, app, decide) for app in apps]


def _holder(name: str, specs: Specs) -> Holder | None:
    revision = load_if_there(specs)
    holders = () if revision is None else revision.clusters
    return next((holder for holder in holders if holder.cluster.name == name), None)


def found(session: Session, name: str, holder: Holder | None) -> Sequence[ObservedApplication]:
    """All applications of the cluster.  CommandError where they may not be released."""
    policy = replace(with_permissions(session.policy), look_at_pauses=True)
    seen = look_and_plan(NO_SPECS, session.world, History(), policy)
    apps = _apps(seen, name, session.owner)
    if not seen.observed.complete():
        message = "the list of applications was torn; nothing is done on it"
        raise CommandError(message, Exit.UNEXPECTED, "the same command again")
    check_specs(() if holder is None else (holder,), loses=False)
    check_pauses({name}, seen)
    return apps


def _apps(seen: Pass, name: str, owner: str) -> list[ObservedApplication]:
    clusters: dict[str, list[ObservedApplication]] = {}
    for app in seen.observed.owned(owner):
        clusters.setdefault(key_of(app).cluster, []).append(app)
    if name not in clusters:
        hint = did_you_mean(name, clusters)
        hint = hint or f"there are: {', '.join(sorted(clusters)) or 'none'}"
        message = f"no cluster `{printable(name[:60])}` of ours in this project; {hint}"
        raise CommandError(message, Exit.USAGE, "`raycml status`")
    return sorted(clusters[name], key=lambda app: (key_of(app), app.id))


def _decided(owner: str, name: str, fresh: ObservedApplication) -> Fields | str:
    """What is written into an application, judged by a fresh look at it."""
    mark = fresh.mark
    if mark is None or not is_ours(fresh, owner):
        return {}  # somebody else let it go meanwhile
    if mark.cluster != name:
        return f"meanwhile it is {mark.key}"
    return unmarked(fresh, mark)


def _conclude(
    screen: Screen,
    name: str,
    apps: Sequence[ObservedApplication],
    written: Sequence[Written],
    holder: Holder | None,
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
    screen.say("not all were released; the same command goes on with the rest")
    return Exit.NOT_CONVERGED


def _word(written: Written) -> str:
    return "released" if written.done else f"{written.result.value}: {printable(written.message)}"


def _warning(name: str, holder: Holder, apps: Sequence[ObservedApplication]) -> list[str]:
    """What a reconcile makes of a spec whose cluster was released."""
    named = [app for app in apps if has_own_name(app)]
    ends = {
        f"reports NameConflict for {counted(len(named), 'member')}": bool(named),
        "creates new members beside those that have other names": len(named) < len(apps),
    }
    then = " and ".join(end for end, so in ends.items() if so)
    return [
        f"{name} is still in {holder.place}: the next reconcile {then}",
        f"remove that spec, or take the applications back: raycml adopt {name}",
    ]
