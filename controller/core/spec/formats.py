"""Texts in a spec that have a form: interpreter paths, versions, images, projects, budgets.

Each function returns its argument, or raises ValueError with one sentence that ends in a remedy.
"""

import re

MAX_PATH_LENGTH = 255
MAX_IMAGE_LENGTH = 512
MAX_PROJECT_LENGTH = 200
MAX_BUDGET = 1000
_UP_TO_9999 = r"(0|[1-9][0-9]{0,3})"
RAY_VERSION_PATTERN = (
    rf"^{_UP_TO_9999}\.{_UP_TO_9999}\.{_UP_TO_9999}(rc[0-9]{{1,3}}|\.dev[0-9]{{1,3}})?$"
)
PERCENTAGE_PATTERN = r"^([1-9][0-9]?|100)%$"

_PATH = re.compile(r"/?[A-Za-z0-9._+@][A-Za-z0-9._+@-]*(/[A-Za-z0-9._+@-]+)+|/[A-Za-z0-9._+@-]+")
_RAY_VERSION = re.compile(RAY_VERSION_PATTERN)
_PERCENTAGE = re.compile(PERCENTAGE_PATTERN)
_REGISTRY = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"{_REGISTRY}{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)


def check_python(path: str) -> str:
    """A path, never a command: no search path applies to it, and no shell sees it.

    Spaces are refused because Ray builds the command lines of its workers from this path.
    """
    if "/" not in path:
        raise ValueError(
            f"`{path[:40]}` is not a path to an interpreter; "
            "write an absolute one, or one relative to the project's home such as .venv/bin/python"
        )
    if ".." in path.split("/"):
        raise ValueError("the path to the interpreter may not hold `..`; write it out")
    if len(path) > MAX_PATH_LENGTH or _PATH.fullmatch(path) is None:
        raise ValueError(
            "the path to the interpreter may have letters, digits and `._+@-/` only, "
            f"up to {MAX_PATH_LENGTH}; write a plain path such as .venv/bin/python"
        )
    return path


def check_ray_version(version: str) -> str:
    if not _RAY_VERSION.fullmatch(version):
        raise ValueError(
            f'`{version[:40]}` is not a version of Ray; write all three numbers, such as "2.60.0"'
        )
    return version


def check_image(image: str) -> str:
    """A reference such as CML lists as a runtime's identifier: registry, path, tag or digest."""
    if len(image) > MAX_IMAGE_LENGTH or not _IMAGE.fullmatch(image):
        raise ValueError(
            "the runtime identifier is not an image reference; "
            "copy it from the workspace's Runtime Catalog, without https://"
        )
    return image


def check_project(project: str) -> str:
    if len(project) > MAX_PROJECT_LENGTH:
        raise ValueError(f"the project has more than {MAX_PROJECT_LENGTH} characters; write its id")
    if not project.strip() or project != project.strip() or not project.isprintable():
        raise ValueError(
            "a project is an id or an exact name; "
            "write it without spaces around it, or leave the field out"
        )
    return project


def check_budget(value: object) -> object:
    """Number of members that may be away: 1 to 1000, or 1% to 100%."""
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_BUDGET:
        return value
    if isinstance(value, str) and _PERCENTAGE.fullmatch(value):
        return value
    raise ValueError(
        f"must be a number from 1 to {MAX_BUDGET} without quotes, or a percentage from 1% to 100%; "
        "with 0 no update would ever go on"
    )


def check_backend(backend: object) -> object:
    """A storage for the state of a head; the type of the value is checked elsewhere."""
    if isinstance(backend, str) and backend != "rocksdb":
        raise ValueError(
            f"there is no `{backend[:40]}` for the state of a head, as CML has no such service; "
            "write rocksdb, which keeps it in files of the project"
        )
    return backend
