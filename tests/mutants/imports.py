"""Imports between the modules of a folder, read from their text, so that none is missed."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("controller", "tests")


class Imports:
    """Which module imports which, at its top or within a function; below one root."""

    def __init__(self, root: Path) -> None:
        paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
        texts = {_module(path.relative_to(root)): path.read_text("utf-8") for path in paths}
        self._imports = {name: set(_imported(text)) & texts.keys() for name, text in texts.items()}

    def dependents(self, module: str) -> set[str]:
        """The module, and all that import it directly or through others."""
        found: set[str] = set()
        more = {module}
        while more:
            found |= more
            more = {name for name, targets in self._imports.items() if targets & more} - found
        return found


def _module(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:n]) for n in range(1, len(parts) + 1))
