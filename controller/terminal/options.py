"""Options that commands share, each declared once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from controller.terminal.durations import parse_duration

SPECS = Path("specs")


class Form(StrEnum):
    """Formats of printed data."""

    TEXT = "text"
    JSON = "json"


def duration(text: str) -> float:
    """Parser of options that take a duration."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def option(name: str, metavar: str, text: str, *, default: str | bool = True) -> Any:
    """An option that takes a value.  `default`: the default as shown, or whether to show it."""
    return typer.Option(name, metavar=metavar, help=text, show_default=default)


def timeout_option(text: str) -> Any:
    return typer.Option("--timeout", metavar="DURATION", parser=duration, help=text)


def cluster_names(names: list[str] | None) -> list[str]:
    return sorted(set(names or ()))


Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="PATH", help="Spec files, or folders of spec files.  Default: specs/"),
]
LeadTimeout = Annotated[float, timeout_option("Timeout for the controller that leads.")]
Output = Annotated[Form, typer.Option("--output", "-o", help="Output format.")]
Local = Annotated[
    bool, typer.Option("--local", help="Use the local CML emulator (started if needed).")
]
CaCert = Annotated[
    Path | None,
    option("--ca-cert", "FILE", "PEM file with additional certificate authorities to trust."),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="Disable color, like NO_COLOR.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log every CML call to stderr.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation prompt.")]
ClusterName = Annotated[str, typer.Argument(metavar="NAME", help="Cluster name.")]
Project = Annotated[
    str | None, option("--project", "ID|NAME", "Project to use instead of CML_PROJECT_ID.")
]
Prune = Annotated[
    bool, typer.Option("--prune", help="Delete managed clusters that no spec declares.")
]
AllowPrune = Annotated[
    int,
    typer.Option(
        "--allow-prune",
        metavar="N",
        min=0,
        help="Allow deleting up to N clusters, even if that is more than half.",
    ),
]
Now = Annotated[
    bool,
    typer.Option("--now", help="Do not let Ray nodes finish their work before they are stopped."),
]
Refresh = Annotated[
    bool, typer.Option("--refresh-launchers", help="Update members to the latest launcher version.")
]
Specs = Annotated[
    list[Path] | None,
    option("--specs", "PATH", "Spec files or folders.  Default: specs/, if it exists"),
]
