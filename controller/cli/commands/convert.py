"""`raycml convert`: a manifest of KubeRay as specs, offline."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from controller.convert.cluster import ConvertOptions
from controller.convert.convert import Conversion, ConversionError
from controller.convert.convert import convert as converted
from controller.convert.documents import conversion_json
from controller.convert.notes import NoteKind
from controller.core.spec.formats import check_image, check_ray_version
from controller.core.spec.text import counted
from controller.printable import one_line
from controller.source.yaml.parser import MAX_BYTES
from controller.terminal.errors import CommandError, checking_options
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, NoColor, Output, option
from controller.terminal.screen import Screen

_STDIN = "-"

Manifest = Annotated[
    str, typer.Argument(metavar="MANIFEST", help="A YAML file of KubeRay, or - for stdin.")
]
Runtime = Annotated[
    str | None,
    option(
        "--runtime", "IDENTIFIER", "Runtime of CML for every member.  Default: the newest that fits"
    ),
]
RayVersionOption = Annotated[
    str | None,
    option("--ray-version", "VERSION", "Version of Ray.  Default: the manifest's or its image's"),
]
To = Annotated[
    Path | None, option("--to", "FILE", "Write the specs to this file instead of stdout.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the file of --to.")]


def convert(
    ctx: typer.Context,
    manifest: Manifest,
    *,
    runtime: Runtime = None,
    ray_version: RayVersionOption = None,
    to: To = None,
    force: Force = False,
    output: Output = Form.TEXT,
    no_color: NoColor = False,
) -> Exit:
    """Example: raycml convert kuberay.yaml --to specs/analytics.yaml

    Convert a RayCluster, RayJob or RayService of KubeRay to a spec, offline.

    Names each field that CML cannot have on stderr, with what to use instead.  The result always
        passes `raycml validate`; without a valid result nothing is written.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=False)
    with checking_options("`raycml convert --help`"):
        options = ConvertOptions(
            runtime=check_image(runtime) if runtime else "",
            ray_version=check_ray_version(ray_version) if ray_version else "",
        )
    if to is not None and to.exists() and not force:
        raise _exists(to)
    try:
        conversion = converted(one_line(manifest), _read(manifest), options)
    except ConversionError as error:
        screen.say(*error.reasons)
        raise CommandError(
            "the manifest cannot be converted; nothing was written",
            Exit.INVALID_SPEC,
            "correct it; anchors and templates are written out by "
            "`kubectl create --dry-run=client -o yaml -f FILE`",
        ) from None
    if to is not None:
        _write(to, conversion.text, force=force)
    _show(screen, manifest, to, conversion, output)
    return Exit.DONE


def _read(manifest: str) -> bytes:
    """The bytes of the manifest, one past the bound at most."""
    if manifest == _STDIN:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with Path(manifest).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or str(error)
        message = f"{one_line(manifest)} cannot be read: {why}"
        raise CommandError(message, Exit.SOURCE, "name a manifest of KubeRay, or -") from None


def _write(file: Path, text: str, *, force: bool) -> None:
    """The whole text, or nothing: a file that is replaced is never half of a spec."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if force:
            with tempfile.NamedTemporaryFile(
                "w", dir=file.parent, prefix=".convert-", delete=False, encoding="utf-8"
            ) as new:
                new.write(text)
            Path(new.name).chmod(0o644)
            os.replace(new.name, file)
        else:
            _write_new(file, text)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CommandError(f"{file} cannot be written: {why}", Exit.UNEXPECTED) from None


def _write_new(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        raise _exists(file) from None


def _exists(file: Path) -> CommandError:
    message = f"{one_line(str(file))} already exists"
    return CommandError(message, Exit.REFUSED, "choose another file, or overwrite it with --force")


def _show(
    screen: Screen, manifest: str, to: Path | None, conversion: Conversion, form: Form
) -> None:
    notes = conversion.notes
    name = one_line(manifest)
    if form is Form.JSON:
        written = None if to is None else str(to)
        screen.document(conversion_json(manifest, written, conversion))
    elif to is None:
        screen.exact(conversion.text.rstrip("\n"))
    else:
        screen.data(str(to))
    screen.say(*(f"{name}:{note.line}:{note.column}: {note.text}" for note in notes))
    number = {kind: sum(note.kind is kind for note in notes) for kind in NoteKind}
    screen.say(
        f"{counted(len(conversion.clusters), 'cluster')} converted: {number[NoteKind.CHANGED]} "
        f"fields changed, {number[NoteKind.DROPPED]} not converted, {number[NoteKind.DECIDE]} to "
        "decide"
    )
    if to is not None:
        screen.say(f"next: edit it, then run raycml validate {to}")
