"""A runtime chosen by its kind instead of its identifier."""

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from controller.core.spec.fields import SpecModel, about
from controller.core.spec.placement.fields import PlaceName
from controller.core.spec.placement.kinds import RuntimeChoice

KERNEL_PATTERN = r"^Python 3\.(9|[1-9][0-9])$"
VERSION_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z.-]{0,63}$"


EXAMPLE_CHOICE = {"kernel": "Python 3.11", "edition": "Standard"}


def check_kernel(kernel: str) -> str:
    if re.fullmatch(KERNEL_PATTERN, kernel) is None:
        raise ValueError('must be a kernel with Python, as CML shows it, such as "Python 3.11"')
    return kernel


def check_version(version: str) -> str:
    if re.fullmatch(VERSION_PATTERN, version) is None:
        raise ValueError(
            "must be the version of a runtime or its beginning, such as 2026.04 or 2026.04.1-b7, "
            "in quotes"
        )
    return version


def _text(pattern: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern})


class RuntimeSpec(SpecModel):
    """A kind of runtime: the newest one of the workspace's catalogue that fits is used.

    It is kept while members run with it; a newer one in the catalogue restarts nothing.
    """

    kernel: Annotated[
        Annotated[str, AfterValidator(check_kernel), _text(KERNEL_PATTERN)],
        about("Kernel", "restarts", "Python 3.11"),
    ]
    """Kernel, as CML shows it."""
    edition: Annotated[PlaceName, about("Edition", "restarts", "Standard", "Nvidia GPU")]
    """Edition, as CML shows it."""
    editor: Annotated[PlaceName | None, about("Editor", "restarts", "PBJ Workbench")] = None
    """Editor, as CML shows it; null: any."""
    version: Annotated[
        Annotated[str, AfterValidator(check_version), _text(VERSION_PATTERN)] | None,
        about("Version", "restarts", "2026.04"),
    ] = None
    """Version or its beginning; null: the newest."""

    def choice(self) -> RuntimeChoice:
        return RuntimeChoice(self.kernel, self.edition, self.editor or "", self.version or "")
