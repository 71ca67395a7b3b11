"""The runtimes of a workspace that can run Ray: those with Python, as lines and as a document."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from controller.core.model.json_object import JsonObject
from controller.core.model.offers import OfferedRuntime
from controller.terminal.columns import table


@dataclass(frozen=True, slots=True)
class RuntimeJson(JsonObject):
    """A runtime of the workspace."""

    identifier: str
    """Value for `runtimeIdentifier`."""
    editor: str
    """Value for `runtime.editor`."""
    kernel: str
    """Value for `runtime.kernel`."""
    edition: str
    """Value for `runtime.edition`."""
    version: str
    """Value for `runtime.version`."""
    status: str
    """ENABLED; DEPRECATED: still usable; DISABLED: not usable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimesJson(JsonObject):
    """The runtimes with Python, newest first within each kind."""

    schema: Literal["raycml.runtimes/v1"] = "raycml.runtimes/v1"
    """Name and version of the format."""
    runtimes: tuple[RuntimeJson, ...]
    """The runtimes, by kernel, edition and editor."""


def usable_for_ray(catalogue: Iterable[OfferedRuntime]) -> list[OfferedRuntime]:
    """Runtimes with Python, by kind, the newest first."""
    newest = sorted(catalogue, key=OfferedRuntime.age, reverse=True)
    python = [one for one in newest if one.kernel.startswith("Python")]
    return sorted(python, key=lambda one: (one.kernel, one.edition, one.editor))


def runtimes_json(runtimes: Iterable[OfferedRuntime]) -> RuntimesJson:
    return RuntimesJson(
        runtimes=tuple(
            RuntimeJson(
                identifier=one.identifier,
                editor=one.editor,
                kernel=one.kernel,
                edition=one.edition,
                version=one.version,
                status=one.status or "ENABLED",
            )
            for one in runtimes
        )
    )


def runtimes_text(runtimes: Sequence[OfferedRuntime]) -> str:
    """A table, or a sentence where there are none."""
    if not runtimes:
        return "The workspace lists no runtime with Python."
    header = ("KERNEL", "EDITION", "EDITOR", "VERSION", "STATUS", "IDENTIFIER")
    rows = [
        (one.kernel, one.edition, one.editor, one.version, one.status or "ENABLED", one.identifier)
        for one in runtimes
    ]
    return table(header, *rows)
