"""The command line, from typer's own tree."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any

import typer

from controller.cli.main import app


@dataclass(frozen=True)
class Command:
    """One command as its help shows it."""

    name: str
    text: str
    example: str
    arguments: list[Sequence[str]]
    options: list[Sequence[str]]


@cache
def tree() -> dict[str, Any]:
    """Every command by its words: `plan`, `emulator`, `emulator start`."""
    root: Any = typer.main.get_command(app)
    found = dict(root.commands)
    for name, command in root.commands.items():
        for inner, each in getattr(command, "commands", {}).items():
            found[f"{name} {inner}"] = each
    return found


def commands() -> Iterator[Command]:
    yield from (_command(f"raycml {name}", each) for name, each in tree().items())


def parse(words: Sequence[str]) -> None:
    """Raises what the command line raises for these words; runs nothing."""
    found = tree()
    name = " ".join(words[:2]) if " ".join(words[:2]) in found else "".join(words[:1])
    if name not in found:
        raise LookupError(f"no such command: {name}")
    found[name].make_context(name, list(words[len(name.split()) :]))


def _command(name: str, command: Any) -> Command:
    example, _, text = inspect.cleandoc(command.help or "").partition("\n\n")
    params = [param for param in command.params if not param.hidden]
    return Command(
        name,
        text=" ".join((text or example).split()),
        example=example.removeprefix("Example: ") if text else "",
        arguments=[(f"`{p.metavar}`", _meaning(p)) for p in params if _is(p, "argument")],
        options=[_option(p) for p in params if _is(p, "option")],
    )


def _is(param: Any, kind: str) -> bool:
    return bool(param.param_type_name == kind)


def _meaning(param: Any) -> str:
    return " ".join(str(param.help or "").split())


def _option(option: Any) -> Sequence[str]:
    names = ", ".join(f"`{name}`" for name in option.opts)
    value = "" if option.is_flag else f" `{_value(option)}`"
    return names + value, _default(option), _meaning(option)


def _value(option: Any) -> str:
    if isinstance(option.default, Enum):
        return "|".join(each.value for each in type(option.default))
    return str(option.metavar or option.name.upper())


def _default(option: Any) -> str:
    if isinstance(option.show_default, str):
        return option.show_default.replace("$", "\\$")
    value = option.default.value if isinstance(option.default, Enum) else option.default
    return "" if option.is_flag or value is None or not option.show_default else f"`{value}`"
