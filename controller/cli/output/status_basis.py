"""Specs that a status is compared with: local ones, else those in force in controllers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from controller.core.model.record import Record, in_force
from controller.core.spec.revision import Revision, SpecDocument
from controller.core.spec.spec import RayCluster
from controller.files.port import FilesError, ProjectFiles
from controller.files.records import records_of
from controller.source.directory import EmptySourceError
from controller.terminal.options import SPECS
from controller.terminal.specs import NO_SPECS, read_specs, spec_of


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
        compared = _spec(self.revision.clusters, cluster)
        followed = [_spec(record.clusters, cluster) for record in self.records]
        return not followed or compared in followed


def _spec(documents: Sequence[SpecDocument], cluster: str) -> RayCluster | None:
    document = spec_of(cluster, documents)
    return None if document is None else document.cluster


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
    start = NO_SPECS if here is None else here
    local = {d.cluster.name for d in start.clusters}
    followed = {
        d.cluster.name: d for r in records for d in r.clusters if d.cluster.name not in local
    }
    clusters = sorted((*start.clusters, *followed.values()), key=lambda d: d.cluster.name)
    removed = [d.holder for r in records for d in r.departed]
    names = local | followed.keys()
    revision = replace(
        start,
        clusters=tuple(clusters),
        departed=tuple(d for d in removed if d.cluster.name not in names),
        places={n: projects for r in records for n, projects in r.places.items()},
        kept={
            n: why for r in records for n, why in in_force(r, None).kept.items() if n in followed
        },
    )
    remarks += [_source(absent, records)] if here is None else _differences(here, records)
    ambiguous = frozenset(followed) if len(records) > 1 else frozenset()
    return Basis(revision, tuple(remarks), records, ambiguous)


def _source(absent: str, records: Sequence[Record]) -> str:
    if not records:
        return f"{absent}: showing live state only"
    origins = ", ".join(f"{r.revision[:12]} of {r.origin}" for r in records)
    return f"{absent}: compared with the specs in force, {origins}"


def _differences(here: Revision, records: Sequence[Record]) -> list[str]:
    """A line for each cluster whose local spec differs from a controller's."""
    return [
        f"{local.cluster.name}: compared with {local.place}; the controller has another spec in "
        f"force: {document.place} of {record.origin} at {record.revision[:12]}"
        for record in records
        for document in record.clusters
        if (local := spec_of(document.cluster.name, here.clusters)) is not None
        and local.cluster != document.cluster
    ]
