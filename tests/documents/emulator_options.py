"""The options of the CML emulator, with the docstrings of their fields."""

import ast
import inspect
from collections.abc import Iterator, Sequence
from enum import Enum
from operator import attrgetter

from controller.emulator import options
from controller.emulator.option_text import NONE, option_fields
from controller.emulator.server import LOCAL_OPTIONS


def emulator_options() -> Iterator[Sequence[str]]:
    """Name, values, default and meaning of each option, as `raycml emulator start --set` has it."""
    texts = docstrings()
    for field in option_fields():
        path = field.name.split(".")
        owner: type = options.Options
        meanings = []
        for name in path:
            meanings.append(texts[owner.__name__, name])
            owner = type(getattr(LOCAL_OPTIONS, name, None))
        default = _shown(attrgetter(field.name)(LOCAL_OPTIONS))
        shown = f"`{default}`" if default else "(empty)"
        yield f"`{field.name}`", field.values, shown, " ".join(meanings)


def _shown(value: object) -> str:
    if value is None:
        return NONE
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def docstrings() -> dict[tuple[str, str], str]:
    """The text below each field of each class, by class and field."""
    texts: dict[tuple[str, str], str] = {}
    for node in ast.parse(inspect.getsource(options)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                content = " ".join(ast.literal_eval(text.value).split())
                texts[node.name, ast.unparse(field.target)] = content
    return texts
