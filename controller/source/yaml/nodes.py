"""YAML text as PyYAML's nodes, which know their places.

Refused while the text is composed, each with its place: anchors, aliases, tags, merge keys, keys
that are not text, keys that repeat, more than 32 levels.  An alias is refused where it stands and
never followed, so a document is larger in memory than on disk by a constant factor at most.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import yaml
from yaml.composer import Composer
from yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    Event,
    NodeEvent,
    ScalarEvent,
)
from yaml.resolver import BaseResolver

from controller.core.spec.revision import Problem
from controller.printable import one_line
from controller.source.yaml.scalars import Scalar, resolve

MAX_DEPTH = 32
REFUSED = "refused"  # the tag of a node whose problem is noted: nothing more is said about it

# libyaml reads some thirty times faster; both report the same places.
_PARSER = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader


class _Mark(Protocol):
    """The type of marks differs between libyaml and Python."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One document; `root` is None where nothing of it can be read."""

    root: yaml.Node | None
    problems: tuple[Problem, ...] = ()


def compose(file: str, text: str) -> Iterator[YamlDocument]:
    """The documents of a text in order; a syntax error ends them with a document of one problem.

    Every mapping of a document has keys that are text, each of them once.
    """
    composer = _PlainComposer(file, text)
    try:
        while composer.check_node():
            root = composer.get_node()
            yield YamlDocument(root, tuple(composer.problems))
            composer.problems.clear()
    except _TooDeepError:
        yield YamlDocument(None, tuple(composer.problems))
    except yaml.YAMLError as error:
        yield YamlDocument(None, (_syntax_problem(file, error),))


def problem_at(file: str, place: yaml.Node | Event, message: str) -> Problem:
    return _problem(file, place.start_mark, message)


def _problem(file: str, mark: _Mark | None, message: str) -> Problem:
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return Problem(file, line, column, one_line(message))


def scalar(node: yaml.ScalarNode) -> Scalar:
    """The value of a scalar; in quotes it is text."""
    return str(node.value) if node.style else resolve(node.value)


def plain(node: yaml.Node) -> object:
    """The node as dicts, lists and scalars; a refused one as an object of no type of YAML."""
    if node.tag != REFUSED:
        if isinstance(node, yaml.MappingNode):
            return {key.value: plain(value) for key, value in node.value}
        if isinstance(node, yaml.SequenceNode):
            return [plain(item) for item in node.value]
        if isinstance(node, yaml.ScalarNode):
            return scalar(node)
    return object()


def _syntax_problem(file: str, error: yaml.YAMLError) -> Problem:
    if not isinstance(error, yaml.MarkedYAMLError):
        return _problem(file, None, f"not YAML: {error}"[:200])
    reason = ", ".join(filter(None, (error.context, error.problem))) or "it cannot be read"
    message = f"not YAML: {reason}; correct the text here or just above"
    return _problem(file, error.problem_mark or error.context_mark, message)


class _TooDeepError(Exception):
    """The rest of the text is left unread: to go on would cost time without bound."""


class _PlainComposer(Composer, BaseResolver):
    """PyYAML's composer without anything that makes a node more than what is written there.

    Of the resolver only the base is used: no pattern of PyYAML's is matched with the text.
    """

    def __init__(self, file: str, text: str) -> None:
        Composer.__init__(self)
        BaseResolver.__init__(self)
        parser = _PARSER(text)
        self.check_event = parser.check_event
        self.peek_event = parser.peek_event
        self.get_event = parser.get_event
        self.problems: list[Problem] = []
        self._file = file
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()
        refused = isinstance(event, NodeEvent) and self._refuse(event)
        if isinstance(event, AliasEvent):
            self.get_event()
            return yaml.ScalarNode(REFUSED, "")
        if isinstance(event, CollectionStartEvent) and self._depth == MAX_DEPTH:
            self._note(event, f"more than {MAX_DEPTH} levels deep; no field of a spec is")
            raise _TooDeepError
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None and refused:
            node.tag = REFUSED
        return node

    def compose_mapping_node(self, anchor: object) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)  # type: ignore[arg-type]
        lines: dict[str, int] = {}
        entries = []
        for key, value in node.value:
            if key.tag == REFUSED:
                continue
            message = _key_problem(key, lines)
            if message is None:
                lines[key.value] = key.start_mark.line + 1
                entries.append((key, value))
            else:
                self._note(key, message)
        node.value = entries
        return node

    def _refuse(self, event: NodeEvent) -> bool:
        """Note what is not allowed about a node as such, and take it off."""
        before = len(self.problems)
        if isinstance(event, AliasEvent):
            self._note(event, "aliases are not allowed; write the value out")
        elif event.anchor is not None:
            self._note(event, "anchors are not allowed; remove it and write values out")
            event.anchor = None
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
            self._note(event, "tags are not allowed; remove it, and quote what is text")
            event.tag = None
        if isinstance(event, ScalarEvent) and _is_not_text(event.value):
            self._note(event, "holds a character that is not text; remove it")
        return len(self.problems) > before

    def _note(self, place: yaml.Node | Event, message: str) -> None:
        self.problems.append(problem_at(self._file, place, message))


def _is_not_text(text: str) -> bool:
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


def _key_problem(key: yaml.Node, lines: dict[str, int]) -> str | None:
    """`lines` has the keys before it in the same mapping."""
    if not isinstance(key, yaml.ScalarNode):
        return "a key must be text, not a list or a mapping"
    written = key.value[:40]
    if written == "<<":
        return "merge keys are not allowed; write the fields out"
    if not isinstance(scalar(key), str):
        return f'`{written}` is not clearly text as a key; write it in quotes: "{written}"'
    if key.value in lines:
        return f"`{written}` is there already, at line {lines[key.value]}; keep one of them"
    return None
