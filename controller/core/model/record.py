"""What is in force: one revision of a source after another, and what each leaves behind.

Pure.  A record is all that must outlive the controller for a deletion to be understood: the specs
in force, and the clusters that left the source and still have applications.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator

from controller.core.model.json_object import (
    Count,
    Flag,
    JsonObject,
    MomentOrNull,
    SecondsOrNull,
    SomeText,
    Text,
    text,
    texts,
)
from controller.core.spec.revision import Problem, Revision, SpecDocument, assemble


def _places(value: object) -> dict[str, tuple[str, ...]]:
    rows = value if isinstance(value, Mapping) else {}
    return {name: texts(projects) for name, projects in rows.items() if texts(projects)}


def _kept(value: object) -> dict[str, str]:
    rows = value if isinstance(value, Mapping) else {}
    return {name: text(revision) for name, revision in rows.items()}


@dataclass(frozen=True, slots=True)
class Departed(JsonObject):
    """A cluster that left the source, with its last good spec."""

    holder: SpecDocument
    """Its last good spec."""
    removed_by: Text
    """Revision that no longer had it."""
    since: MomentOrNull = None
    """Time at which a reading first lacked it."""
    agreed: Flag = False
    """True if a person approved its removal."""


@dataclass(frozen=True, slots=True)
class Record(JsonObject):
    """The last known state of a source."""

    schema: Literal["raycml.source/v2"] = field(
        default="raycml.source/v2", kw_only=True, repr=False
    )
    """Name and version of the format."""
    origin: SomeText
    """The source."""
    revision: SomeText = ""
    """Revision in force; empty before the first."""
    clusters: tuple[SpecDocument, ...] = ()
    """Specs in force."""
    departed: tuple[Departed, ...] = ()
    """Clusters that left the source and still have applications."""
    number: Count = 0
    """Number of revisions that came into force."""
    places: Annotated[Mapping[str, tuple[str, ...]], BeforeValidator(_places)] = field(
        default_factory=dict
    )
    """Projects by cluster in which applications of the cluster may exist: ids, or what a spec
    called a project (empty for the connection's).
    """
    kept: Annotated[Mapping[str, str], BeforeValidator(_kept)] = field(default_factory=dict)
    """Clusters that stay at an older spec, with its revision."""
    grace_s: SecondsOrNull = None
    """Time after which departed clusters are deleted; null for never."""


@dataclass(frozen=True, slots=True)
class SourceReading:
    """One look at the source: a revision under its id.

    `follows`: whether it comes after the revision `base` (that was in force when it was read).
    """

    id: str
    revision: Revision
    base: str = ""
    follows: bool = True


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a reading waits for a person; `reason` is CamelCase."""

    reason: str
    message: str


def objection(record: Record, reading: SourceReading, allow_prune: int) -> Objection | None:
    """Why the reading may not come into force without a person; None where it may.

    Clusters that left a moment ago and are not deleted yet count among those that leave, so that
    several small removals in a row are no way around a large one.
    """
    if not record.revision and not reading.revision.clusters and not reading.revision.problems:
        return Objection("NoSpecs", "it holds no spec at all; correct the path, or add a spec")
    if record.revision and not reading.follows:
        return Objection(
            "Rewound",
            f"it does not follow {record.revision[:12]}, which is in force: "
            "the ref was rewound or pushed by force",
        )
    removed = removed_by(record, reading.revision)
    leaving = [*removed, *_leaving(record, reading.revision)]
    every = len(record.clusters) + len(leaving) - len(removed)
    if removed and len(leaving) > max(allow_prune, every // 2):
        return Objection(
            "PruneLimit",
            f"it removes {len(leaving)} of {every} clusters: {_listed(leaving)}",
        )
    return _emptied(record, reading.revision, removed)


def _emptied(record: Record, revision: Revision, removed: Sequence[str]) -> Objection | None:
    """A folder whose spec files vanished all at once may only be out of reach, so it is held.

    Deleting is deleting a file, or the folder itself; what was allowed beforehand is less than
    every file at once.
    """
    for folder in revision.empty_folders:
        lost = [h for h in record.clusters if h.cluster.name in removed and _is_below(h, folder)]
        if lost:
            names = _listed([holder.cluster.name for holder in lost])
            message = f"{folder} holds no spec file any more; it declared {names}"
            return Objection("FolderEmptied", message)
    return None


def _is_below(holder: SpecDocument, folder: str) -> bool:
    return folder in (".", "./") or holder.file.startswith(f"{folder.rstrip('/')}/")


def _leaving(record: Record, revision: Revision) -> list[str]:
    """Clusters on their way out by no person's word, which the revision does not bring back."""
    declared = {holder.cluster.name for holder in revision.clusters}
    names = [d.holder.cluster.name for d in record.departed if not d.agreed]
    return [name for name in names if name not in declared]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - 10
    return ", ".join(names[:10]) + (f" and {more} more" if more > 0 else "")


def removed_by(record: Record, revision: Revision) -> list[str]:
    """The clusters that leave with the revision.

    Nothing is removed while anything of the source cannot be read: it may be in there.
    """
    held = {holder.cluster.name for holder in revision.clusters}
    names = [h.cluster.name for h in record.clusters if h.cluster.name not in held]
    return [] if revision.problems else names


def accept(
    record: Record, reading: SourceReading, now: datetime | None = None, *, agreed: bool = False
) -> Record:
    """The record with the reading in force; `agreed` where a person approved it.

    While a file has problems, what the source held and does not say any more stays in force as it
    last was.  A cluster that comes back has not departed.
    """
    removed = set(removed_by(record, reading.revision))
    clusters = _in_force(record, reading.revision)
    here = {holder.cluster.name for holder in clusters}
    left = [d for d in record.departed if d.holder.cluster.name not in here]
    if agreed:
        left = [replace(d, agreed=True) for d in left]
    left += [
        Departed(h, reading.id, now, agreed) for h in record.clusters if h.cluster.name in removed
    ]
    said = {holder.cluster.name for holder in reading.revision.clusters}
    accepted = replace(
        record,
        revision=reading.id,
        clusters=clusters,
        departed=tuple(sorted(left, key=lambda d: d.holder.cluster.name)),
        number=record.number + (reading.id != record.revision),
        kept={name: record.kept.get(name, record.revision) for name in sorted(here - said)},
    )
    return replace(accepted, places=_carried(record, accepted))


def _carried(before: Record, after: Record) -> Mapping[str, tuple[str, ...]]:
    """The places of every cluster that is in force or departed, with those of its last spec.

    A spec may name another project now: its applications in the one before are looked at until a
    complete list shows that none is left.
    """
    last = {h.cluster.name: h.cluster.spec.project or "" for h in before.clusters}
    last |= {d.holder.cluster.name: d.holder.cluster.spec.project or "" for d in before.departed}
    specs = {h.cluster.name: h.cluster.spec.project or "" for h in after.clusters}
    names = {*specs, *(d.holder.cluster.name for d in after.departed)}
    places: dict[str, tuple[str, ...]] = {}
    for name in sorted(names):
        known = before.places.get(name, ())
        moved = name in last and last[name] != specs.get(name) and not known
        found = {*known, *((last[name],) if moved else ())}
        if found:
            places[name] = tuple(sorted(found))
    return places


def _in_force(record: Record, revision: Revision) -> tuple[SpecDocument, ...]:
    """What the revision says, and what it cannot say now.  What is kept wins a contested name."""
    if not revision.problems:
        return revision.clusters
    said = {holder.cluster.name for holder in revision.clusters}
    kept = [h for h in record.clusters if h.cluster.name not in said]
    both = assemble((*revision.clusters, *kept), (), origin=revision.origin).clusters
    contested = [h for h in kept if h not in both]
    return tuple(sorted((*both, *contested), key=lambda h: h.cluster.name))


def in_force(record: Record, newest: Revision | None) -> Revision:
    """The revision to act on; the problems are those of the newest reading."""
    problems = () if newest is None else newest.problems
    return Revision(
        clusters=record.clusters,
        problems=problems,
        commit=record.revision,
        origin=record.origin,
        departed=tuple(departed.holder for departed in record.departed),
        agreed=frozenset(d.holder.cluster.name for d in record.departed if d.agreed),
        places=record.places,
        kept={
            h.cluster.name: _why_kept(record, h, problems)
            for h in record.clusters
            if h.cluster.name in record.kept
        },
    )


def _why_kept(record: Record, holder: SpecDocument, problems: Sequence[Problem]) -> str:
    """Why a cluster is held at an older spec, in words."""
    name = holder.cluster.name
    own = [problem for problem in problems if problem.file == holder.file]
    why = own or problems
    more = f" (and {len(why) - 1} more)" if len(why) > 1 else ""
    said = f": {why[0]}{more}" if why else ""
    where = (
        "its newest spec cannot be used" if own else "the newest revision lacks it, and is broken"
    )
    return f"held at revision {record.kept[name][:12]}; {where}{said}"
