"""Words of docstrings, comments and messages: rules of plain English that a test can hold."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "controller"
# A docstring says what the thing is or does, and is no relative clause.
OPENING = re.compile(r"\s*(?:What|Who|Whom|Whose|Which|Whether|How|Where|Why)\b")
# Instead: the actor, "managed by raycml", "fix", "report", "issue", "forever", "the CML emulator".
BANNED = re.compile(
    r"\b(?:somebody|nobody|whoever|whomever|anybody|everybody|of ours|mend(?:ed|s|ing)?|told"
    r"|a matter|matters that|for ever|anew|otherwise than|on its way|embedded CML)\b",
    re.IGNORECASE,
)
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
PAGES = sorted(PACKAGE.rglob("*.py"))


def docstrings(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield text


def texts(source: str, tree: ast.Module) -> Iterator[str]:
    """Docstrings, comments, and strings of several words."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_texts_are_plain(page: Path) -> None:
    source = page.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert not [text for text in docstrings(tree) if OPENING.match(text)]
    assert not [text for text in texts(source, tree) if BANNED.search(text)]


@pytest.mark.parametrize("template", sorted(PACKAGE.rglob("*.html")), ids=lambda p: p.name)
def test_pages_are_plain(template: Path) -> None:
    text = re.sub(r"\{[%{].*?[%}]\}|<[^>]*>", " ", template.read_text(encoding="utf-8"))
    assert not BANNED.search(text)
