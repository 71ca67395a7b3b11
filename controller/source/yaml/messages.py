"""Messages about invalid specs, made from Pydantic's errors.

Each message is one sentence that says what to write instead.  Of the types of the spec this module
knows only the names of fields.
"""

import json
from collections.abc import Mapping

from pydantic_core import ErrorDetails
from yaml import Node, ScalarNode

from controller.core.spec.kuberay import INSTEAD
from controller.core.spec.suggestions import did_you_mean
from controller.source.yaml.nodes import scalar
from controller.source.yaml.scalars import Unclear

_MAPPING = "must be a mapping of names to values; write `key: value` lines below it"
_BY_TYPE = {
    "int_type": "must be a whole number{number}",
    "int_from_float": "must be a whole number{number}",
    "bool_type": "must be true or false{other}; write true or false, without quotes",
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "mapping_type": _MAPPING,
    "tuple_type": "must be a list; begin each entry with `- `",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_long": "has too many entries; at most {max_length} are allowed",
}


def message(error: ErrorDetails, node: Node | None, fields: tuple[str, ...]) -> str:
    """`node` is the value at fault; `fields` are those that could stand there."""
    kind = error["type"]
    context = error.get("ctx", {})
    name = _name(error)
    if kind == "missing":
        return f"`{name}` is missing; add it"
    if kind == "extra_forbidden":
        hint = did_you_mean(name, fields)
        if name in INSTEAD:
            hint = f"{INSTEAD[name]}; remove it"
        return f"unknown field `{name}`; {hint or 'remove it, or correct its name'}"
    if kind == "raycml":
        return error["msg"]
    if isinstance(node, ScalarNode) and scalar(node) is None and kind != "value_error":
        return f"`{name}` is empty; write a value, or leave the field out"
    if kind == "value_error":
        return _rejected(name, str(context["error"]), None if _is_variable(error) else node)
    hidden = _text(node, "its value", f'{name}: "..."')
    return f"`{name}` {hidden if _is_variable(error) else _typed(kind, context, node)}"


def _name(error: ErrorDetails) -> str:
    steps = [step for step in error["loc"] if step != "[key]"]
    if not steps:
        return "the document"
    if isinstance(steps[-1], int):
        return f"{steps[-2] if len(steps) > 1 else 'list'}[{steps[-1]}]"
    return steps[-1][:60]


def _is_variable(error: ErrorDetails) -> bool:
    """True for an error about a variable below `environment`, whose value is not repeated."""
    steps = [step for step in error["loc"] if step != "[key]"]
    return len(steps) > 1 and steps[-2] == "environment"


def _rejected(name: str, reason: str, node: Node | None) -> str:
    """The reason of our own check, or that readers of YAML disagree about the value."""
    if isinstance(node, ScalarNode) and isinstance(value := scalar(node), Unclear):
        return (
            f"`{node.value[:40]}` is not clearly a value for `{name}`; some readers of YAML take "
            f"it for {value.what}: write a plain decimal number, or quotes"
        )
    return f"`{name}` {reason}" if reason.startswith("must be ") else reason


def _typed(kind: str, context: Mapping[str, object], node: Node | None) -> str:
    written = str(node.value) if isinstance(node, ScalarNode) else ""
    if kind == "string_type":
        return _text(node, f"`{written[:60]}`", json.dumps(written[:60], ensure_ascii=False))
    if kind == "literal_error":
        return _choice(str(context["expected"]), written)
    other = f", not `{written[:40]}`" if written else ""
    number = f"{other}; {_digits(node)}" if isinstance(node, ScalarNode) else ""
    return _BY_TYPE.get(kind, "is not valid here").format(other=other, number=number, **context)


def _text(node: Node | None, shown: str, quoted: str) -> str:
    if not isinstance(node, ScalarNode):
        return "must be text, not a list or a mapping"
    value = scalar(node)
    taken = "true or false" if isinstance(value, bool) else "a number"
    taken = value.what if isinstance(value, Unclear) else taken
    return f"must be text, and YAML takes {shown} for {taken}; write it in quotes: {quoted}"


def _digits(node: ScalarNode) -> str:
    digits = node.value.lstrip("+-0_ ")
    if digits.isascii() and digits.isdigit() and len(digits) <= 9:
        return f"write {digits}" + (", without quotes" if isinstance(scalar(node), str) else "")
    return "write plain decimal digits without quotes"


def _choice(expected: str, written: str) -> str:
    choices = tuple(expected.replace("'", "").replace(" or ", ", ").split(", "))
    listed = " or ".join([", ".join(choices[:-1]), choices[-1]] if choices[:-1] else choices)
    hint = did_you_mean(written, choices) if written and len(choices) > 1 else ""
    return f"must be {listed}" + (f"; {hint}" if hint else "")
