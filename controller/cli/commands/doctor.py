"""`raycml doctor`: checks the setup and suggests fixes."""

from collections.abc import Sequence
from dataclasses import replace
from io import BufferedWriter
from pathlib import Path
from typing import Annotated

import typer

from controller.doctor.bundle import reserve, write
from controller.doctor.checks.capacity import offered_runtimes
from controller.doctor.checkup import examine
from controller.doctor.probe import NoAnswerError, Probe, open_probe
from controller.doctor.report import checkup_json, checkup_lines, checkup_summary
from controller.doctor.result import Cause, CheckResult, worst
from controller.doctor.runtimes import runtimes_json, runtimes_text, usable_for_ray
from controller.printable import one_line
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, Output, Paths, option
from controller.terminal.screen import Screen

Bundle = Annotated[
    Path | None, option("--bundle", "FILE.tar.gz", "Also write a support bundle, without secrets.")
]
ReadOnly = Annotated[
    bool,
    typer.Option(
        "--read-only", help="Write no test file; write access to the project is not checked."
    ),
]

Runtimes = Annotated[
    bool,
    typer.Option(
        "--runtimes", help="Check nothing; list the workspace's runtimes that can run Ray."
    ),
]

_EXIT_CODES: dict[Cause | None, Exit] = {
    None: Exit.DONE,
    Cause.KEY: Exit.UNAUTHORIZED,
    Cause.UNREACHABLE: Exit.UNEXPECTED,
    Cause.SPEC: Exit.INVALID_SPEC,
    Cause.SOURCE: Exit.SOURCE,
    Cause.OTHER: Exit.NOT_CONVERGED,
}


@with_common_options
def doctor(
    common: CommonOptions,
    paths: Paths = None,
    *,
    output: Output = Form.TEXT,
    bundle: Bundle = None,
    read_only: ReadOnly = False,
    runtimes: Runtimes = False,
) -> Exit:
    """Example: raycml doctor specs/ --bundle support.tar.gz

    Check the setup and suggest fixes.

    The only thing written is one test file beside the launchers (.raycml/launchers), which is
    replaced and removed at once.  --read-only skips it.

    Exits with 0 if nothing is bad (warnings are allowed), 4 for a problem with the key, 1 if CML
    cannot be reached, 3 for an invalid spec, 8 if the specs cannot be read, otherwise 5.
    """
    screen = common.screen
    if runtimes:
        if bundle is not None:
            message = "--runtimes checks nothing, so it has no bundle"
            raise CommandError(message, Exit.USAGE, "leave out one of --runtimes and --bundle")
        return _list_runtimes(common, output)
    archive = None if bundle is None else reserve(bundle)
    try:
        with open_probe(common, paths, read_only=read_only) as probe:
            results = examine(probe)
            _show(screen, output, results)
            if archive is not None:
                _pack(archive, probe, results)
                screen.say(f"{bundle}: review it before you share it")
    except BaseException:
        if bundle is not None:
            bundle.unlink(missing_ok=True)
        raise
    return _EXIT_CODES[worst(results)]


def _list_runtimes(common: CommonOptions, output: Form) -> Exit:
    with open_probe(common, None, read_only=True) as probe:
        catalogue = probe.attempt(offered_runtimes)
    if isinstance(catalogue, NoAnswerError):
        refused = catalogue.kind == "Unauthorized"
        code = Exit.UNAUTHORIZED if refused else Exit.UNEXPECTED
        message = f"the runtimes cannot be listed: {catalogue.why}"
        raise CommandError(message, code, "`raycml doctor` checks the connection")
    found = usable_for_ray(catalogue)
    if output is Form.JSON:
        common.screen.document(runtimes_json(found))
    else:
        common.screen.data(runtimes_text(found))
    return Exit.DONE


def _show(screen: Screen, output: Form, results: Sequence[CheckResult]) -> None:
    if output is Form.JSON:
        screen.document(checkup_json(results, screen.system.clock.now()))
        return
    lines = [replace(r, message=one_line(r.message), fix=one_line(r.fix)) for r in results]
    screen.data("\n".join([*checkup_lines(lines), checkup_summary(lines)]))


def _pack(archive: BufferedWriter, probe: Probe, results: Sequence[CheckResult]) -> None:
    try:
        write(archive, probe, results)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CommandError(f"cannot write the bundle: {why}", Exit.UNEXPECTED) from None
