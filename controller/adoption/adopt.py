"""Adoption in a workspace: read, decide, one write for each application."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from controller.adoption.adoption import (
    Adoption,
    AdoptionContext,
    Offer,
    adoption,
    objections,
    offer,
    whose,
)
from controller.adoption.proposal import Pair, Proposal, propose
from controller.core.model.history import History
from controller.core.model.member import Member
from controller.core.model.observed import ObservedApplication
from controller.core.spec.revision import Revision
from controller.core.spec.suggestions import did_you_mean
from controller.core.spec.text import counted
from controller.guards.pauses import check_pauses
from controller.printable import one_line
from controller.reconcile import look_and_plan
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.workspace.session import Session
from controller.workspace.write_mark import Fields, Written, write


def look_at(
    session: Session, revision: Revision, name: str, from_owner: str | None, *, keep: bool
) -> AdoptionContext:
    """The context of an adoption.  CommandError for an incomplete state or forbidden writes."""
    policy = replace(session.policy, only=frozenset({name}), look_at_pauses=True)
    done = look_and_plan(revision, session.world, History(), policy)
    cluster = done.desired.cluster(name)
    if cluster is None:
        reason = done.desired.frozen.get(name, "its project is unknown")
        message = f"{name} cannot be read: {reason}"
        raise CommandError(message, Exit.NOT_CONVERGED, "correct `project` in its spec")
    project = done.observed.projects[cluster.project]
    if not project.complete:
        message = project.why or "the list of applications was incomplete; no action was taken"
        raise CommandError(message, Exit.UNEXPECTED, "run the command again")
    if cluster.paused:
        message = f"{name} is paused by its spec"
        remedy = "set `paused: false` there, then run the command again"
        raise CommandError(message, Exit.REFUSED, remedy)
    check_pauses({name}, done)
    limits = session.world.shared_memory([cluster.project])
    observed = done.observed.with_shared_memory(limits)
    return AdoptionContext(cluster, done.desired, observed, policy, from_owner, keep)


def decide_on(context: AdoptionContext, pairs: tuple[Pair, ...] | None) -> Offer:
    """The offer for the given or the proposed mapping.  CommandError if it is invalid."""
    if pairs is None:
        proposal = propose(context.cluster, context.filled(), context.claimable())
    else:
        proposal = Proposal(pairs)
    if problems := objections(proposal.pairs, context):
        message = f"nothing was adopted: {one_line('; '.join(problems))}"
        raise CommandError(message, Exit.REFUSED)
    return offer(proposal, context)


def ordered_pairs(
    order: Sequence[tuple[Member, str]], context: AdoptionContext
) -> tuple[Pair, ...]:
    """The given mapping.  CommandError for an unknown member or application."""
    groups = [group.name for group in context.cluster.groups]
    apps = context.observed.projects[context.cluster.project].applications
    pairs: list[Pair] = []
    for member, name in order:
        if member.group not in groups:
            hint = did_you_mean(member.group, groups) or f"there are: {', '.join(groups)}"
            message = f"{context.cluster.name} has no group `{member.group[:60]}`; {hint}"
            raise CommandError(message, Exit.USAGE, "correct --map, or add the group to the spec")
        pairs.append(Pair(member, _application(name, apps), "--map"))
    check_once([f"application {pair.app.id}" for pair in pairs])
    return tuple(sorted(pairs, key=lambda pair: pair.member))


def _application(name: str, apps: Sequence[ObservedApplication]) -> ObservedApplication:
    """Find by ID, else by subdomain, else by name, which may be ambiguous."""
    for field in ("id", "subdomain", "name"):
        matches = [app for app in apps if getattr(app, field) == name]
        if len(matches) == 1:
            return matches[0]
        if matches:
            ids = ", ".join(app.id for app in matches[:10])
            message = f"several applications are named `{one_line(name[:60])}`: {ids}"
            raise CommandError(message, Exit.USAGE, "give the ID")
    names = [app.subdomain for app in apps] + [app.name for app in apps]
    hint = one_line(did_you_mean(name, names)) or f"it has {counted(len(apps), 'application')}"
    message = f"no application `{one_line(name[:60])}` in the project; {hint}"
    raise CommandError(message, Exit.USAGE, "copy the name or ID from CML's list of applications")


def carry_out(session: Session, context: AdoptionContext, accepted: Offer) -> list[Written]:
    """Write each adoption."""
    return [
        write(session.world, each.app, partial(_decided, each, context))
        for each in accepted.adoptions
    ]


def _decided(made: Adoption, context: AdoptionContext, fresh: ObservedApplication) -> Fields | str:
    """The PATCH for an application as it is now, or the reason for none."""
    if fresh.mark == made.mark:
        return {}
    if not context.is_claimable(fresh) and not context.is_kept_as(fresh, made.member):
        return f"it is now {whose(fresh, context.policy.owner)}"
    pair = Pair(made.member, fresh)
    again = adoption(context.cluster, pair, context.policy, keep=bool(made.mark.kept))
    same = (again.mark, again.changes) == (made.mark, made.changes)
    return again.fields if same else "it has changed since the preview; run the command again"


def check_once(names: Sequence[str]) -> None:
    for name in sorted(names):
        if names.count(name) > 1:
            remedy = "give one --map for each member and application"
            raise CommandError(f"{name} is mapped twice", Exit.USAGE, remedy)
