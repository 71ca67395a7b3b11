"""The first look at a source: a command line that cannot work ends at once, and not in a log.

Once a revision is on record, a source that is away or wrong stops nothing.  An application, whose
source stands in its environment, goes on looking: CML gives up one that ends a few times.
"""

from controller.run.follow import Follower, Source, SourceLook
from controller.run.options import RunOptions
from controller.source.directory import NotInSourceError, SourceError
from controller.source.git.source import GitSource
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit


def is_needed(options: RunOptions, follower: Follower) -> bool:
    """Whether a person typed the source, and its record was read and names no revision."""
    record = follower.record
    return options.typed and record is not None and not record.revision


def check(options: RunOptions, source: Source, look: SourceLook) -> None:
    """CommandError where the look came to nothing: 64 for a ref or path that is not there, 8 for a
    source that cannot be read.  A source that holds no spec yet is waited for."""
    if isinstance(look.fault, NotInSourceError):
        raise CommandError(
            str(look.fault), Exit.USAGE, "the same command with another `--ref` or `--path`"
        )
    if look.fault is not None:
        remedy = "the same command when the source can be read"
        raise CommandError(str(look.fault), Exit.SOURCE, remedy)
    if options.path and isinstance(source, GitSource) and _lacks_path(source, look):
        message = f"{source.origin}: there is no such folder in the repository"
        raise CommandError(message, Exit.USAGE, "the same command with another `--path`")


def _lacks_path(source: GitSource, look: SourceLook) -> bool:
    reading = look.reading
    if reading is None or not reading.revision.empty_folders:
        return False
    try:
        return not source.has_path(reading.id)
    except SourceError:
        return False  # it could be read a moment ago; the next look says what is wrong
