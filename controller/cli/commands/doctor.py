"""`raycml doctor`: whether everything is well enough for clusters to run, and how to mend it."""

from dataclasses import replace
from io import BufferedWriter
from pathlib import Path
from typing import Annotated

import typer

from controller.doctor.bundle import reserve, write
from controller.doctor.checkup import examine
from controller.doctor.look import Asked, Found, look
from controller.doctor.report import checkup_json, checkup_lines, checkup_summary
from controller.doctor.result import Cause, Finding, worst
from controller.printable import one_line
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import CaCert, Form, Local, NoColor, Output, Paths, Verbose
from controller.terminal.screen import Screen

Bundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        metavar="FILE.tar.gz",
        help="Write an archive for support too: what was found, without secrets.",
        show_default=False,
    ),
]
ReadOnly = Annotated[
    bool,
    typer.Option(
        "--read-only", help="Leave out the probe file; whether one can write is not known."
    ),
]

_ENDS: dict[Cause | None, Exit] = {
    None: Exit.DONE,
    Cause.KEY: Exit.UNAUTHORIZED,
    Cause.UNREACHABLE: Exit.UNEXPECTED,
    Cause.SPEC: Exit.INVALID_SPEC,
    Cause.SOURCE: Exit.SOURCE,
    Cause.OTHER: Exit.NOT_CONVERGED,
}


def doctor(  # noqa: PLR0913 - the options of one command
    ctx: typer.Context,
    paths: Paths = None,
    *,
    output: Output = Form.TEXT,
    bundle: Bundle = None,
    read_only: ReadOnly = False,
    local: Local = False,
    ca_cert: CaCert = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> Exit:
    """Example: raycml doctor specs/ --bundle support.tar.gz

    Say whether all is well enough for clusters to run, and how to mend what is not.

    Reads, but for one probe file: written beside the launchers (.raycml/launchers), replaced and
    removed at once.  --read-only leaves it out.

    Ends with 0 where nothing is bad (warnings may be), 4 for the key, 1 where CML cannot be
    reached, 3 for a bad spec, 8 where specs cannot be read, else 5.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=verbose)
    archive = None if bundle is None else reserve(bundle)
    try:
        found = look(screen, Asked(paths, local, ca_cert, read_only, bundle is not None))
        findings = examine(found.facts)
        _show(screen, output, found, findings)
        if archive is not None:
            _pack(archive, screen, found, findings)
            screen.say(f"{bundle}: read it before you pass it on")
    except BaseException:
        if bundle is not None:
            bundle.unlink(missing_ok=True)
        raise
    return _ENDS[worst(findings)]


def _pack(
    archive: BufferedWriter, screen: Screen, found: Found, findings: tuple[Finding, ...]
) -> None:
    try:
        write(archive, screen.machine, found, findings)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CommandError(f"the archive cannot be written: {why}", Exit.UNEXPECTED) from None


def _show(screen: Screen, output: Form, found: Found, findings: tuple[Finding, ...]) -> None:
    if output is Form.JSON:
        screen.document(checkup_json(findings, found.facts.as_of))
        return
    shown = [replace(f, message=one_line(f.message), fix=one_line(f.fix)) for f in findings]
    screen.data("\n".join([*checkup_lines(shown), checkup_summary(shown)]))
