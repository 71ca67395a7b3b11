"""`raycml adopt`: take existing applications into a cluster that a spec declares.

A person says which, or agrees to what names propose.  Each application is looked at afresh and gets
the mark by one PATCH; what runs in it goes on.  All else is left to the next reconcile.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

import typer

from controller.cli.compose import Session, open_session, with_permissions
from controller.cli.consent import consent
from controller.cli.exit_codes import Exit
from controller.cli.failure import CommandError
from controller.cli.interrupts import saying
from controller.cli.marking import Fields, Written, write
from controller.cli.options import (
    CaCert,
    Form,
    LeadTimeout,
    Local,
    NoColor,
    Output,
    Specs,
    Verbose,
    Yes,
)
from controller.cli.ordering import lead_or_order, new_order, writes_of
from controller.cli.pruning import check_pauses
from controller.cli.screen import Screen
from controller.cli.show_adoption import adopt_json, adopted_text, preview_text
from controller.cli.show_plan import is_pending
from controller.cli.specs import label, load
from controller.core.adoption import Adoption, Ground, Offer, adoption, objections, offer, whose
from controller.core.closest import did_you_mean
from controller.core.history import History
from controller.core.member import Member, parse_member
from controller.core.observed import ObservedApplication
from controller.core.order import OrderKind
from controller.core.proposal import Pair, Proposal, propose
from controller.core.revision import Revision
from controller.core.words import counted
from controller.reconcile import look_and_plan
from controller.source.messages import printable

Name = Annotated[str, typer.Argument(metavar="CLUSTER", help="A cluster that a spec declares.")]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="MEMBER=NAME|ID",
        help="Which application is which member: head=my-head, cpu/0=my-worker-0.  May be "
        "repeated.  Default: as names propose",
        show_default=False,
    ),
]
FromOwner = Annotated[
    str | None,
    typer.Option(
        "--from-owner",
        metavar="OWNER",
        help="Also take applications that carry the mark of this other owner.",
        show_default=False,
    ),
]


def adopt(  # noqa: PLR0913 - the options of one command
    ctx: typer.Context,
    name: Name,
    *,
    mapped: Mapped = None,
    from_owner: FromOwner = None,
    specs: Specs = None,
    yes: Yes = False,
    timeout: LeadTimeout = "10m",  # type: ignore[assignment]  # its parser makes it seconds
    output: Output = Form.TEXT,
    local: Local = False,
    ca_cert: CaCert = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> Exit:
    """Example: raycml adopt analytics --map head=ray-cluster-head

    Take existing applications into a cluster.  Shows what differs, and asks; restarts nothing.

    What differs from the spec is updated by the next `raycml reconcile`; what is equal runs on.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=verbose)
    revision = load(specs)
    _check_declared(name, revision)
    order = [_mapping(text) for text in mapped or ()]
    _check_once([str(member) for member, _ in order])
    with open_session(screen, local=local, ca_cert=ca_cert) as session:
        ground = look_at(session, revision, name, from_owner)
        pairs = ordered_pairs(order, ground) if order else None
        found = decide_on(ground, pairs)
        shown = Shown(screen, output, label(revision), found)
        if found.adoptions:
            shown.preview()
            shown.ask(yes=yes)
        elif not found.already and found.notes:
            message = f"nothing was adopted: {'; '.join(found.notes)}"
            raise CommandError(message, Exit.REFUSED, "`--map MEMBER=NAME` says which is which")
        answer = None
        if found.adoptions:  # no lease is taken for nothing
            wish = new_order(
                session,
                screen.machine,
                OrderKind.ADOPT,
                (name,),
                timeout,
                pairs=tuple((str(made.member), made.app.id) for made in found.adoptions),
                from_owner=from_owner or "",
            )
            answer = lead_or_order(session, wish, screen.say)
        if answer is None:
            with saying(f"run `raycml adopt {name}` to go on with the rest"):
                written = carry_out(session, ground, found)
            return shown.conclude(written)
        return shown.conclude(writes_of(answer, [made.app.id for made in found.adoptions]))


def _check_declared(name: str, revision: Revision) -> None:
    known = [holder.cluster.name for holder in revision.clusters]
    if name not in known:
        hint = did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}"
        message = f"no spec declares a cluster `{printable(name[:60])}`; {hint}"
        raise CommandError(message, Exit.USAGE, "`raycml validate` lists them")


def _mapping(text: str) -> tuple[Member, str]:
    written, equals, named = text.partition("=")
    member = parse_member(written.strip())
    if not equals or not named.strip() or member is None:
        raise CommandError(
            f"`--map {printable(text[:60])}` is not MEMBER=NAME or MEMBER=ID",
            Exit.USAGE,
            "`--map head=my-head --map cpu/0=my-worker-0`",
        )
    return member, named.strip()


def _check_once(named: Sequence[str]) -> None:
    twice = sorted({one for one in named if named.count(one) > 1})
    if twice:
        raise CommandError(
            f"{twice[0]} is mapped twice", Exit.USAGE, "one `--map` for each member and application"
        )


