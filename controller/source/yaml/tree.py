"""YAML text as a tree of nodes that know their places, built from the parser's events.

Refused on the way, each with its place: anchors, aliases, tags, merge keys, keys that are not text,
keys that repeat, more than 32 levels.  The tree is built without recursion and grows with the text
only, so no document is larger in memory than on disk by more than a constant factor.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from controller.source.yaml.scalars import Scalar, resolve

MAX_DEPTH = 32

# libyaml reads some thirty times faster; both report the same places.
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column, counted from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar: what it stands for and what was written."""

    place: Place
    value: Scalar
    written: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A mapping; `keys` has the place of each key."""

    place: Place
    entries: "dict[str, Node]" = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Row:
    """A sequence."""

    place: Place
    items: "list[Node]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Refused:
    """A node about which a fault has been noted; nothing more is to be said of it."""

    place: Place


Node = Leaf | Branch | Row | Refused


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong at a place of the text."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class Tree:
    """One document; `root` is None where it is empty or where nothing of it can be read."""

    root: Node | None
    faults: tuple[Fault, ...]


def trees(text: str) -> Iterator[Tree]:
    """The documents of a text in order; a syntax error ends them with a tree of one fault."""
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, DocumentStartEvent):
                builder = _Builder()
            elif isinstance(event, DocumentEndEvent):
                yield Tree(builder.root, tuple(builder.faults))
            else:
                builder.feed(event)
    except _TooDeepError:
        yield Tree(None, tuple(builder.faults))
    except yaml.MarkedYAMLError as error:
        yield Tree(None, (_syntax(error),))
    except yaml.YAMLError as error:
        yield Tree(None, (Fault(Place(1, 1), f"not YAML: {error}"[:200]),))


def _syntax(error: yaml.MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    place = Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)
    parts = (error.context, error.problem)
    said = ", ".join(part for part in parts if part) or "it cannot be read"
    return Fault(place, f"not YAML: {said}; correct the text here or just above")


def _place(event: Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place(1, 1)


class _TooDeepError(Exception):
    """The rest of the text is left unread: to go on would cost time without bound."""


class _Builder:
    """The nodes of one document while its events arrive."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self._open: list[_Opened] = []

    def feed(self, event: Event) -> None:
        if isinstance(event, MappingStartEvent | SequenceStartEvent):
            self._start(event)
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self._end()
        elif isinstance(event, AliasEvent):
            self._add(self._refuse(event, "aliases are not allowed; write the value out"))
        elif isinstance(event, ScalarEvent):
            self._add(self._leaf(event))

    def _start(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if len(self._open) == MAX_DEPTH:
            self._refuse(event, f"more than {MAX_DEPTH} levels deep; no field of a spec is")
            raise _TooDeepError
        place = _place(event)
        node = Branch(place) if isinstance(event, MappingStartEvent) else Row(place)
        self._open.append(_Opened(node, refused=self._is_marked(event)))

    def _end(self) -> None:
        done = self._open.pop()
        self._add(Refused(done.node.place) if done.refused else done.node)

    def _leaf(self, event: ScalarEvent) -> Node:
        text = event.value
        if self._is_marked(event):
            return Refused(_place(event))
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            return self._refuse(event, "holds a character that is not text; remove it")
        plain = event.implicit[0]
        return Leaf(_place(event), resolve(text) if plain else text, text)

    def _is_marked(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> bool:
        if event.anchor is not None:
            self._refuse(event, "anchors are not allowed; remove it and write values out")
        if event.tag is not None:
            self._refuse(event, "tags are not allowed; remove it, and quote what is text")
        return event.anchor is not None or event.tag is not None

    def _refuse(self, event: NodeEvent, message: str) -> Refused:
        place = _place(event)
        self.faults.append(Fault(place, message))
        return Refused(place)

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent.node, Row):
            parent.node.items.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            self._enter(parent.node, parent.key, node)
            parent.key = None

    def _enter(self, branch: Branch, key: Node, value: Node) -> None:
        message = _key_fault(branch, key)
        if message is not None:
            self.faults.append(Fault(key.place, message))
        elif isinstance(key, Leaf):
            branch.entries[key.written] = value
            branch.keys[key.written] = key.place


@dataclass(slots=True)
class _Opened:
    """A collection whose end has not come; `key` waits for its value."""

    node: Branch | Row
    refused: bool
    key: Node | None = None


def _key_fault(branch: Branch, key: Node) -> str | None:
    if isinstance(key, Refused):
        return None
    if not isinstance(key, Leaf):
        return "a key must be text, not a list or a mapping"
    written = key.written[:40]
    if written == "<<":
        return "merge keys are not allowed; write the fields out"
    if not isinstance(key.value, str):
        return f'`{written}` is not clearly text as a key; write it in quotes: "{written}"'
    if key.written in branch.entries:
        first = branch.keys[key.written].line
        return f"`{written}` is there already, at line {first}; keep one of them"
    return None
