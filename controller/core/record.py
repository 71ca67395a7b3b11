"""What is in force: one revision of a source after another, and what each leaves behind.

Pure.  A record is all that must outlive the controller for a deletion to be understood: the specs
in force, and the clusters that left the source and still have applications.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from controller.core.fingerprint import canonical
from controller.core.revision import Holder, Revision, assemble

_PREFIX_MIN = 7  # characters of a revision's id that a person may give for the whole


@dataclass(frozen=True, slots=True)
class Departed:
    """A cluster with its last good spec, and the revision that no longer had it."""

    holder: Holder
    removed_by: str


@dataclass(frozen=True, slots=True)
class Record:
    """What the source was last known to say.  `revision` is empty before the first."""

    origin: str
    revision: str = ""
    clusters: tuple[Holder, ...] = ()
    departed: tuple[Departed, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
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


def content_id(revision: Revision) -> str:
    """An id for a reading that has no commit: a hash of what it says, 12 hex digits."""
    said = [holder.cluster.model_dump(mode="json") for holder in revision.clusters]
    problems = [str(problem) for problem in revision.problems]
    return hashlib.sha256(canonical([said, problems]).encode()).hexdigest()[:12]


def objection(
    record: Record, reading: Reading, approved: Iterable[str], allow_prune: int
) -> Objection | None:
    """Why the reading may not come into force by itself; None where it may."""
    if is_approved(reading.id, approved):
        return None
    if not record.revision and not reading.revision.clusters and not reading.revision.problems:
        return Objection("NoSpecs", "it holds no spec at all; correct the path, or add a spec")
    if record.revision and not reading.follows:
        return Objection(
            "Rewound",
            f"it does not follow {record.revision[:12]}, which is in force: "
            "the ref was rewound or pushed by force",
        )
    removed = _removed(record, reading.revision)
    if len(removed) > max(allow_prune, len(record.clusters) // 2):
        return Objection(
            "PruneGuarded",
            f"it removes {len(removed)} of {len(record.clusters)} clusters: {_listed(removed)}",
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


def _is_below(holder: Holder, folder: str) -> bool:
    return folder in (".", "./") or holder.file.startswith(f"{folder.rstrip('/')}/")


def is_approved(revision: str, approved: Iterable[str]) -> bool:
    """A person may name a revision by the first seven characters of its id, or more."""
    return any(len(a) >= _PREFIX_MIN and revision.startswith(a) for a in approved)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - 10
    return ", ".join(names[:10]) + (f" and {more} more" if more > 0 else "")


def _removed(record: Record, revision: Revision) -> list[str]:
    """Nothing is removed while anything of the source cannot be read: it may be in there."""
    held = {holder.cluster.name for holder in revision.clusters}
    names = [h.cluster.name for h in record.clusters if h.cluster.name not in held]
    return [] if revision.problems else names


def accept(record: Record, reading: Reading) -> Record:
    """The record with the reading in force.

    While a file has problems, what the source held and does not say any more stays in force as it
    last was.  A cluster that comes back has not departed.
    """
    removed = set(_removed(record, reading.revision))
    clusters = _in_force(record, reading.revision)
    here = {holder.cluster.name for holder in clusters}
    left = [d for d in record.departed if d.holder.cluster.name not in here]
    left += [Departed(h, reading.id) for h in record.clusters if h.cluster.name in removed]
    return replace(
        record,
        revision=reading.id,
        clusters=clusters,
        departed=tuple(sorted(left, key=lambda d: d.holder.cluster.name)),
    )


def _in_force(record: Record, revision: Revision) -> tuple[Holder, ...]:
    """What the revision says, and what it cannot say now.  What is kept wins a contested name."""
    if not revision.problems:
        return revision.clusters
    said = {holder.cluster.name for holder in revision.clusters}
    kept = [h for h in record.clusters if h.cluster.name not in said]
    both = assemble((*revision.clusters, *kept), (), origin=revision.origin).clusters
    contested = [h for h in kept if h not in both]
    return tuple(sorted((*both, *contested), key=lambda h: h.cluster.name))


def forget(record: Record, present: Iterable[str]) -> Record:
    """The record without the departed clusters that have no application left."""
    still = set(present)
    kept = tuple(d for d in record.departed if d.holder.cluster.name in still)
    return record if kept == record.departed else replace(record, departed=kept)


def in_force(record: Record, newest: Revision | None) -> Revision:
    """The revision to act on; the problems are those of the newest reading."""
    return Revision(
        clusters=record.clusters,
        problems=() if newest is None else newest.problems,
        commit=record.revision,
        origin=record.origin,
        departed=tuple(departed.holder for departed in record.departed),
    )
