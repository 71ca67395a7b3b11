"""Every regular expression of the product takes linear time, whatever text it meets."""

import ast
from collections.abc import Iterator

import pytest
import yaml
from waitress.adjustments import Adjustments
from waitress.parser import HEADER_FIELD_RE, ParsingError
from yaml.resolver import BaseResolver

from controller.emulator.ingress import channel as emulator
from controller.source.yaml.schema import json_schema
from controller.web import channel as web
from tests.patterns.ambiguity import NotReadError, slowness
from tests.patterns.registry import PACKAGE, Expression, expressions

EVERY = expressions()

SLOW = [
    # A pattern, and whether a match of it may begin anywhere.
    (r"(a+)+b", False),
    (r"(a*)*b", False),
    (r"a*a*b", False),
    (r"([a-z]+\.?)*x", False),
    (r"(\d+\s*)+x", False),
    (r"(ab|a|b)*x", False),
    (r"([a-z]{0,40}){3}x", False),
    (r"[0-9][0-9_]*_[0-9_]*", False),
    (r"[^/]+@[^/]+:", False),
    (r"\s+(?=--)", True),
    (r"\s+$", True),
    (r"\s+(?!--)", True),
    (r"(?m)^\s*:", True),
    (r"\d+\.\d+", True),
    (r"BEGIN(.*?)END", True),
    (r"(?i)a*A*x", False),
    (rb"BEGIN(.*?)END", True),
]
LINEAR = [
    (r"[a-z0-9]+(-[a-z0-9]+)*", False),
    (r"(a+b)+", False),
    (r"(?:ab|a)c", True),
    (r"\d+x", False),
    (r"(^|\s)#.*", True),
    (r"//[^/@\s]*@", True),
    (r"(?<=://)[^/@\s]+@", True),
    (r"^\s+x", True),
    (r"(?<![a-z])ab?", True),
    (r"(?m)^[^\S\n]*:", True),
    (r":[0-9]+\Z", True),
    (r"[0-9]{1,9}x", True),
]


@pytest.mark.parametrize("one", EVERY, ids=str)
def test_it_is_linear(one: Expression) -> None:
    assert slowness(one.pattern, one.flags, anywhere=one.anywhere) == ""


def test_the_registry_finds_patterns_of_every_shape() -> None:
    names = {str(one) for one in EVERY}
    assert "source/yaml/scalars.py:_FLOAT" in names  # compiled by name
    assert any(
        name.startswith("source/git/failures.py:_PATTERNS[0]") for name in names
    )  # in a tuple
    assert any(name.startswith("adoption/proposal.py:line") for name in names)  # made of arguments
    assert len({one.page for one in EVERY}) > 30


def _schema_patterns(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(pattern := value.get("pattern"), str):
            yield pattern
        for each in value.values():
            yield from _schema_patterns(each)
    elif isinstance(value, list):
        for each in value:
            yield from _schema_patterns(each)


@pytest.mark.parametrize("pattern", sorted(set(_schema_patterns(json_schema()))))
def test_patterns_of_the_schema_are_linear_for_editors_too(pattern: str) -> None:
    assert slowness(pattern, anywhere=True) == ""


@pytest.mark.parametrize(("pattern", "anywhere"), SLOW)
def test_slow_patterns_are_found(pattern: "str | bytes", *, anywhere: bool) -> None:
    assert slowness(pattern, anywhere=anywhere)


@pytest.mark.parametrize(("pattern", "anywhere"), LINEAR)
def test_linear_patterns_pass(pattern: str, *, anywhere: bool) -> None:
    assert slowness(pattern, anywhere=anywhere) == ""


@pytest.mark.parametrize("pattern", [r"(a)\1", r"(?>a)b"])
def test_what_cannot_be_judged_is_not_passed(pattern: str) -> None:
    with pytest.raises(NotReadError):
        slowness(pattern, anywhere=False)


def test_yaml_is_composed_without_resolvers_so_that_none_of_their_patterns_meets_a_spec() -> None:
    trees = [ast.parse(page.read_text()) for page in PACKAGE.rglob("*.py")]
    used = {name for tree in trees for name in _names_of_yaml(tree) if not name.endswith("Event")}
    nodes = {"Node", "MappingNode", "ScalarNode", "SequenceNode"}
    readers = {"CBaseLoader", "BaseLoader", "Composer", "BaseResolver", "__with_libyaml__"}
    assert used == {"MarkedYAMLError", "YAMLError", *nodes, *readers}
    for reader in (yaml.CBaseLoader, yaml.BaseLoader, BaseResolver):
        assert not reader.yaml_implicit_resolvers
        assert not reader.yaml_path_resolvers


def _names_of_yaml(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "yaml":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "yaml":
            yield node.attr


@pytest.mark.parametrize("channel", [web.Channel, emulator.Channel])
def test_both_servers_refuse_runs_of_blanks_before_they_parse(
    channel: "type[web.Channel | emulator.Channel]",
) -> None:
    header = b"GET / HTTP/1.1\r\nHost: a\r\nX-A:" + b" \t" * 129 + b"x\r\n"
    with pytest.raises(ParsingError, match=r"Too many (blanks|spaces) in the header"):
        channel.parser_class(Adjustments()).parse_header(header)
    channel.parser_class(Adjustments()).parse_header(header.replace(b"\t", b"y"))


def test_the_header_pattern_of_the_server_is_slow_only_on_runs_of_blanks() -> None:
    """Two servers refuse those before it is used; without blanks it is linear."""
    written = HEADER_FIELD_RE.pattern
    assert slowness(written, HEADER_FIELD_RE.flags, anywhere=False)
    without = written.replace(b":[ \t]{0,}?", b":").replace(b"[ \t]{0,}?$", b"$")
    assert without != written
    assert slowness(without, HEADER_FIELD_RE.flags, anywhere=False) == ""
