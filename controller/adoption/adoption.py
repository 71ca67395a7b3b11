"""Adoption and release of applications, by their owner marks.  Pure.

Adoption writes the mark and changes nothing else.  An application in sync with its member gets the
fingerprint of the spec; any other application gets a fingerprint that no spec has, so that
the next pass detects the difference.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from controller.adoption.proposal import Pair, Proposal
from controller.core.model.desired import (
    LAUNCHERS,
    DesiredCluster,
    DesiredState,
    Group,
    configuration,
    description,
    mark_of,
)
from controller.core.model.history import History
from controller.core.model.member import MARK, MEMBER, THE_HEAD, Key, Mark, Member, application_name
from controller.core.model.observed import ObservedApplication, ObservedState, is_ours, key_of
from controller.core.model.plan import Change, Intent, Plan
from controller.core.model.policy import Policy
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.drift import compare
from controller.core.situation.situation import situate
from controller.core.spec.fingerprint import ADOPTED


@dataclass(frozen=True, slots=True)
class Adoption:
    """An application with its future mark, and its differences from the member."""

    app: ObservedApplication
    mark: Mark
    changes: tuple[Change, ...]

    @property
    def member(self) -> Member:
        return self.mark.member

    @property
    def previous(self) -> str:
        """The current owner; empty without a valid mark."""
        return "" if self.app.mark is None else self.app.mark.owner

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables with the mark; other variables are kept."""
        return {**_unmarked(self.app), **self.mark.environment()}

    @property
    def fields(self) -> Mapping[str, object]:
        """The PATCH."""
        return {
            "environment": self.environment,
            "description": description(self.mark),
        }


def adoption(cluster: DesiredCluster, pair: Pair, policy: Policy) -> Adoption:
    """The adoption of a pair.  ValueError for an unknown group."""
    app, group = pair.app, cluster.group(pair.member.group)
    if group is None:
        raise ValueError(f"{cluster.name} has no group `{pair.member.group}`")
    wanted = configuration(group, pair.member, policy)
    mark = _mark(group, pair, policy)
    if compare(app, mark, group, wanted, policy):
        # Its origin is unknown: neither the Ray version nor raycml's own variables.
        mark = replace(mark, fingerprint=ADOPTED, agreement="", variables=(), environment_hash="")
    return Adoption(app, mark, compare(app, mark, group, wanted, policy).changes)


def _mark(group: Group, pair: Pair, policy: Policy) -> Mark:
    """The mark of an application in sync with the spec."""
    own = application_name(group.cluster, pair.member)
    mark = mark_of(group, pair.member, policy.owner, pair.app.subdomain)
    return mark if pair.app.subdomain == own else replace(mark, adopted=pair.app.id)


def _unmarked(app: ObservedApplication) -> dict[str, str]:
    return {name: value for name, value in app.environment.items() if name not in MARK}


@dataclass(frozen=True, slots=True)
class AdoptionContext:
    """Basis for decisions on adoptions.  `from_owner`: an owner whose mark may be replaced."""

    cluster: DesiredCluster
    desired: DesiredState
    observed: ObservedState
    policy: Policy
    from_owner: str | None = None

    def filled(self) -> Mapping[Member, ObservedApplication]:
        """The cluster's members with a managed application."""
        ours = (a for a in self.observed.owned(self.policy.owner) if self._is_of_it(a))
        return {key_of(app).member: app for app in ours}

    def _is_of_it(self, app: ObservedApplication) -> bool:
        return key_of(app).cluster == self.cluster.name

    def claimable(self) -> tuple[ObservedApplication, ...]:
        """Applications of the cluster's project without an owner, or of `from_owner`."""
        project = self.observed.projects[self.cluster.project]
        return tuple(a for a in project.applications if self.is_claimable(a))

    def is_claimable(self, app: ObservedApplication) -> bool:
        owner = None if app.mark is None else app.mark.owner
        return owner is None or (owner == self.from_owner and owner != self.policy.owner)


def objections(pairs: Sequence[Pair], ground: AdoptionContext) -> list[str]:
    """Objections to adopting these applications together, each with a remedy.

    A pair that is adopted already is no objection.
    """
    seated = ground.filled()
    new = [pair for pair in pairs if seated.get(pair.member) != pair.app]
    found = [said for pair in new if (said := _objection(pair, ground, seated))]
    return found + [
        said for group in ground.cluster.groups if (said := _too_many(group, new, seated))
    ]


def _objection(
    pair: Pair, ground: AdoptionContext, seated: Mapping[Member, ObservedApplication]
) -> str:
    app, what = pair.app, f"`{pair.app.subdomain}` (application {pair.app.id})"
    if not ground.is_claimable(app):
        return f"{what} is {whose(app, ground.policy.owner)}"
    if pair.member in seated:
        held = seated[pair.member]
        return f"{pair.member} has an application already: {held.id}"
    if named := _named(app, Key(ground.cluster.name, pair.member), ground.desired):
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
    group: Group, new: Iterable[Pair], seated: Mapping[Member, ObservedApplication]
) -> str:
    """An objection to more members than replicas, since the next pass would delete the rest."""
    added = {pair.member for pair in new if pair.member.group == group.name}
    members = added | {member for member in seated if member.group == group.name}
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
    decided = plan(remember(situate(desired, world, History(), policy)))
    waits = tuple(w for w in decided.waits if w.intent is not Intent.NOTHING)
    return replace(decided, waits=waits)


def release(app: ObservedApplication, mark: Mark) -> Mapping[str, object]:
    """The PATCH that removes the mark and keeps everything else.

    A launcher reads its member at each start, so an application with a launcher keeps it.
    """
    launched = app.script.startswith(f"{LAUNCHERS}/{mark.cluster}/")
    member = {MEMBER: str(mark.member)} if launched else {}
    return {
        "environment": {**_unmarked(app), **member},
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


def offer(proposal: Proposal, ground: AdoptionContext) -> Offer:
    """The offer for pairs without objections."""
    filled = ground.filled()
    new = [pair for pair in proposal.pairs if filled.get(pair.member) != pair.app]
    made = tuple(adoption(ground.cluster, pair, ground.policy) for pair in new)
    already = tuple(pair for pair in proposal.pairs if pair not in new)
    notes = (*proposal.notes, *_lacking(ground, proposal))
    plan = foresee(ground.desired, ground.observed, made, ground.policy)
    return Offer(ground.cluster, made, already, notes, plan)


def _lacking(ground: AdoptionContext, proposal: Proposal) -> list[str]:
    """A note on groups with missing members, which the next pass creates."""
    members = set(ground.filled()) | {pair.member for pair in proposal.pairs}
    found: list[str] = []
    for group in ground.cluster.groups:
        number = group.replicas - sum(1 for m in members if m.group == group.name)
        if number > 0:
            said = str(THE_HEAD) if group.is_head else f"{number} of group {group.name}"
            found.append(f"no application for {said}")
    return found
