"""Specs that a status is compared with: local ones, else those in force in controllers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from controller.core.model.record import Record, in_force
from controller.core.spec.revision import Revision, SpecDocument
from controller.files.port import FilesError, ProjectFiles
from controller.files.records import records_of
from controller.source.directory import EmptySourceError
from controller.terminal.options import SPECS
from controller.terminal.specs import NO_SPECS, read_specs


@dataclass(frozen=True, slots=True)
class Basis:
    """The specs to compare with, and `remarks` on their origin.

    `revision` declares each cluster once; local specs take precedence over a record.  `ambiguous`
    are clusters in several records; without applications, such a cluster may be deleted long ago.
    """

    revision: Revision
    remarks: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    ambiguous: frozenset[str] = frozenset()

    def is_followed(self, cluster: str) -> bool:
        """True if a running controller acts on the compared spec.

        A one-shot command leaves no record, and acts on its own specs.
        """
        compared = _spec_of(self.revision.clusters, cluster)
        followed = [_spec_of(record.clusters, cluster) for record in self.records]
        return not followed or compared in followed


def _spec_of(holders: Sequence[SpecDocument], cluster: str) -> object:
    return next((h.cluster for h in holders if h.cluster.name == cluster), None)


def read_here(specs: Sequence[Path] | None) -> tuple[Revision | None, str]:
    """The local specs with their problems, or None and the reason.  SourceError for a bad path."""
    if not specs and not SPECS.is_dir():
        return None, f"no specs found in {SPECS}/ (see --specs)"
    try:
        return read_specs(specs), ""
    except EmptySourceError as error:
        return None, str(error).partition(";")[0]


def basis(specs: Sequence[Path] | None, files: ProjectFiles, owner: str) -> Basis:
    """The local specs, combined with the records in the project's files."""
    here, absent = read_here(specs)
    remarks: list[str] = []
    try:
        records = records_of(files, owner)
    except FilesError as error:
        records = ()
        remarks.append(f"the controllers' records cannot be read: {error}")
    held = {h.cluster.name for h in here.clusters} if here is not None else set()
    followed = {
        h.cluster.name: h for r in records for h in r.clusters if h.cluster.name not in held
    }
    departed = [d.holder for r in records for d in r.departed]
    left = [h for h in departed if h.cluster.name not in held | followed.keys()]
    start = NO_SPECS if here is None else here
    clusters = sorted((*start.clusters, *followed.values()), key=lambda h: h.cluster.name)
    kept = {n: why for r in records for n, why in in_force(r, None).kept.items() if n in followed}
    places = {n: projects for r in records for n, projects in r.places.items()}
    revision = replace(
        start, clusters=tuple(clusters), departed=tuple(left), places=places, kept=kept
    )
    remarks += _differences(held, here, records) if here is not None else [_source(absent, records)]
    ambiguous = frozenset(followed) if len(records) > 1 else frozenset()
    return Basis(revision, tuple(remarks), records, ambiguous)


def _source(absent: str, records: Sequence[Record]) -> str:
    if not records:
        return f"{absent}: showing live state only"
    named = ", ".join(f"{r.revision[:12]} of {r.origin}" for r in records)
    return f"{absent}: compared with the specs in force, {named}"


def _differences(held: set[str], here: Revision | None, records: Sequence[Record]) -> list[str]:
    """A line for each cluster whose local spec differs from a controller's."""
    specs = () if here is None else here.clusters
    return [
        f"{holder.cluster.name}: compared with {_spec_place(specs, holder)}; the controller has "
        f"another spec in force: {holder.place} of {record.origin} at {record.revision[:12]}"
        for record in records
        for holder in record.clusters
        if holder.cluster.name in held and _spec_of(specs, holder.cluster.name) != holder.cluster
    ]


def _spec_place(specs: Sequence[SpecDocument], holder: SpecDocument) -> str:
    return next(h.place for h in specs if h.cluster.name == holder.cluster.name)
