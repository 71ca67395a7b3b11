"""Adoption and release of applications, by their owner marks.  Pure.

Adoption writes the mark and changes nothing else.  An application in sync with its member gets the
fingerprint of the spec; any other application gets a fingerprint that no spec has.  Unless the next
pass is to update it, its mark also names the spec for which it is kept as it is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from controller.adoption.proposal import Pair, Proposal
from controller.core.model.configuration import configuration, description, mark_of
from controller.core.model.desired import LAUNCHERS, DesiredCluster, DesiredState, Group
from controller.core.model.history import History
from controller.core.model.member import (
    AUTH_MODE,
    MARK,
    MEMBER,
    THE_HEAD,
    Key,
    Mark,
    Member,
    application_name,
)
from controller.core.model.observed import ObservedApplication, ObservedState, is_ours, key_of
from controller.core.model.plan import Change, Intent, Plan, Step
from controller.core.model.policy import Policy
from controller.core.model.project import RaiseSharedMemory
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.planner.projects.shared_memory import limits_to_read
from controller.core.situation.drift import compare
from controller.core.situation.situation import situate
from controller.core.spec.fingerprint import ADOPTED


@dataclass(frozen=True, slots=True)
class Adoption:
    """An application with its future mark, its differences from the member, and why it is that."""

    app: ObservedApplication
    mark: Mark
    changes: tuple[Change, ...]
    why: str = ""

    @property
    def member(self) -> Member:
        return self.mark.member

    @property
    def previous(self) -> str:
        """The other owner that has it now; empty without a valid mark."""
        owner = "" if self.app.mark is None else self.app.mark.owner
        return "" if owner == self.mark.owner else owner

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables with the mark; other variables are kept."""
        return {**_unmarked(self.app), **self.mark.environment()}

    @property
    def fields(self) -> Mapping[str, object]:
        """The PATCH."""
        return {"environment": self.environment, "description": description(self.mark)}


def adoption(
    cluster: DesiredCluster, pair: Pair, policy: Policy, *, keep: bool = False
) -> Adoption:
    """The adoption of a pair.  ValueError for an unknown group.

    `keep`: an application that differs stays as it is until its spec changes.
    """
    app, group = pair.app, cluster.group(pair.member.group)
    if group is None:
        raise ValueError(f"{cluster.name} has no group `{pair.member.group}`")
    own = configuration(group, pair.member, policy)
    mark = _mark(group, pair, policy)
    if compare(app, mark, group, own, policy):
        # Its origin is unknown: neither the Ray version nor raycml's own variables.
        mark = replace(mark, fingerprint=ADOPTED, agreement="", variables=(), environment_hash="")
        mark = replace(mark, kept=group.fingerprint if keep else "")
    return Adoption(app, mark, compare(app, mark, group, own, policy).changes, pair.why)


def _mark(group: Group, pair: Pair, policy: Policy) -> Mark:
    """The mark of an application in sync with the spec."""
    own = application_name(group.cluster, pair.member)
    mode = pair.app.environment.get(AUTH_MODE, "")
    mark = mark_of(group, pair.member, policy.owner, pair.app.subdomain, auth_mode=mode)
    return mark if pair.app.subdomain == own else replace(mark, adopted=pair.app.id)


def _unmarked(app: ObservedApplication) -> dict[str, str]:
    return {name: value for name, value in app.environment.items() if name not in MARK}


