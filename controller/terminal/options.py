"""The options that commands share, each declared once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controller.terminal.durations import parse_duration

SPECS = Path("specs")


class Form(StrEnum):
    """How data is printed."""

    TEXT = "text"
    JSON = "json"


def duration(text: str) -> float:
    """For options that take a length of time."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def cluster_names(names: list[str] | None) -> list[str]:
    return sorted(set(names or ()))


Paths = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="PATH",
        help="Spec files or folders of them.  Default: specs/",
        show_default=False,
    ),
]
LeadTimeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=duration,
        help="How long to wait for the controller that leads.",
    ),
]
Output = Annotated[Form, typer.Option("--output", "-o", help="How data is printed.")]
Local = Annotated[
    bool, typer.Option("--local", help="Use the embedded CML, starting it when it is not up.")
]
CaCert = Annotated[
    Path | None,
    typer.Option(
        "--ca-cert",
        metavar="FILE",
        help="PEM file of authorities to trust besides the public ones.",
        show_default=False,
    ),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour; NO_COLOR does the same.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log every call to stderr.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Agree beforehand, without a question.")]
Project = Annotated[
    str | None,
    typer.Option(
        "--project",
        metavar="ID|NAME",
        help="Another project than the connection's.",
        show_default=False,
    ),
]
Prune = Annotated[
    bool, typer.Option("--prune", help="Delete clusters of ours that no spec holds any more.")
]
AllowPrune = Annotated[
    int,
    typer.Option(
        "--allow-prune",
        metavar="N",
        min=0,
        help="Let up to N clusters go, even if that is more than half of all.",
    ),
]
Refresh = Annotated[
    bool,
    typer.Option("--refresh-launchers", help="Bring members to the newest edition of launchers."),
]
Specs = Annotated[
    list[Path] | None,
    typer.Option(
        "--specs",
        metavar="PATH",
        help="Where the specs are.  Default: specs/, where it exists",
        show_default=False,
    ),
]
