"""Revision and events of a cluster, as recorded by long-running controllers."""

from controller.core.model.record import Record
from controller.core.status.events import Event, Kind
from controller.files.events import EventFile
from controller.files.port import FilesError, ProjectFiles
from controller.files.records import all_records
from controller.terminal.columns import aligned
from controller.terminal.event_lines import cells

EVENTS_SHOWN = 8
_HEADER = ("LAST SEEN", "KIND", "REASON", "OBJECT", "COUNT", "LAST EVENTS")


def past_of(cluster: str, files: ProjectFiles) -> list[str]:
    """Paragraphs: none if no controller ever ran, one if its files cannot be read."""
    try:
        records, events = all_records(files), EventFile(files).read()
    except FilesError as error:
        return [f"events cannot be read: {error}"]
    return [*_sources(cluster, records), *_events(cluster, events)]


def _sources(cluster: str, records: tuple[Record, ...]) -> list[str]:
    rows = [
        ("revision", f"{record.revision[:12]} of {record.origin}, at {holder.place}")
        for record in records
        for holder in record.clusters
        if holder.cluster.name == cluster
    ]
    return ["\n".join(aligned(rows))] if rows else []


def _events(cluster: str, events: tuple[Event, ...]) -> list[str]:
    """The latest events, and the latest error even if it is older; oldest first."""
    ours = [event for event in events if event.cluster == cluster]
    last = ours[:EVENTS_SHOWN]
    error = next((event for event in ours if event.kind is Kind.WARNING), None)
    if error is not None and error not in last:
        last.append(error)
    rows = [cells(event) for event in reversed(last)]
    return ["\n".join(aligned([_HEADER, *rows]))] if rows else []
