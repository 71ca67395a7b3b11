"""Every regular expression of the product, found on the syntax trees and in the modules."""

import ast
import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tests.patterns.ambiguity import ANYWHERE

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "controller"
_METHODS = ANYWHERE | {"match", "fullmatch"}

# Patterns made of arguments: what those may be, by page and name of the argument.
ARGUMENTS: Mapping[tuple[str, str], object] = {
    ("adoption/proposal.py", "word"): "worker",
    ("files/api.py", "stem"): "record",
    ("files/api.py", "dot"): ".",
    ("files/api.py", "ending"): "json",
    ("files/leases.py", "owner"): "team",
    ("files/uploads.py", "stem"): "record",
    ("files/uploads.py", "dot"): ".",
    ("files/uploads.py", "ending"): "json",
    ("redaction.py", "names"): ("TOKEN_2", "TOKEN"),
}
# Patterns that are handed to a function of their page, and what it calls on them.
HANDED_ON: Mapping[tuple[str, str], set[str]] = {
    ("node/pod.py", "_NAME"): {"fullmatch"},
    ("node/pod.py", "_FINGERPRINT"): {"fullmatch"},
}


@dataclass(frozen=True)
class Expression:
    """One pattern and one way in which it is used; `anywhere` as `ambiguity.slowness` has it."""

    page: str
    name: str
    pattern: "str | bytes"
    flags: int
    anywhere: bool

    def __str__(self) -> str:
        return f"{self.page}:{self.name}{' anywhere' if self.anywhere else ''}"


def expressions() -> list[Expression]:
    trees = {page: ast.parse(page.read_text()) for page in sorted(PACKAGE.rglob("*.py"))}
    everywhere = _uses(trees.values())
    return [
        one
        for page, tree in trees.items()
        if _mentions_re(tree)
        for one in _of_page(page.relative_to(PACKAGE).as_posix(), tree, everywhere)
    ]


def _mentions_re(tree: ast.Module) -> bool:
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not any(isinstance(node, ast.ImportFrom) and node.module == "re" for node in imported)
    return any(alias.name == "re" for node in imported for alias in node.names)


def _of_page(
    page: str, tree: ast.Module, everywhere: Mapping[str, set[str]]
) -> Iterator[Expression]:
    here = _uses([tree])
    module = importlib.import_module(f"controller.{page.removesuffix('.py').replace('/', '.')}")
    held = dict(_patterns(module))
    for name, pattern in held.items():
        uses = (here if name.startswith("_") else everywhere).get(name, {"unknown"})
        uses = HANDED_ON.get((page, name), uses)
        for anywhere in _modes(uses):
            yield Expression(page, name, pattern.pattern, pattern.flags, anywhere)
    kept = {(one.pattern, one.flags & ~re.UNICODE) for one in held.values()}
    for call in _calls(tree):
        written = _pattern_of(call, page, module)
        if written is None:
            assert any("[" in name for name in held), (
                f"{page}:{call.lineno}: say in ARGUMENTS what its arguments may be"
            )
            continue
        pattern, flags = written
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if method == "compile" and (pattern, flags & ~re.UNICODE) in kept:
            continue
        for anywhere in _modes({method} if method != "compile" else {"unknown"}):
            yield Expression(page, f"line {call.lineno}", pattern, flags, anywhere)


def _modes(methods: set[str]) -> list[bool]:
    """How the pattern is matched; both ways where it is handed on."""
    known = {method in ANYWHERE for method in methods if method in _METHODS}
    return sorted(known) if methods <= _METHODS else [False, True]


def _patterns(module: ModuleType) -> Iterator[tuple[str, "re.Pattern[str] | re.Pattern[bytes]"]]:
    for name, value in vars(module).items():
        yield from _inside(name, value)


def _inside(
    name: str, value: object
) -> Iterator[tuple[str, "re.Pattern[str] | re.Pattern[bytes]"]]:
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, tuple | list | frozenset):
        for number, one in enumerate(value):
            yield from _inside(f"{name}[{number}]", one)
    elif isinstance(value, dict) and not name.startswith("__"):
        for key, one in value.items():
            yield from _inside(f"{name}[{key!r:.40}]", one)


def _uses(trees: Iterable[ast.Module]) -> dict[str, set[str]]:
    """By the name of a pattern, the methods that are called on it; `unknown` for other uses."""
    found: dict[str, set[str]] = {}
    for tree in trees:
        called = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called.add(id(node.value))
                found.setdefault(node.value.id, set()).add(node.attr)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Name)
                and isinstance(node.ctx, ast.Load)
                and id(node) not in called
            ):
                found.setdefault(node.id, set()).add("unknown")
    return found


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "re"
            and node.func.attr in _METHODS | {"compile"}
        ):
            yield node


def _pattern_of(call: ast.Call, page: str, module: ModuleType) -> "tuple[str | bytes, int] | None":
    arguments = {name: value for (where, name), value in ARGUMENTS.items() if where == page}
    flags = [each.value for each in call.keywords if each.arg == "flags"]
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if method == "compile" and len(call.args) > 1:
        flags.append(call.args[1])
    try:
        pattern = _value(call.args[0], module, arguments)
        return pattern, sum(int(_value(flag, module, arguments)) for flag in flags)  # type: ignore[return-value,arg-type]
    except NameError:
        return None


def _value(node: ast.expr, module: ModuleType, arguments: Mapping[str, object]) -> object:
    code = compile(ast.Expression(node), "pattern", "eval")
    return eval(code, {**vars(module), **arguments})