def look_at(session: Session, revision: Revision, name: str, from_owner: str | None) -> Ground:
    """The world, pauses included.  CommandError where nothing may be decided on it, or written."""
    policy = with_permissions(session.policy, only=frozenset({name}))
    policy = replace(policy, look_at_pauses=True)
    seen = look_and_plan(revision, session.world, History(), policy)
    cluster = seen.desired.cluster(name)
    if cluster is None:
        why = seen.desired.frozen.get(name, "it is frozen")
        message = f"{name} cannot be looked at: {why}"
        raise CommandError(message, Exit.NOT_CONVERGED, "correct `project` in its spec")
    project = seen.observed.projects[cluster.project]
    if not project.complete or project.problem is not None:
        message = project.problem or "the list of applications was torn; nothing is decided on it"
        raise CommandError(message, Exit.UNEXPECTED, "the same command again")
    if cluster.paused:
        message = f"{name} is paused by its spec: nothing is written"
        raise CommandError(message, Exit.REFUSED, "`paused: false` there, then the same command")
    check_pauses({name}, seen)
    return Ground(cluster, seen.desired, seen.observed, policy, from_owner)


def decide_on(ground: Ground, pairs: tuple[Pair, ...] | None) -> Offer:
    """Of what a person mapped, or of what names propose.  CommandError where that may not be."""
    if pairs is None:
        proposal = propose(ground.cluster, ground.filled(), ground.claimable())
    else:
        proposal = Proposal(pairs)
    if refused := objections(proposal.pairs, ground):
        message = f"nothing was adopted: {printable('; '.join(refused))}"
        raise CommandError(message, Exit.REFUSED)
    return offer(proposal, ground)


def ordered_pairs(order: Sequence[tuple[Member, str]], ground: Ground) -> tuple[Pair, ...]:
    """What a person mapped.  CommandError for a member or an application that there is not."""
    groups = [group.name for group in ground.cluster.groups]
    apps = ground.observed.projects[ground.cluster.project].applications
    pairs: list[Pair] = []
    for member, named in order:
        if member.group not in groups:
            hint = did_you_mean(member.group, groups) or f"there are: {', '.join(groups)}"
            message = f"{ground.cluster.name} has no group `{member.group[:60]}`; {hint}"
            raise CommandError(message, Exit.USAGE, "correct --map, or add the group to the spec")
        pairs.append(Pair(member, _application(named, apps)))
    _check_once([f"application {pair.app.id}" for pair in pairs])
    return tuple(sorted(pairs, key=lambda pair: pair.member))


_WAYS: tuple[Callable[[ObservedApplication], str], ...] = (
    lambda app: app.id,
    lambda app: app.subdomain,
    lambda app: app.name,
)


def _application(named: str, apps: Sequence[ObservedApplication]) -> ObservedApplication:
    """By id, else by subdomain, else by name, which several may share."""
    for way in _WAYS:
        found = [app for app in apps if way(app) == named]
        if len(found) == 1:
            return found[0]
        if found:
            ids = ", ".join(app.id for app in found[:10])
            message = f"several applications are called `{printable(named[:60])}`: {ids}"
            raise CommandError(message, Exit.USAGE, "give the id")
    known = [app.subdomain for app in apps] + [app.name for app in apps]
    hint = printable(did_you_mean(named, known)) or f"there are {len(apps)}"
    message = f"no application `{printable(named[:60])}` in the project; {hint}"
    raise CommandError(message, Exit.USAGE, "copy its name or id from CML's list of applications")


def carry_out(session: Session, ground: Ground, found: Offer) -> list[Written]:
    """One write for each adoption."""
    return [
        write(session.world, made.app, partial(_decided, made, ground)) for made in found.adoptions
    ]


def _decided(made: Adoption, ground: Ground, fresh: ObservedApplication) -> Fields | str:
    """What is written into an application, judged by a fresh look at it."""
    if fresh.mark == made.mark:
        return {}
    if not ground.is_claimable(fresh):
        return f"meanwhile it is {whose(fresh, ground.policy.owner)}"
    again = adoption(ground.cluster, Pair(made.member, fresh), ground.policy)
    same = (again.mark, again.changes) == (made.mark, made.changes)
    return again.fields if same else "it has changed since the preview; the same command again"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person, or a script, sees of an offer: before, and after."""

    screen: Screen
    form: Form
    revision: str
    offer: Offer

    def preview(self) -> None:
        say = self.screen.say if self.form is Form.JSON else self.screen.data
        say(preview_text(self.offer))

    def ask(self, *, yes: bool) -> None:
        name = self.offer.cluster.name
        said = f"this takes {counted(len(self.offer.adoptions), 'application')} into {name}"
        if self.form is Form.JSON and not yes and not self.screen.asks:
            self.screen.document(adopt_json(self.offer, self.revision, None))
        consent(self.screen, said, "Adopt?", yes=yes)

    def conclude(self, written: Sequence[Written]) -> Exit:
        if self.form is Form.JSON:
            self.screen.document(adopt_json(self.offer, self.revision, written))
        else:
            self.screen.data(adopted_text(self.offer, written))
        if not all(one.done for one in written):
            self.screen.say("not all were adopted; the same command goes on with the rest")
            return Exit.NOT_CONVERGED
        if written and is_pending(self.offer.plan):
            self.screen.say("the rest is for: raycml reconcile")
        return Exit.DONE
