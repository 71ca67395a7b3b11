"""Proposal of a mapping of applications to members, from their names, for confirmation.

Rules, for applications without an owner and members without an application:

1. An application with a launcher of this cluster is the member in its RAYCML_MEMBER: it was
   released from this cluster.
2. Otherwise its subdomain decides, then its name: whole words at the end, `head` for the head, and
   a group's name with a number for that ordinal of the group; `worker` with a number also if
   the cluster has a single worker group, whatever its name.
3. The part before these words is the family.  One family is proposed: the cluster's own
   (`ray-<cluster>`), else the one that contains the cluster's name, else the only one.
4. A number of more than six digits is a time: such workers become the free members of the group in
   the order of their numbers.  Their family is that of the head whose name begins with theirs
   (`ray-cluster-head` and `ray-worker-1764100000`).
5. A member claimed by two applications of the family, and a group with more claims than free
   members, are left to the user.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from controller.core.model.desired import LAUNCHERS, DesiredCluster, Group
from controller.core.model.member import MEMBER, THE_HEAD, Member, parse_member
from controller.core.model.observed import ObservedApplication
from controller.core.spec.names import HEAD

_WORKER = "worker"
_LAST_ORDINAL = 999_999
_NUMBER_DIGITS = 20  # a time in nanoseconds has 19


@dataclass(frozen=True, slots=True)
class Pair:
    """A member and its application; `why` it is that one, for people."""

    member: Member
    app: ObservedApplication
    why: str = field(default="", compare=False)


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
    why: str


@dataclass(frozen=True, slots=True)
class _Serial:
    """A worker of a group that is numbered by a time, so without an ordinal of its own."""

    group: str
    family: str
    number: int
    app: ObservedApplication


def propose(
    cluster: DesiredCluster, filled: Iterable[Member], apps: Iterable[ObservedApplication]
) -> Proposal:
    """Unambiguous pairs of these applications and the cluster's free members.

    `filled`: members with an application.
    """
    taken = frozenset(filled)
    named = [c for app in apps if (c := _claim(cluster, app))]
    claims = [c for c in named if isinstance(c, _Claim) and c.member not in taken]
    serials = [c for c in named if isinstance(c, _Serial)]
    claims += _in_turn(serials, claims, taken)
    family, notes = _family(cluster, claims)
    by_member: dict[Member, list[_Claim]] = {}
    for claim in claims:
        if claim.family == family:
            by_member.setdefault(claim.member, []).append(claim)
    notes += [_contested(m, c) for m, c in sorted(by_member.items()) if len(c) > 1]
    single = [Pair(m, c[0].app, c[0].why) for m, c in sorted(by_member.items()) if len(c) == 1]
    full = {g.name: note for g in cluster.groups if (note := _crowded(g, taken, single))}
    pairs = tuple(pair for pair in single if pair.member.group not in full)
    return Proposal(pairs, (*notes, *full.values()))


def _in_turn(
    serials: Sequence[_Serial], claims: Sequence[_Claim], taken: frozenset[Member]
) -> list[_Claim]:
    """The free members of each group, in the order of the numbers."""
    used = {*taken, *(claim.member for claim in claims)}
    heads = {claim.family for claim in claims if claim.member == THE_HEAD}
    turned: list[_Claim] = []
    for serial in sorted(serials, key=lambda each: (each.group, each.number, each.app.id)):
        free = (n for n in count() if Member(serial.group, n) not in used)
        member = Member(serial.group, next(free))
        used.add(member)
        near = [head for head in heads if f"{head}-".startswith(f"{serial.family}-")]
        family = near[0] if len(near) == 1 and serial.family not in heads else serial.family
        turned.append(_Claim(member, family, serial.app, f"number {serial.number}, in turn"))
    return turned


def _claim(cluster: DesiredCluster, app: ObservedApplication) -> _Claim | _Serial | None:
    own = f"ray-{cluster.name}"
    if member := _by_launcher(cluster, app):
        return _Claim(member, own, app, "its launcher")
    for what, text in (("subdomain", app.subdomain), ("name", app.name)):
        if match := _by_words(cluster, _slug(text)):
            group, number, family = match
            if number > _LAST_ORDINAL:
                return _Serial(group, family, number, app)
            word = HEAD if group == HEAD else f"{group} {number}"
            return _Claim(Member(group, number), family, app, f"{what} says {word}")
    return None


def _by_launcher(cluster: DesiredCluster, app: ObservedApplication) -> Member | None:
    if not app.script.startswith(f"{LAUNCHERS}/{cluster.name}/"):
        return None
    member = parse_member(app.environment.get(MEMBER, ""))
    return member if member is not None and cluster.group(member.group) is not None else None


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text[:200].lower()).strip("-")


def _by_words(cluster: DesiredCluster, slug: str) -> tuple[str, int, str] | None:
    """Group and number in the last words, and the part before; the longest group name wins."""
    if f"-{slug}".endswith(f"-{HEAD}"):
        return HEAD, 0, slug.removesuffix(HEAD).rstrip("-")
    for word, group in sorted(_words(cluster).items(), key=lambda item: -len(item[0])):
        match = re.fullmatch(rf"(?:(.*)-)?{re.escape(word)}-?([0-9]+)", slug)
        if match and len(match[2].lstrip("0")) <= _NUMBER_DIGITS:
            return group, int(match[2]), match[1] or ""
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
