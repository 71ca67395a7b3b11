"""Check of the source before the first pass, so that an invalid command line is an error.

Once a revision is recorded, an unavailable source prevents nothing.  A CML application, with its
source in a variable, keeps polling: CML gives up an application that exits several times.
"""

from controller.run.follow import Follower, Source, SourceLook
from controller.run.options import RunOptions
from controller.source.directory import NotInSourceError, SourceError
from controller.source.git.source import GitSource
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit


def is_needed(options: RunOptions, follower: Follower) -> bool:
    """True if the source is from the command line, and its record has no revision."""
    record = follower.record
    return options.typed and record is not None and not record.revision


def check(options: RunOptions, source: Source, look: SourceLook) -> None:
    """CommandError if the source cannot be used: 64 for a missing ref or path, else 8.

    A source without a spec is polled until it has one."""
    if isinstance(look.fault, NotInSourceError):
        raise CommandError(str(look.fault), Exit.USAGE, "correct --ref or --path")
    if look.fault is not None:
        remedy = "run the command again when the source can be read"
        raise CommandError(str(look.fault), Exit.SOURCE, remedy)
    if options.path and isinstance(source, GitSource) and _lacks_path(source, look):
        message = f"{source.origin}: no such folder in the repository"
        raise CommandError(message, Exit.USAGE, "correct --path")


def _lacks_path(source: GitSource, look: SourceLook) -> bool:
    reading = look.reading
    if reading is None or not reading.revision.empty_folders:
        return False
    try:
        return not source.has_path(reading.id)
    except SourceError:
        return False  # it could be read a moment ago; the next poll reports the fault
