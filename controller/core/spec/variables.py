"""Environment variables that a spec may set, and their total size."""

import json
import re
from collections.abc import Iterator, Mapping

from controller.core.spec.ray.variables import reason, value_remedy

MAX_VARIABLES = 200
MAX_VALUE_LENGTH = 32_768
MAX_SIZE = 128 * 1024
NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")


_MASKS = frozenset("*\u2022")


def shows(value: str | None, desired: str) -> bool:
    """True if a server's value is the desired one, whole, trimmed or masked."""
    if value is None or value == desired:
        return value == desired
    masked = len(value) > 1 and set(value) <= _MASKS
    return masked or value == desired.strip()


def check_variable_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            "an environment variable's name has letters, digits and underscores, does not start "
            "with a digit, and has at most 200 characters; rename it"
        )
    why = reason(name)
    if why is not None:
        raise ValueError(f"`{name}` may not be set in a spec: {why}; remove it")
    return name


def check_variable_value(value: str) -> str:
    """Any text of up to 32,768 characters that a process can be given: no NUL, valid Unicode."""
    if len(value) > MAX_VALUE_LENGTH:
        raise ValueError(
            f"the value has {len(value)} characters, of at most {MAX_VALUE_LENGTH}; "
            "put it into a file of the project instead"
        )
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("the value holds a character that no environment can carry; remove it")
    return value


def variable_faults(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(name, message) for each variable whose value keeps a member from starting."""
    for name, value in variables.items():
        remedy = value_remedy(name, value)
        if remedy is not None:
            yield name, f"the value of `{name}` is not valid; {remedy}"


def size(variables: Mapping[str, str]) -> int:
    """Bytes that CML stores and sends for them: an object in JSON, as a string in JSON again.

    A page of a project's list holds a hundred applications, with the variables of each.
    """
    return len(json.dumps(json.dumps(dict(variables))))


def size_fault(variables: Mapping[str, str], whose: str) -> str | None:
    """A message where a member cannot carry all of them."""
    total = size(variables)
    if total <= MAX_SIZE:
        return None
    largest = max(variables, key=lambda name: len(variables[name]))
    return (
        f"the environment of {whose} takes {total // 1024} KiB, of at most {MAX_SIZE // 1024}; "
        f"put large values such as `{largest}` into files of the project"
    )
