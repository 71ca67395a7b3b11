"""Revision and events of a cluster, as recorded by long-running controllers."""

from collections.abc import Sequence

from controller.core.status.events import Event, Kind
from controller.files.events import EventFile
from controller.files.port import FilesError, ProjectFiles
from controller.files.records import all_records
from controller.terminal.columns import table
from controller.terminal.event_lines import cells
from controller.terminal.specs import spec_of

EVENTS_SHOWN = 8
_HEADER = ("LAST SEEN", "KIND", "REASON", "OBJECT", "COUNT", "LAST EVENTS")


def past_of(cluster: str, files: ProjectFiles) -> list[str]:
    """Paragraphs: none if no controller ever ran, one if its files cannot be read."""
    try:
        records, events = all_records(files), EventFile(files).read()
    except FilesError as error:
        return [f"events cannot be read: {error}"]
    sources = [
        ("revision", f"{record.revision[:12]} of {record.origin}, at {document.place}")
        for record in records
        if (document := spec_of(cluster, record.clusters)) is not None
    ]
    return [*([table(*sources)] if sources else []), *_events(cluster, events)]


def _events(cluster: str, events: Sequence[Event]) -> list[str]:
    """The latest events, and the latest error even if it is older; oldest first."""
    own = [event for event in events if event.cluster == cluster]
    last = own[:EVENTS_SHOWN]
    error = next((event for event in own if event.kind is Kind.WARNING), None)
    if error is not None and error not in last:
        last.append(error)
    return [table(_HEADER, *map(cells, reversed(last)))] if last else []
