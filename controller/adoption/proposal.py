"""Proposal of a mapping of applications to members, from their names, for confirmation.

Rules, for applications without an owner and members without an application:

1. An application with a launcher of this cluster is the member in its RAYCML_MEMBER: it was
   released from this cluster.
2. Otherwise its subdomain decides, then its name: whole words at the end, `head` for the head, and
   a group's name with a number for that ordinal of the group; `worker` with a number also if
   the cluster has a single worker group, whatever its name.
3. The part before these words is the family.  One family is proposed: the cluster's own
   (`ray-<cluster>`), else the one that contains the cluster's name, else the only one.
4. A member claimed by two applications of the family, and a group with more claims than free
   members, are left to the user.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from controller.core.model.desired import LAUNCHERS, DesiredCluster, Group
from controller.core.model.member import MEMBER, THE_HEAD, Member, parse_member
from controller.core.model.observed import ObservedApplication
from controller.core.spec.names import HEAD

_WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Pair:
    """A member and its application."""

    member: Member
    app: ObservedApplication


@dataclass(frozen=True, slots=True)
class Proposal:
    """Pairs from names; `notes` are sentences on open questions."""

    pairs: tuple[Pair, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Claim:
    """A claim by name; `family` is the part before the words that name the member."""

    member: Member
    family: str
    app: ObservedApplication


def propose(
    cluster: DesiredCluster, filled: Iterable[Member], apps: Iterable[ObservedApplication]
) -> Proposal:
    """Unambiguous pairs of these applications and the cluster's free members.

    `filled`: members with an application.
    """
    taken = frozenset(filled)
    claims = [c for app in apps if (c := _claim(cluster, app)) and c.member not in taken]
    family, notes = _family(cluster, claims)
    by_member: dict[Member, list[_Claim]] = {}
    for claim in claims:
        if claim.family == family:
            by_member.setdefault(claim.member, []).append(claim)
    notes += [_contested(m, c) for m, c in sorted(by_member.items()) if len(c) > 1]
    single = [Pair(m, c[0].app) for m, c in sorted(by_member.items()) if len(c) == 1]
    full = {g.name: note for g in cluster.groups if (note := _crowded(g, taken, single))}
    pairs = tuple(pair for pair in single if pair.member.group not in full)
    return Proposal(pairs, (*notes, *full.values()))


def _claim(cluster: DesiredCluster, app: ObservedApplication) -> _Claim | None:
    own = f"ray-{cluster.name}"
    if member := _by_launcher(cluster, app):
        return _Claim(member, own, app)
    for text in (app.subdomain, app.name):
        if match := _by_words(cluster, _slug(text)):
            return _Claim(*match, app)
    return None


def _by_launcher(cluster: DesiredCluster, app: ObservedApplication) -> Member | None:
    if not app.script.startswith(f"{LAUNCHERS}/{cluster.name}/"):
        return None
    member = parse_member(app.environment.get(MEMBER, ""))
    return member if member is not None and cluster.group(member.group) is not None else None


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text[:200].lower()).strip("-")


def _by_words(cluster: DesiredCluster, slug: str) -> tuple[Member, str] | None:
    """The member in the last words, and the part before them; the longest group name wins."""
    if f"-{slug}".endswith(f"-{HEAD}"):
        return THE_HEAD, slug.removesuffix(HEAD).rstrip("-")
    for word, group in sorted(_words(cluster).items(), key=lambda item: -len(item[0])):
        if match := re.fullmatch(rf"(?:(.*)-)?{re.escape(word)}-?0*(\d{{1,6}})", slug):
            return Member(group, int(match[2])), match[1] or ""
    return None


def _words(cluster: DesiredCluster) -> Mapping[str, str]:
    """Words for worker groups, with the group."""
    groups = [g.name for g in cluster.groups if not g.is_head]
    alias = {_WORKER: groups[0]} if len(groups) == 1 else {}
    return {**alias, **{name: name for name in groups}}


def _family(cluster: DesiredCluster, claims: Sequence[_Claim]) -> tuple[str | None, list[str]]:
    """The one family to propose, or None with a note."""
    families = sorted({claim.family for claim in claims})
    own = [f for f in families if f == f"ray-{cluster.name}"]
    similar = [f for f in families if f"-{cluster.name}-" in f"-{f}-"]
    for chosen in (own, similar, families):
        if len(chosen) == 1:
            return chosen[0], []
    if not families:
        return None, []
    some = ", ".join(f"`{family or HEAD}`" for family in families[:5])
    return None, [f"ambiguous families of names ({some}); choose with --map"]


def _contested(member: Member, claims: Sequence[_Claim]) -> str:
    names = " and ".join(f"`{claim.app.subdomain}`" for claim in claims[:5])
    return f"{member}: ambiguous names {names}; choose with --map"


def _crowded(group: Group, filled: frozenset[Member], pairs: Sequence[Pair]) -> str:
    """A note on a group with more claims than free members; empty for other groups."""
    claims = sum(1 for pair in pairs if pair.member.group == group.name)
    room = group.replicas - sum(1 for member in filled if member.group == group.name)
    if claims <= room:
        return ""
    return (
        f"{claims} applications match group {group.name}, which has {max(room, 0)} free members; "
        "raise its replicas, or choose with --map"
    )
