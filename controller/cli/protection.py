"""Protection by what controllers have on record, wherever a command is typed."""

from collections.abc import Sequence

from controller.cli.compose import Session
from controller.cli.exit_codes import Exit
from controller.cli.failure import CommandError
from controller.files.port import FilesError
from controller.files.records import RecordFile, record_folders


def check_recorded(session: Session, names: Sequence[str]) -> None:
    """CommandError where a spec in force, of any source of the project, protects a cluster.

    Also where the records cannot be read: what cannot be known is not deleted.
    """
    files = session.files(session.home)
    try:
        found = [(folder, RecordFile(files, folder).read()) for folder in record_folders(files)]
    except FilesError as error:
        message = f"not known whether it is protected: {error}"
        raise FilesError(message) from error.__cause__
    for folder, record in found:
        for holder in record.clusters:
            if holder.cluster.name in names and holder.cluster.spec.protect:
                raise CommandError(
                    f"{holder.cluster.name} is protected by its spec at {holder.place} of "
                    f"{record.origin}, revision {record.revision[:12]}",
                    Exit.REFUSED,
                    "`protect: false` there, once it is in force; a source that no controller "
                    f"follows any more is forgotten by removing {folder} from the project's files",
                )
