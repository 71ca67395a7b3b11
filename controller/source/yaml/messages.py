"""Messages about invalid specs, made from Pydantic's errors.

Each message is one sentence that says what to write instead.  Of the types of the spec this module
knows only the names of fields.
"""

import json
from collections.abc import Callable, Mapping

from pydantic_core import ErrorDetails
from yaml import Node, ScalarNode

from controller.core.spec.kuberay import INSTEAD
from controller.core.spec.suggestions import did_you_mean
from controller.source.yaml.nodes import scalar
from controller.source.yaml.scalars import Unclear


def message(error: ErrorDetails, node: Node | None, known: tuple[str, ...]) -> str:
    """`node` is what was written there; `known` are the fields that could stand there."""
    kind = error["type"]
    context = error.get("ctx", {})
    name = _name(error)
    if kind == "missing":
        return f"`{name}` is missing; add it"
    if kind == "extra_forbidden":
        return _unknown(name, known)
    if kind == "raycml":
        return error["msg"]
    if isinstance(node, ScalarNode) and scalar(node) is None and kind != "value_error":
        return f"`{name}` is empty; write a value, or leave the field out"
    if kind == "value_error":
        return _own(name, str(context["error"]), None if _is_variable(error) else node)
    return _variable(name, node) if _is_variable(error) else _typed(kind, name, context, node)


def _is_variable(error: ErrorDetails) -> bool:
    """True for an error about a variable below `environment`, whose value is not repeated."""
    steps = [step for step in error["loc"] if step != "[key]"]
    return len(steps) > 1 and steps[-2] == "environment"


def _variable(name: str, node: Node | None) -> str:
    if not isinstance(node, ScalarNode):
        return f"`{name}` must be text, not a list or a mapping"
    return (
        f"`{name}` must be text, and YAML takes its value for {_taken(node)}; "
        f'write it in quotes: {name}: "..."'
    )


def _typed(kind: str, name: str, context: Mapping[str, object], node: Node | None) -> str:
    make = _BY_TYPE.get(kind)
    if make is not None:
        return make(name, node)
    if kind == "literal_error":
        return _literal(name, str(context["expected"]), node)
    if kind in _BOUND:
        word, key = _BOUND[kind]
        return f"`{name}` must be {word} {context[key]}"
    if kind == "too_long":
        return f"`{name}` has too many entries; at most {context['max_length']} are allowed"
    return f"`{name}` is not valid here"


def _name(error: ErrorDetails) -> str:
    steps = [step for step in error["loc"] if step != "[key]"]
    if not steps:
        return "the document"
    if isinstance(steps[-1], int):
        return f"{steps[-2] if len(steps) > 1 else 'list'}[{steps[-1]}]"
    return steps[-1][:60]


def _unknown(name: str, known: tuple[str, ...]) -> str:
    hint = INSTEAD.get(name) or did_you_mean(name, known)
    return f"unknown field `{name}`; {hint or 'remove it, or correct its name'}"


def _own(name: str, said: str, node: Node | None) -> str:
    if isinstance(node, ScalarNode) and isinstance(value := scalar(node), Unclear):
        return (
            f"`{node.value[:40]}` is not clearly a value for `{name}`; some readers of YAML take "
            f"it for {value.what}: write a plain decimal number, or quotes"
        )
    return f"`{name}` {said}" if said.startswith("must be ") else said


def _quote(name: str, node: Node | None) -> str:
    if not isinstance(node, ScalarNode):
        return f"`{name}` must be text, not a list or a mapping"
    written = node.value[:60]
    quoted = json.dumps(written, ensure_ascii=False)
    return (
        f"`{name}` must be text, and YAML takes `{written}` for {_taken(node)}; "
        f"write it in quotes: {quoted}"
    )


def _taken(node: ScalarNode) -> str:
    value = scalar(node)
    if isinstance(value, Unclear):
        return value.what
    return "true or false" if isinstance(value, bool) else "a number"


def _whole(name: str, node: Node | None) -> str:
    if not isinstance(node, ScalarNode):
        return f"`{name}` must be a whole number"
    return f"`{name}` must be a whole number, not `{node.value[:40]}`; {_number_hint(node)}"


def _number_hint(node: ScalarNode) -> str:
    digits = node.value.lstrip("+-0_ ")
    if digits.isascii() and digits.isdigit() and len(digits) <= 9:
        return f"write {digits}" + (", without quotes" if isinstance(scalar(node), str) else "")
    return "write plain decimal digits without quotes"


def _true_or_false(name: str, node: Node | None) -> str:
    written = f", not `{node.value[:40]}`" if isinstance(node, ScalarNode) else ""
    return f"`{name}` must be true or false{written}; write true or false, without quotes"


def _mapping(name: str, _: Node | None) -> str:
    return f"`{name}` must be a mapping of names to values; write `key: value` lines below it"


def _list(name: str, _: Node | None) -> str:
    return f"`{name}` must be a list; begin each entry with `- `"


def _literal(name: str, expected: str, node: Node | None) -> str:
    choices = tuple(expected.replace("'", "").replace(" or ", ", ").split(", "))
    listed = " or ".join([", ".join(choices[:-1]), choices[-1]] if choices[:-1] else choices)
    written = node.value if isinstance(node, ScalarNode) else ""
    hint = did_you_mean(written, choices) if written and len(choices) > 1 else ""
    return f"`{name}` must be {listed}" + (f"; {hint}" if hint else "")


_BY_TYPE: Mapping[str, Callable[[str, Node | None], str]] = {
    "string_type": _quote,
    "int_type": _whole,
    "int_from_float": _whole,
    "bool_type": _true_or_false,
    "model_type": _mapping,
    "dict_type": _mapping,
    "mapping_type": _mapping,
    "tuple_type": _list,
}
_BOUND = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}
