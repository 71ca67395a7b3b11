"""The record of a source: the specs in force, and the clusters that left it.

A record is all that must outlive the controller for deletions to be correct.
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


def _names(value: object) -> dict[str, str]:
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
    kept: Annotated[Mapping[str, str], BeforeValidator(_names)] = field(default_factory=dict)
    """Clusters that stay at an older spec, with its revision."""
    grace_s: SecondsOrNull = None
    """Time after which departed clusters are deleted; null for never."""


@dataclass(frozen=True, slots=True)
class SourceReading:
    """One reading of the source: a revision with its id.

    `follows`: true if it descends from `base`, the revision in force when it was read.
    """

    id: str
    revision: Revision
    base: str = ""
    follows: bool = True


@dataclass(frozen=True, slots=True)
class Objection:
    """The reason for which a reading waits for approval, in CamelCase, with a message."""

    reason: str
    message: str


def objection(record: Record, reading: SourceReading, allow_prune: int) -> Objection | None:
    """The objection to the reading, which then needs approval; None if there is none.

    Clusters that left earlier and are not deleted yet are counted too, so that several small
    removals in a row are treated as a large one.
    """
    if not record.revision and not reading.revision.clusters and not reading.revision.problems:
        return Objection("NoSpecs", "it has no specs; correct the path, or add a spec")
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
    """An objection to a folder that lost all its spec files: it may only be unavailable.

    Deleting some files, or the folder itself, is accepted.
    """
    for folder in revision.empty_folders:
        lost = [h for h in record.clusters if h.cluster.name in removed and _is_below(h, folder)]
        if lost:
            names = _listed([holder.cluster.name for holder in lost])
            message = f"{folder} has no spec files any more; it declared {names}"
            return Objection("FolderEmptied", message)
    return None


def _is_below(holder: SpecDocument, folder: str) -> bool:
    return folder in (".", "./") or holder.file.startswith(f"{folder.rstrip('/')}/")


def _leaving(record: Record, revision: Revision) -> list[str]:
    """Departed clusters without approval that the revision does not declare again."""
    declared = {holder.cluster.name for holder in revision.clusters}
    names = [d.holder.cluster.name for d in record.departed if not d.agreed]
    return [name for name in names if name not in declared]


def _listed(names: Sequence[str]) -> str:
    more = len(names) - 10
    return ", ".join(names[:10]) + (f" and {more} more" if more > 0 else "")


def removed_by(record: Record, revision: Revision) -> list[str]:
    """The clusters that the revision removes.

    None while a part of the source cannot be read: they may be declared there.
    """
    declared = {holder.cluster.name for holder in revision.clusters}
    names = [h.cluster.name for h in record.clusters if h.cluster.name not in declared]
    return [] if revision.problems else names


def accept(
    record: Record, reading: SourceReading, now: datetime | None = None, *, agreed: bool = False
) -> Record:
    """The record with the reading in force; `agreed` if a person approved it.

    While a file has problems, clusters that are no longer declared stay in force with their last
    specs.  A cluster that is declared again has not departed.
    """
    removed = set(removed_by(record, reading.revision))
    clusters = _in_force(record, reading.revision)
    here = {holder.cluster.name for holder in clusters}
    departed = [d for d in record.departed if d.holder.cluster.name not in here]
    if agreed:
        departed = [replace(d, agreed=True) for d in departed]
    departed += [
        Departed(h, reading.id, now, agreed) for h in record.clusters if h.cluster.name in removed
    ]
    declared = {holder.cluster.name for holder in reading.revision.clusters}
    accepted = replace(
        record,
        revision=reading.id,
        clusters=clusters,
        departed=tuple(sorted(departed, key=lambda d: d.holder.cluster.name)),
        number=record.number + (reading.id != record.revision),
        kept={name: record.kept.get(name, record.revision) for name in sorted(here - declared)},
    )
    return replace(accepted, places=_carried(record, accepted))


def _carried(before: Record, after: Record) -> Mapping[str, tuple[str, ...]]:
    """The places of every cluster in force or departed, with those of its last spec.

    If a spec names another project, the cluster's applications in the previous one are observed
    until a complete list shows that none is left.
    """
    last = {h.cluster.name: h.cluster.spec.project or "" for h in before.clusters}
    last |= {d.holder.cluster.name: d.holder.cluster.spec.project or "" for d in before.departed}
    specs = {h.cluster.name: h.cluster.spec.project or "" for h in after.clusters}
    names = {*specs, *(d.holder.cluster.name for d in after.departed)}
    places: dict[str, tuple[str, ...]] = {}
    for name in sorted(names):
        previous = before.places.get(name, ())
        moved = name in last and last[name] != specs.get(name) and not previous
        projects = {*previous, *((last[name],) if moved else ())}
        if projects:
            places[name] = tuple(sorted(projects))
    return places


def _in_force(record: Record, revision: Revision) -> tuple[SpecDocument, ...]:
    """The specs of the revision, and those that it cannot replace; these win a contested name."""
    if not revision.problems:
        return revision.clusters
    declared = {holder.cluster.name for holder in revision.clusters}
    remaining = [h for h in record.clusters if h.cluster.name not in declared]
    both = assemble((*revision.clusters, *remaining), (), origin=revision.origin).clusters
    contested = [h for h in remaining if h not in both]
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
            h.cluster.name: _hold_message(record, h, problems)
            for h in record.clusters
            if h.cluster.name in record.kept
        },
    )


def _hold_message(record: Record, holder: SpecDocument, problems: Sequence[Problem]) -> str:
    """The reason for which a cluster stays at an older spec, in words."""
    name = holder.cluster.name
    own = [problem for problem in problems if problem.file == holder.file]
    why = own or problems
    more = f" (and {len(why) - 1} more)" if len(why) > 1 else ""
    problem = f": {why[0]}{more}" if why else ""
    where = (
        "its newest spec cannot be used" if own else "the newest revision lacks it, and is broken"
    )
    return f"held at revision {record.kept[name][:12]}; {where}{problem}"
