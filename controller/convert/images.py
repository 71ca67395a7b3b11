"""Ray and Python of an image, read from its tag, and the kind of runtime to use instead.

Ray's own images have tags such as `2.52.0-py311-gpu`; images that people build on them mostly keep
the version in front.
"""

import re

from controller.core.spec.formats import check_ray_version
from controller.core.spec.python_environment import check_version

DEFAULT_PYTHON = "3.11"
_RAY = re.compile(r"(?<![0-9.])([0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}(?:rc[0-9]{1,3})?)(?![0-9])")
_PYTHON_TAG = re.compile(r"(?:^|[-._])py(3)([0-9]{1,2})(?:[-._]|$)")
_PYTHON_RUNTIME = re.compile(r"python(3\.[0-9]{1,2})")
_CUDA = re.compile(r"gpu|cu(da)?-?[0-9]+|cuda", re.IGNORECASE)


def ray_version_in(text: str) -> str:
    """The first version of Ray in a text, or an empty one."""
    match = _RAY.search(text)
    if match is None:
        return ""
    try:
        return check_ray_version(match[1])
    except ValueError:
        return ""


def tag_of(image: str) -> str:
    """The tag of an image reference; empty without one."""
    name = image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2]


def python_of_tag(image: str) -> str:
    """Python's version in a tag, such as 3.11; empty where it is absent or too old for raycml."""
    match = _PYTHON_TAG.search(tag_of(image))
    return _accepted(f"{match[1]}.{match[2]}") if match else ""


def python_of_runtime(identifier: str) -> str:
    """Python's version in the identifier of a runtime; empty where it does not tell."""
    match = _PYTHON_RUNTIME.search(identifier)
    return _accepted(match[1]) if match else ""


def runtime_kind(python: str, *, cuda: bool = False) -> dict[str, str]:
    """Kernel and edition of Cloudera's runtimes with this Python."""
    return {"kernel": f"Python {python}", "edition": "Nvidia GPU" if cuda else "Standard"}


def has_cuda(runtime: str) -> bool:
    return "cuda" in runtime or _CUDA.search(tag_of(runtime)) is not None


def _accepted(version: str) -> str:
    try:
        return check_version(version)
    except ValueError:
        return ""