@dataclass(frozen=True, slots=True)
class AdoptionContext:
    """Basis for decisions on adoptions.

    `from_owner`: an owner whose mark may be replaced.  `keep`: applications that differ stay as
    they are; otherwise the next pass updates them.
    """

    cluster: DesiredCluster
    desired: DesiredState
    observed: ObservedState
    policy: Policy
    from_owner: str | None = None
    keep: bool = False

    def is_kept_as(self, app: ObservedApplication, member: Member) -> bool:
        """True if the application is this member already, and is kept as it was adopted."""
        mark = app.mark
        mine = mark is not None and bool(mark.kept) and is_ours(app, self.policy.owner)
        return mine and key_of(app) == Key(self.cluster.name, member)

    def filled(self) -> Mapping[Member, ObservedApplication]:
        """The cluster's members with a managed application."""
        keys = ((key_of(app), app) for app in self.observed.owned(self.policy.owner))
        return {key.member: app for key, app in keys if key.cluster == self.cluster.name}

    def claimable(self) -> tuple[ObservedApplication, ...]:
        """Applications of the cluster's project without an owner, or of `from_owner`."""
        project = self.observed.projects[self.cluster.project]
        return tuple(a for a in project.applications if self.is_claimable(a))

    def is_claimable(self, app: ObservedApplication) -> bool:
        owner = None if app.mark is None else app.mark.owner
        return owner is None or (owner == self.from_owner and owner != self.policy.owner)


def objections(pairs: Sequence[Pair], context: AdoptionContext) -> list[str]:
    """Objections to adopting these applications together, each with a remedy.

    A pair that is adopted already is no objection.
    """
    filled = context.filled()
    new = [pair for pair in pairs if filled.get(pair.member) != pair.app]
    problems = [_objection(pair, context, filled) for pair in new]
    problems += [_too_many(group, new, filled) for group in context.cluster.groups]
    return [problem for problem in problems if problem]


def _objection(
    pair: Pair, context: AdoptionContext, filled: Mapping[Member, ObservedApplication]
) -> str:
    app, what = pair.app, f"`{pair.app.subdomain}` (application {pair.app.id})"
    if not context.is_claimable(app):
        return f"{what} is {whose(app, context.policy.owner)}"
    if pair.member in filled:
        return f"{pair.member} has an application already: {filled[pair.member].id}"
    if named := _named(app, Key(context.cluster.name, pair.member), context.desired):
        return f"{what} has the name of {named}; adopt it as {named}, or rename it in CML first"
    return ""


def whose(app: ObservedApplication, owner: str) -> str:
    """The owner of a marked application, and the action that allows its adoption."""
    key = key_of(app)
    if is_ours(app, owner):
        return f"{key} already; run `raycml release {key.cluster}` first"
    other = "" if app.mark is None else app.mark.owner
    return f"{key} of {other}; to take it over: --from-owner {other}"


def _named(app: ObservedApplication, key: Key, desired: DesiredState) -> str:
    """The other member, of any declared cluster, with the application's name."""
    number = re.search(r"-([0-9]{1,6})$", app.subdomain)
    ordinal = int(number.group(1)) if number else 0
    for cluster in desired.clusters:
        for group in cluster.groups:
            place = group.member(0 if group.is_head else ordinal)
            own = Key(cluster.name, place)
            if app.subdomain == application_name(cluster.name, place) and own != key:
                return str(own)
    return ""


def _too_many(
    group: Group, new: Iterable[Pair], filled: Mapping[Member, ObservedApplication]
) -> str:
    """An objection to more members than replicas, since the next pass would delete the rest."""
    added = {pair.member for pair in new if pair.member.group == group.name}
    members = added | {member for member in filled if member.group == group.name}
    if not added or len(members) <= group.replicas:
        return ""
    return (
        f"group {group.name} would have {len(members)} members, but its spec has "
        f"replicas: {group.replicas}; set `replicas: {len(members)}`, or the rest will be deleted"
    )


def adopted(observed: ObservedState, adoptions: Iterable[Adoption]) -> ObservedState:
    """The observed state after the marks are written."""
    marked = {a.app.id: replace(a.app, environment=a.environment) for a in adoptions}
    projects = {
        name: replace(p, applications=tuple(marked.get(a.id, a) for a in p.applications))
        for name, p in observed.projects.items()
    }
    return replace(observed, projects=projects)


def foresee(
    desired: DesiredState, observed: ObservedState, adoptions: Iterable[Adoption], policy: Policy
) -> Plan:
    """The plan after the adoption, without waits that end by themselves."""
    world = adopted(observed, adoptions)
    situation = remember(situate(desired, world, History(), policy))
    decided = plan(situation)
    limits = limits_to_read(situation, decided)  # as a pass would, which may need none
    steps = (s for s in decided.steps if _is_lasting(s) or s.project in limits)
    waits = tuple(w for w in decided.waits if w.intent is not Intent.NOTHING)
    return replace(decided, steps=tuple(steps), waits=waits)


