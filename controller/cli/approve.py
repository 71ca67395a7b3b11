"""`raycml approve`: a person's word that a revision which waits may come into force."""

from typing import Annotated

import typer

from controller.cli.compose import open_session
from controller.cli.exit_codes import Exit
from controller.cli.failure import CommandError
from controller.cli.options import CaCert, Local, NoColor, Verbose
from controller.cli.orders import write_approval
from controller.cli.people import this_person
from controller.cli.screen import Screen
from controller.files.approvals import REVISION
from controller.web.orders import OrderError

Named = Annotated[
    str, typer.Argument(metavar="REVISION", help="Its id, or the first 7 characters or more.")
]


def approve(
    ctx: typer.Context,
    revision: Named,
    *,
    local: Local = False,
    ca_cert: CaCert = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> Exit:
    """Example: raycml approve 4c1f9a7

    Let a revision into force that removes many clusters, or that was pushed by force.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=verbose)
    named = revision.strip().lower()
    if REVISION.fullmatch(named) is None:
        raise CommandError(
            "a revision is 7 to 64 characters of 0-9 and a-f",
            Exit.USAGE,
            "the page, `raycml events` and the log of `raycml run` name the one that waits",
        )
    with open_session(screen, local=local, ca_cert=ca_cert) as session:
        try:
            write_approval(session, named, this_person(screen.machine.environ))
        except OrderError as error:
            raise CommandError(str(error), Exit.UNEXPECTED) from None
    screen.data(f"{named}  approved")
    screen.say("the running controller lets it into force with its next pass")
    return Exit.DONE
