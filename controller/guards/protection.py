"""Protection and pauses in specs: in local ones, and in those on record."""

from collections.abc import Iterable, Sequence

from controller.core.spec.revision import SpecDocument
from controller.files.port import FilesError
from controller.files.records import stored_records
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.workspace.session import Session


def check_specs(holders: Iterable[SpecDocument], *, loses: bool) -> None:
    """CommandError for the first spec that pauses its cluster, or protects it if it `loses`."""
    for holder in holders:
        field = _forbidding(holder, loses=loses)
        if field is not None:
            raise _refusal(
                holder, field, "", f"set `{field}: false` there, then repeat the command"
            )


def check_recorded(session: Session, names: Sequence[str], *, loses: bool) -> None:
    """The same for the specs in force, of every source of the project.

    Also refuses if the records cannot be read.
    """
    files = session.files(session.home)
    try:
        records = stored_records(files)
    except FilesError as error:
        message = f"protection and pause cannot be checked: {error}"
        raise FilesError(message) from error.__cause__
    for folder, record in records:
        for holder in record.clusters:
            field = _forbidding(holder, loses=loses) if holder.cluster.name in names else None
            if field is not None:
                raise _refusal(
                    holder,
                    field,
                    f" of {record.origin}, revision {record.revision[:12]}",
                    f"set `{field}: false` there and wait until it is in force; if no controller "
                    f"follows this source any more, remove {folder} from the project's files",
                )


def _forbidding(holder: SpecDocument, *, loses: bool) -> str | None:
    """The field of the spec that prevents the change."""
    spec = holder.cluster.spec
    if loses and spec.protect:
        return "protect"
    return "paused" if spec.paused else None


def _refusal(holder: SpecDocument, field: str, source: str, remedy: str) -> CommandError:
    state = "protected" if field == "protect" else "paused"
    message = f"{holder.cluster.name} is {state} by its spec at {holder.place}{source}"
    return CommandError(message, Exit.REFUSED, remedy)
