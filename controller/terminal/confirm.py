"""Confirmation by the user, at a prompt or by `--yes`."""

import typer

from controller.printable import one_line
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen


def confirm(screen: Screen, message: str, question: str, *, yes: bool) -> None:
    """Ask for confirmation, unless `--yes` is given.  CommandError without it."""
    if yes:
        return
    if not screen.asks:
        raise CommandError(message, Exit.REFUSED, "pass --yes to confirm")
    screen.say(message)
    if not typer.confirm(one_line(question), err=True):
        raise CommandError("nothing was done", Exit.REFUSED)
