"""Catalogue of a workspace: runtimes and runtime add-ons.

The runtimes are named like Cloudera's images, in the editions and versions that public inventories
of workspaces list.
"""

import re
from dataclasses import dataclass

from controller.emulator.state.records import wire_fields

RUNTIME_FIELDS = (
    *("image_identifier", "editor", "kernel", "edition", "description", "full_version", "status"),
)


@dataclass(frozen=True, slots=True)
class Runtime:
    """An entry of the runtime catalogue."""

    image_identifier: str
    editor: str
    kernel: str
    edition: str
    description: str
    full_version: str
    status: str = "ENABLED"
    register_user_id: int = 0

    @property
    def id(self) -> str:
        return self.image_identifier

    def wire(self) -> dict[str, object]:
        return wire_fields(self, *RUNTIME_FIELDS, "register_user_id")


PUBLIC = "docker.repository.cloudera.com/cloudera/cdsw/"
HARDENED = "container.repository.cloudera.com/cloudera/cdsw/"
_SHORT = {"Standard": "standard", "Nvidia GPU": "cuda", "Hardened": "hardened"}
_EDITORS = {"jupyterlab": "JupyterLab", "workbench": "PBJ Workbench"}


def runtime(
    editor: str, python: str, edition: str, version: str, status: str = "ENABLED"
) -> Runtime:
    """A Python runtime, named like Cloudera's images."""
    word = editor.rsplit(maxsplit=1)[-1].lower()
    image = f"ml-runtime-pbj-{word}-python{python}-{_SHORT[edition]}"
    registry = HARDENED if edition == "Hardened" else PUBLIC
    return Runtime(
        image_identifier=f"{registry}{image}:{version}",
        editor=editor,
        kernel=f"Python {python}",
        edition=edition,
        description=f"{edition} edition {editor} Python runtime provided by Cloudera",
        full_version=version,
        status=status,
    )


def runtime_of_image(image: str) -> Runtime:
    """The entry of an image that a user registers: its name says what it is, as far as it does."""
    name, _, tag = image.rsplit("/", 1)[-1].partition("@")[0].partition(":")
    python = re.search(r"python-?(\d+\.\d+)", name)
    r = re.search(r"-r(\d+\.\d+)", name)
    kernel = f"Python {python[1]}" if python else f"R {r[1]}" if r else "Python 3.11"
    editions = [edition for edition, short in _SHORT.items() if short in name]
    return Runtime(
        image_identifier=image,
        editor=next((e for word, e in _EDITORS.items() if word in name), "PBJ Workbench"),
        kernel=kernel,
        edition=editions[0] if editions else "Custom",
        description="Registered by a user",
        full_version=tag or "1",
        register_user_id=1,
    )


RUNTIMES = (
    runtime("JupyterLab", "3.11", "Standard", "2025.09.1-b5"),
    runtime("JupyterLab", "3.11", "Nvidia GPU", "2025.09.1-b5"),
    runtime("JupyterLab", "3.12", "Standard", "2025.09.1-b5"),
    runtime("JupyterLab", "3.12", "Nvidia GPU", "2025.09.1-b5"),
    runtime("JupyterLab", "3.13", "Standard", "2025.09.1-b5"),
    runtime("JupyterLab", "3.13", "Nvidia GPU", "2025.09.1-b5"),
    runtime("JupyterLab", "3.10", "Standard", "2025.01.3-b8", "DEPRECATED"),
    runtime("JupyterLab", "3.9", "Standard", "2023.08.2-b8", "DISABLED"),
    runtime("PBJ Workbench", "3.11", "Standard", "2025.06.1-b5"),
    runtime("PBJ Workbench", "3.12", "Standard", "2025.06.1-b5"),
    runtime("PBJ Workbench", "3.13", "Standard", "2025.09.1-b5"),
    runtime("PBJ Workbench", "3.11", "Nvidia GPU", "2025.06.1-b5"),
    runtime("PBJ Workbench", "3.12", "Nvidia GPU", "2025.06.1-b5"),
    runtime("PBJ Workbench", "3.11", "Hardened", "2026.04.2-b16"),
    runtime("PBJ Workbench", "3.12", "Hardened", "2026.04.2-b16"),
    runtime("PBJ Workbench", "3.13", "Hardened", "2026.04.2-b16"),
    runtime("PBJ Workbench", "3.14", "Hardened", "2026.04.2-b16"),
)


@dataclass(frozen=True, slots=True)
class RuntimeAddon:
    """A runtime add-on; only one that is AVAILABLE can be used."""

    id: int
    identifier: str
    component: str
    display_name: str
    status: str = "AVAILABLE"
    manageable: bool = True
    created_at: str = "2026-01-12T09:00:00.000000Z"
    reason: str = ""

    def wire(self) -> dict[str, object]:
        names = ("identifier", "component", "display_name", "status", "manageable", "created_at")
        return wire_fields(self, *names, "id", "reason")


ADDONS = (
    RuntimeAddon(1, "hadoop-cli-7.3.1.709-1", "HadoopCLI", "Hadoop CLI - CDP 7.3.1"),
    RuntimeAddon(2, "hadoop-cli-7.1.9.1000-2", "HadoopCLI", "Hadoop CLI - CDP 7.1.9", "DISABLED"),
    RuntimeAddon(3, "spark351-26-hf1", "Spark", "Spark 3.5.1 - CDE 1.23"),
    RuntimeAddon(4, "spark330-26-hf1", "Spark", "Spark 3.3.0 - CDE 1.23"),
)
"""The identifiers follow the form of public ones; the versions stand for any."""
