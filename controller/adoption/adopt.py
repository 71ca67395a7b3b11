"""Adoption on the live workspace: a look, a decision, one write for each application."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from controller.adoption.adoption import Adoption, Ground, Offer, adoption, objections, offer, whose
from controller.adoption.proposal import Pair, Proposal, propose
from controller.core.model.history import History
from controller.core.model.member import Member
from controller.core.model.observed import ObservedApplication
from controller.core.spec.revision import Revision
from controller.core.spec.suggestions import did_you_mean
from controller.guards.pauses import check_pauses
from controller.printable import one_line
from controller.reconcile import look_and_plan
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.workspace.session import Session, with_permissions
from controller.workspace.write_mark import Fields, Written, write


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
    if not project.complete:
        message = project.why or "the list of applications was torn; nothing is decided on it"
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
        message = f"nothing was adopted: {one_line('; '.join(refused))}"
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
    check_once([f"application {pair.app.id}" for pair in pairs])
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
            message = f"several applications are called `{one_line(named[:60])}`: {ids}"
            raise CommandError(message, Exit.USAGE, "give the id")
    known = [app.subdomain for app in apps] + [app.name for app in apps]
    hint = one_line(did_you_mean(named, known)) or f"there are {len(apps)}"
    message = f"no application `{one_line(named[:60])}` in the project; {hint}"
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


def check_once(named: Sequence[str]) -> None:
    twice = sorted({one for one in named if named.count(one) > 1})
    if twice:
        raise CommandError(
            f"{twice[0]} is mapped twice", Exit.USAGE, "one `--map` for each member and application"
        )
