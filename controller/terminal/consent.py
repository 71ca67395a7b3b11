"""A person's word, given now or beforehand."""

import typer

from controller.printable import one_line
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen


def consent(screen: Screen, said: str, question: str, *, yes: bool) -> None:
    """Return only where a person agreed, now or by `--yes`.  CommandError otherwise."""
    if yes:
        return
    if not screen.asks:
        raise CommandError(said, Exit.REFUSED, "`--yes`, where that is what you want")
    screen.say(said)
    if not typer.confirm(one_line(question), err=True):
        raise CommandError("nothing was done", Exit.REFUSED)
