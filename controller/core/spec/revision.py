"""One immutable reading of a source: the specs that may be acted on, and what is wrong.

A spec that may not be acted on is not in `Revision.clusters`; the reason is a `Problem` with its
place.  This module reads nothing: `assemble` is a pure function of the specs and problems.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from controller.core.spec.fingerprint import canonical
from controller.core.spec.spec import RayCluster


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A problem of a spec file and its place."""

    file: str
    """The file."""
    line: int
    """Line of the problem, from 1; 0 if it has none."""
    column: int
    """Column of the problem, from 1; 0 if it has none."""
    message: str
    """The problem and its remedy."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class SpecDocument:
    """The place of one spec: the document that starts at `line` of `file`."""

    cluster: RayCluster
    file: str
    line: Annotated[int, Field(strict=True)]

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Revision:
    """Clusters sorted by name, no name twice; problems sorted by place.

    `commit` is git's; where a controller follows a folder, an id of what the folder holds.

    `empty_folders` exist in the source and hold no spec file, neither in them nor below.

    `departed` are clusters that an earlier revision of the source held and this one lacks, with
    their last good spec, until their last application is gone; `agreed` are those of them whose
    removal a person approved.  `places` are projects in which applications of a cluster may exist
    besides the one of its spec, and `kept` says why a cluster is held at an older spec.
    """

    clusters: tuple[SpecDocument, ...]
    problems: tuple[Problem, ...]
    commit: str | None
    origin: str
    departed: tuple[SpecDocument, ...] = ()
    empty_folders: tuple[str, ...] = ()
    agreed: frozenset[str] = frozenset()
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)


def assemble(
    holders: Iterable[SpecDocument],
    problems: Iterable[Problem],
    *,
    origin: str,
    commit: str | None = None,
    empty_folders: tuple[str, ...] = (),
) -> Revision:
    """Put what was read together, without any spec that contests a name with another.

    Two specs contest a name when they declare the same cluster, or when a member of one would have
    the application name of a member of the other.  Every contender is refused: to choose one would
    be to change a cluster because an unrelated file was added.
    """
    ordered = sorted(holders, key=lambda holder: (holder.cluster.name, holder.file, holder.line))
    contested = [*_same_cluster(ordered), *_same_application(ordered)]
    refused = {(problem.file, problem.line) for problem in contested}
    return Revision(
        clusters=tuple(h for h in ordered if (h.file, h.line) not in refused),
        problems=tuple(sorted({*problems, *contested})),
        commit=commit,
        origin=origin,
        empty_folders=empty_folders,
    )


def _same_cluster(holders: Sequence[SpecDocument]) -> Iterator[Problem]:
    for name, holder, rivals in _with_rivals(holders, lambda holder: [holder.cluster.name]):
        if rivals:
            message = f"cluster `{name}` is also declared at {_places(rivals)}; "
            yield _contested(holder, f"{message}keep one of them, or rename one")


def _same_application(holders: Sequence[SpecDocument]) -> Iterator[Problem]:
    """Cluster ``a`` with group ``b-c``, and cluster ``a-b`` with group ``c``.

    Nothing else can collide: heads end in ``-head`` and workers in a number, so two names are equal
    only when both ordinals are equal and both ``<cluster>-<group>`` are.
    """
    for stem, holder, rivals in _with_rivals(holders, _stems):
        if any(rival.cluster.name != holder.cluster.name for rival in rivals):
            message = f"applications `ray-{stem}-<ordinal>` would also belong to {_places(rivals)}"
            yield _contested(holder, f"{message}; rename a group")


def _stems(holder: SpecDocument) -> list[str]:
    cluster = holder.cluster
    return [f"{cluster.name}-{group.group_name}" for group in cluster.spec.worker_group_specs]


def _with_rivals(
    holders: Sequence[SpecDocument], keys: Callable[[SpecDocument], Sequence[str]]
) -> Iterator[tuple[str, SpecDocument, list[SpecDocument]]]:
    """Each key of each spec, with the other specs that have the same."""
    groups: defaultdict[str, list[SpecDocument]] = defaultdict(list)
    for holder in holders:
        for key in keys(holder):
            groups[key].append(holder)
    for key, group in groups.items():
        for holder in group:
            yield key, holder, [rival for rival in group if rival is not holder]


def _places(rivals: Sequence[SpecDocument]) -> str:
    places = [f"{rival.place} (cluster `{rival.cluster.name}`)" for rival in rivals[:5]]
    more = len(rivals) - 5
    return ", ".join(places) + (f" and {more} more" if more > 0 else "")


def _contested(holder: SpecDocument, message: str) -> Problem:
    return Problem(holder.file, holder.line, 1, message)


def content_id(revision: Revision) -> str:
    """An id for a reading that has no commit: a hash of what it says, 12 hex digits."""
    clusters = [holder.cluster.model_dump(mode="json") for holder in revision.clusters]
    problems = [str(problem) for problem in revision.problems]
    return hashlib.sha256(canonical([clusters, problems]).encode()).hexdigest()[:12]
