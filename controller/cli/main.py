"""Entry point: the commands, and the exit code of each end.

No error prints a traceback: an expected error says what to do next, any other error is one line,
and `-v` adds the traceback.
"""

import io
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from functools import cache, partial, wraps
from typing import Annotated

import typer

from controller import __version__
from controller.cli.commands import emulators
from controller.cli.commands.acceptance import acceptance
from controller.cli.commands.approve import approve
from controller.cli.commands.bootstrap import bootstrap
from controller.cli.commands.convert import convert
from controller.cli.commands.delete import delete
from controller.cli.commands.doctor import doctor
from controller.cli.commands.events import events
from controller.cli.commands.offline import init, schema, validate
from controller.cli.commands.ownership.adopt import adopt
from controller.cli.commands.ownership.orphans import orphans
from controller.cli.commands.ownership.release import release
from controller.cli.commands.pauses import pause, unpause
from controller.cli.commands.plan import plan
from controller.cli.commands.reconcile import reconcile
from controller.cli.commands.render import render
from controller.cli.commands.retire import retire
from controller.cli.commands.rotate_token import rotate_token
from controller.cli.commands.run import run as run_command
from controller.cli.commands.status import status
from controller.process.interrupts import Interrupted, exit_code, raised
from controller.process.system import System, this_system
from controller.terminal.advice import with_local
from controller.terminal.errors import explained
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import OutputError, ReaderGoneError, Screen
from controller.terminal.specs import SpecsError

HELP = """Example: raycml init && raycml plan --local && raycml reconcile --local

Runs Ray clusters on Cloudera AI and keeps them in sync with their specs.
"""

COMMANDS: tuple[Callable[..., Exit], ...] = (
    init,
    convert,
    validate,
    schema,
    render,
    plan,
    reconcile,
    run_command,
    approve,
    delete,
    retire,
    adopt,
    release,
    rotate_token,
    orphans,
    pause,
    unpause,
    status,
    doctor,
    events,
    acceptance,
    bootstrap,
)


class _StoppedError(Exception):
    """An interrupted command; needed because click hides KeyboardInterrupt."""

    def __init__(self, stop: KeyboardInterrupt) -> None:
        super().__init__()
        self.stop = stop if isinstance(stop, Interrupted) else Interrupted()


def _stoppable(command: Callable[..., Exit]) -> Callable[..., Exit]:
    @wraps(command)
    def called(*arguments: object, **options: object) -> Exit:
        try:
            return command(*arguments, **options)
        except KeyboardInterrupt as stop:
            raise _StoppedError(stop) from None

    return called


app = typer.Typer(name="raycml", help=HELP, pretty_exceptions_enable=False)
for _command in COMMANDS:
    # The first paragraph is the example; the list of commands shows the sentence after it.
    _short = " ".join((_command.__doc__ or "").split("\n\n")[1].split())
    app.command(short_help=_short)(_stoppable(_command))
app.add_typer(emulators.app, name="emulator")
# Built once in a process that runs several commands, as tests do: it takes longer than most.
_command_line = cache(partial(typer.main.get_command, app))

# By version, Typer contains click or depends on it; its public error shows the right class.
_USAGE_ERRORS: tuple[type[Exception], ...] = tuple(
    kind
    for kind in typer.BadParameter.__mro__
    if kind.__name__ == "ClickException" and issubclass(kind, Exception)
)

Version = Annotated[bool, typer.Option("--version", help="Print the version and exit.")]


@app.callback(invoke_without_command=True)
def root(ctx: typer.Context, *, version: Version = False) -> Exit:
    """Options without a command; no option at all prints the help."""
    screen = Screen(ctx.obj, plain=True, verbose=False)
    if version:
        screen.data(f"raycml {__version__}")
        raise typer.Exit(Exit.DONE)
    if ctx.invoked_subcommand is None:
        screen.data(ctx.get_help())
    return Exit.DONE


def main() -> None:
    # A stream that was closed (`>&-`) is None: what is written to it goes nowhere.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a poor locale must not end a command
    system = this_system()
    try:
        with raised(system.ending):
            code = run(sys.argv[1:], system)
    except KeyboardInterrupt as error:  # before or after the command itself
        code = exit_code(getattr(error, "number", signal.SIGINT))
    sys.exit(int(code))


def run(arguments: Sequence[str], system: System) -> int:
    """Run one command; the result is its exit code.  Raises nothing."""
    screen = Screen(system, plain="--no-color" in arguments, verbose=_verbose(arguments))
    try:
        return _invoke(arguments, system)
    except _StoppedError as error:
        return _interrupted(screen, error.stop, arguments)
    except (KeyboardInterrupt, EOFError, typer.Abort):
        return _interrupted(screen, Interrupted(), arguments)
    except _USAGE_ERRORS as error:
        return _usage(screen, error)
    except (BrokenPipeError, ReaderGoneError):
        return Exit.DONE
    except Exception as error:  # noqa: BLE001 - the last resort: no traceback may reach a user
        return _end(screen, _of_output(screen) or error, arguments)


def _of_output(screen: Screen) -> OutputError | None:
    try:
        screen.check_output()
    except OutputError as error:
        return error
    return None


def _interrupted(screen: Screen, stop: Interrupted, arguments: Sequence[str]) -> int:
    screen.say("raycml: interrupted", *(with_local(line, arguments) for line in stop.lines))
    return exit_code(stop.number)


def _invoke(arguments: Sequence[str], system: System) -> int:
    ended = _command_line().main(
        args=list(arguments), prog_name="raycml", standalone_mode=False, obj=system
    )
    return ended if isinstance(ended, int) else Exit.DONE


def _usage(screen: Screen, error: BaseException) -> int:
    """Print a usage error of click."""
    message = getattr(error, "format_message", lambda: str(error))()
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "raycml")
    if getattr(error, "option_name", "") == "--dry-run":
        screen.say(f"raycml: {path} has no --dry-run", "try: `raycml plan` shows the changes")
        return Exit.USAGE
    screen.say(f"raycml: {message.rstrip('.')}", f"try: `{path} --help`")
    return Exit.USAGE


def _end(screen: Screen, error: Exception, arguments: Sequence[str]) -> int:
    end = explained(error)
    if screen.verbose:
        screen.say(screen.system.redaction.traceback(error))
    if end is None:
        message = " ".join(str(error).split())[:300]
        screen.say(f"raycml: internal error: {type(error).__name__}: {message}")
        screen.say("try: run the command again with -v, and report its output")
        return Exit.UNEXPECTED
    if isinstance(end, SpecsError):
        screen.say(*end.lines, f"raycml: {end.summary}")
    else:
        screen.say(f"raycml: {end}")
    if end.remedy:
        screen.say(f"try: {with_local(end.remedy, arguments)}")
    return end.code


def _verbose(arguments: Sequence[str]) -> bool:
    """True if `-v` was given, also on an invalid command line."""
    return any(a == "--verbose" or re.fullmatch(r"-[a-uw-z]*v[a-z]*", a) for a in arguments)