def _is_lasting(step: Step) -> bool:
    return not isinstance(step.action, RaiseSharedMemory)


def release(app: ObservedApplication, mark: Mark) -> Mapping[str, object]:
    """The PATCH that removes the mark and keeps everything else.

    A launcher reads its member and the mode of its cluster at each start, so an application with a
    launcher keeps them.
    """
    launched = app.script.startswith(f"{LAUNCHERS}/{mark.cluster}/")
    needed = {MEMBER: str(mark.member), AUTH_MODE: mark.auth_mode} if launched else {}
    return {
        "environment": {**_unmarked(app), **{k: v for k, v in needed.items() if v}},
        "description": (
            f"Ray cluster {mark.cluster}, member {mark.member}. Released by raycml: "
            "no controller changes it."
        ),
    }


@dataclass(frozen=True, slots=True)
class Offer:
    """Adoptions, pairs that are adopted `already`, and the plan of the next pass.

    `notes` are sentences on open questions.
    """

    cluster: DesiredCluster
    adoptions: tuple[Adoption, ...]
    already: tuple[Pair, ...]
    notes: tuple[str, ...]
    plan: Plan


def offer(proposal: Proposal, context: AdoptionContext) -> Offer:
    """The offer for pairs without objections."""
    cluster, policy, filled = context.cluster, context.policy, context.filled()
    new = [pair for pair in proposal.pairs if filled.get(pair.member) != pair.app]
    keep = context.keep and _may_stay(new, context)
    adoptions = [adoption(cluster, pair, policy, keep=keep) for pair in new]
    already = tuple(pair for pair in proposal.pairs if pair not in new)
    if not context.keep:
        adoptions += _no_longer_kept(context, {pair.app.id for pair in new})
    plan = foresee(context.desired, context.observed, adoptions, policy)
    members = {*filled, *(pair.member for pair in proposal.pairs)}
    notes = (*proposal.notes, *_missing(cluster, members), *_opened(adoptions))
    return Offer(cluster, tuple(adoptions), already, notes, plan)


def _may_stay(new: Sequence[Pair], context: AdoptionContext) -> bool:
    """True if the cluster can run as it is: it has its head, and raycml runs no member of it."""
    cluster, policy = context.cluster, context.policy
    marks = [adoption(cluster, pair, policy, keep=True).mark for pair in new]
    marks += [app.mark for app in context.filled().values() if app.mark is not None]
    return any(mark.member == THE_HEAD for mark in marks) and all(mark.kept for mark in marks)


def _no_longer_kept(context: AdoptionContext, others: AbstractSet[str]) -> Iterator[Adoption]:
    """Members that are kept as they were adopted, for the next pass to update them."""
    for member, app in sorted(context.filled().items()):
        mark, group = app.mark, context.cluster.group(member.group)
        if mark is not None and mark.kept and group is not None and app.id not in others:
            pair = Pair(member, app, "adopted before")
            yield adoption(context.cluster, pair, context.policy)


def _opened(adoptions: Iterable[Adoption]) -> Iterator[str]:
    """A note on applications without a sign-in, which stay so while they are kept."""
    names = [str(each.member) for each in adoptions if each.app.public and each.mark.kept]
    if names:
        yield (
            f"open without a sign-in, which stays so until the first update: {', '.join(names)}; "
            "all who can reach the dashboard can run code"
        )


def _missing(cluster: DesiredCluster, members: set[Member]) -> Iterator[str]:
    """A note on each group with missing members, which the next pass creates."""
    for group in cluster.groups:
        number = group.replicas - sum(member.group == group.name for member in members)
        if number > 0:
            what = str(THE_HEAD) if group.is_head else f"{number} of group {group.name}"
            yield f"no application for {what}"
