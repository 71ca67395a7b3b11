"""`raycml approve`: approval of a held revision.

An approval is for one step, from the revision in force to the held one, and ends with that step.
"""

import re
from collections.abc import Sequence
from typing import Annotated

import typer

from controller.core.model.approval import PREFIX_MIN, REVISION, Held, matching
from controller.files.approvals import all_held
from controller.files.port import FilesError
from controller.process.operator import operator_name
from controller.run.orders.page_orders import write_approval
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.confirm import confirm
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Yes
from controller.web.orders import OrderError
from controller.workspace.session import Session, open_session

Named = Annotated[
    str | None,
    typer.Argument(
        metavar="REVISION",
        help="Revision ID, or at least its first 7 characters.  Default: list held revisions",
    ),
]
Waiting = tuple[str, Held]  # the ID of a source, and its held revision


@with_common_options
def approve(common: CommonOptions, revision: Named = None, *, yes: Yes = False) -> Exit:
    """Example: raycml approve 4c1f9a7

    Approve a revision that is held because it removes many clusters, or was force-pushed.
    """
    screen = common.screen
    prefix = None if revision is None else _checked(revision)
    with open_session(common) as session:
        waiting = _waiting(session)
        if prefix is None:
            for _, held in waiting:
                screen.data(_text(held))
            if not waiting:
                screen.say("no revision needs approval")
            return Exit.DONE
        for source, held in _chosen(prefix, waiting):
            confirm(screen, f"{_text(held)}\n{_effect(held)}", "Approve?", yes=yes)
            try:
                write_approval(session, source, held, operator_name(screen.system.environ))
            except OrderError as error:
                raise CommandError(str(error), Exit.UNEXPECTED) from None
            screen.data(f"{held.revision}  approved")
            screen.say(f"the controller that follows {held.origin} applies it in its next pass")
    return Exit.DONE


def _checked(revision: str) -> str:
    prefix = revision.strip().lower()
    if re.fullmatch(REVISION, prefix) is None:
        raise CommandError(
            f"a revision is {PREFIX_MIN} to 64 characters of 0-9 and a-f",
            Exit.USAGE,
            "list held revisions: `raycml approve`",
        )
    return prefix


def _waiting(session: Session) -> tuple[Waiting, ...]:
    try:
        return all_held(session.files(session.project))
    except FilesError as error:
        message = f"held revisions cannot be read: {error}"
        raise CommandError(message, Exit.UNEXPECTED) from None


def _chosen(prefix: str, waiting: Sequence[Waiting]) -> tuple[Waiting, ...]:
    """The held revision with this ID or prefix; several sources may hold it."""
    revisions = {held.revision for held in matching(prefix, [held for _, held in waiting])}
    if len(revisions) == 1:
        return tuple(each for each in waiting if each[1].revision in revisions)
    if revisions:
        message = f"{prefix} matches several revisions: {', '.join(sorted(revisions))}"
        raise CommandError(message, Exit.USAGE, "give more characters of the revision ID")
    every = ", ".join(held.revision for _, held in waiting) or "none"
    message = f"no controller holds revision {prefix}; held revisions: {every}"
    raise CommandError(message, Exit.REFUSED, "list held revisions: `raycml approve`")


def _text(held: Held) -> str:
    since = held.since.strftime("%Y-%m-%d %H:%M UTC")
    base = f"after {held.base[:12]}" if held.base else "the first one"
    lines = [
        f"{held.revision}  of {held.origin}, {base}, since {since}",
        f"  {held.reason}: {held.message}",
    ]
    if held.removes:
        lines.append(f"  removes: {', '.join(held.removes)}")
    return "\n".join(lines)


def _effect(held: Held) -> str:
    if held.removes:
        return "once approved, these clusters are deleted after their grace period"
    return "once approved, this revision takes effect"
