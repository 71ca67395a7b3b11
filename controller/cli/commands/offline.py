"""Commands without a connection: `init`, `validate`, `schema`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from controller.cli.output.annotations import AnnotationReport, github_lines, gitlab_report
from controller.cli.output.documents import validation_json
from controller.cli.output.json_schemas import Schema, schema_text
from controller.core.spec.allowed_projects import VARIABLE, parse_projects, refused
from controller.core.spec.notices import notices
from controller.core.spec.revision import Revision
from controller.core.spec.text import counted
from controller.printable import json_text
from controller.source.directory import SUFFIXES
from controller.source.yaml.schema import FILE_NAME
from controller.source.yaml.template import starter
from controller.terminal.errors import CommandError, checking_options
from controller.terminal.exit_codes import Exit
from controller.terminal.options import SPECS, NoColor, Paths
from controller.terminal.screen import Screen
from controller.terminal.specs import read_specs

Name = Annotated[str, typer.Option("--name", metavar="NAME", help="Name of the new cluster.")]
Place = Annotated[
    Path | None, typer.Argument(metavar="PATH", help="Folder, or *.yaml file.  Default: specs/")
]
Reported = Annotated[
    AnnotationReport,
    typer.Option("--output", "-o", help="Output format; github and gitlab annotate lines."),
]

SchemaOf = Annotated[
    Schema, typer.Option("--of", help="The format: a spec, or a document of `-o json`.")
]


def init(
    ctx: typer.Context, path: Place = None, *, name: Name = "quickstart", no_color: NoColor = False
) -> Exit:
    """Example: raycml init --name analytics

    Write a commented spec and a schema for editors, without overwriting files.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=False)
    path = path or SPECS
    file = path if path.suffix in SUFFIXES else path / f"{name}.yaml"
    with checking_options("`raycml init --name analytics`"):
        text = starter(name)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        _write_new(file, text)
        _write_schema(file.parent / FILE_NAME, screen)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CommandError(f"{file} cannot be written: {why}", Exit.UNEXPECTED) from None
    screen.data(str(file))
    screen.say(f"next: edit it, then run raycml validate {file}")
    return Exit.DONE


def _write_new(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        remedy = "choose another --name, or another path"
        raise CommandError(f"{file} already exists", Exit.REFUSED, remedy) from None


def _write_schema(file: Path, screen: Screen) -> None:
    """Write the schema.  A schema of another version is kept, since the user may have edited it."""
    text = schema_text(Schema.SPEC)
    if not file.exists():
        _write_new(file, text)
    elif file.read_text("utf-8", errors="replace") != text:
        screen.say(f"{file} is from another version; to update it: raycml schema > {file}")


def schema(ctx: typer.Context, of: SchemaOf = Schema.SPEC) -> Exit:
    """Example: raycml schema > specs/raycml.schema.json

    Print the JSON Schema of a spec (draft 7), or of a document of `-o json` (2020-12).
    """
    Screen(ctx.obj, plain=True, verbose=False).data(schema_text(of).rstrip("\n"))
    return Exit.DONE


def validate(
    ctx: typer.Context,
    paths: Paths = None,
    *,
    output: Reported = AnnotationReport.TEXT,
    no_color: NoColor = False,
) -> Exit:
    """Example: raycml validate specs/

    Validate the specs offline and list every problem with its file, line and column.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=False)
    revision = _limited(read_specs(paths), screen)
    match output:
        case AnnotationReport.TEXT:
            _show(screen, revision)
        case AnnotationReport.JSON:
            screen.document(validation_json(revision))
        case AnnotationReport.GITHUB:
            _annotate(screen, revision)
        case AnnotationReport.GITLAB:
            screen.exact(json_text(gitlab_report(revision.problems, Path.cwd())))
            screen.say(*map(str, revision.problems))
    return Exit.INVALID_SPEC if revision.problems else Exit.DONE


def _limited(revision: Revision, screen: Screen) -> Revision:
    """The revision, with a problem for each spec of a project outside RAYCML_PROJECTS."""
    problems = refused(revision.clusters, parse_projects(screen.system.environ.get(VARIABLE)))
    places = {(problem.file, problem.line) for problem in problems}
    allowed = tuple(d for d in revision.clusters if (d.file, d.line) not in places)
    return replace(
        revision, clusters=allowed, problems=tuple(sorted((*revision.problems, *problems)))
    )


def _show(screen: Screen, revision: Revision) -> None:
    for document in revision.clusters:
        cluster, place = document.cluster, document.place
        members = 1 + sum(group.replicas for group in cluster.spec.worker_group_specs)
        screen.data(f"{place}: {cluster.name}, {counted(members, 'member')}")
        screen.say(*(f"{place}: {notice}" for notice in notices(cluster)))
    screen.say(*map(str, revision.problems))
    if revision.problems:
        screen.say(f"{counted(len(revision.problems), 'problem')} found")


def _annotate(screen: Screen, revision: Revision) -> None:
    """Print annotations for GitHub.

    GitHub takes commands from both streams, so no text of a spec is printed outside annotations.
    """
    for line in github_lines(revision.problems, Path.cwd()):
        screen.exact(line)
    screen.say(
        f"{counted(len(revision.clusters), 'valid spec')}, "
        f"{counted(len(revision.problems), 'problem')}"
    )
