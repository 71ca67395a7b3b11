"""Text to specs and problems; no file is touched here.

All problems of a file come at once, each with line and column.  A document with a problem yields no
spec, and hides no other document but those behind a syntax error, which nobody can read.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from controller.core.spec import kuberay
from controller.core.spec.revision import Problem, SpecDocument
from controller.core.spec.spec import RayCluster
from controller.core.spec.suggestions import did_you_mean
from controller.printable import one_line
from controller.source.yaml.messages import message
from controller.source.yaml.schema import fields_at
from controller.source.yaml.tree import Branch, Fault, Leaf, Node, Place, Refused, Row, Tree, trees

MAX_BYTES = 1024 * 1024
MAX_PROBLEMS = 100
MAX_DOCUMENTS = 1000

Document = SpecDocument

# What YAML allows unescaped: tab, line ends, and anything one_line.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


def parse(file: str, data: bytes) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """The specs of one file and what is wrong with it; never raises, whatever the bytes.

    `file` is only a name for messages.  A file has at most 1 MiB; after 100 problems the rest of
    them is only counted.  A file that holds no spec, or ends where a document should follow, is a
    problem: a full disk or an editor that died leaves such a file, and a deletion removes it.
    """
    text = _text(data)
    if isinstance(text, Fault):
        return (), (_problem(file, text),)
    documents: list[Document] = []
    faults: list[Fault] = []
    last_is_empty = True
    for tree in _first(trees(text)):
        found = _document(tree)
        last_is_empty = found == []
        if isinstance(found, RayCluster):
            line = tree.root.place.line if tree.root else 1
            documents.append(Document(found, file, line))
        else:
            faults += found
    if last_is_empty:
        faults.append(_absence(text, documents, faults))
    return tuple(documents), _bounded(sorted(_problem(file, fault) for fault in faults))


def _absence(text: str, documents: Sequence[Document], faults: Sequence[Fault]) -> Fault:
    """The problem of a file that ends without a document."""
    if documents or faults:
        message = "the file ends without a document here; write it, or remove the last `---`"
        return Fault(_end_of(text), message)
    message = "no spec in this file; write one, or delete the file to delete its cluster"
    return Fault(Place(1, 1), message)


def _first(found: Iterator[Tree]) -> Iterator[Tree]:
    """The trees that are read at all; one more that says so where there are others."""
    yield from islice(found, MAX_DOCUMENTS)
    if next(found, None) is not None:
        message = f"more than {MAX_DOCUMENTS} documents; the rest is not read; split the file"
        yield Tree(None, (Fault(Place(1, 1), message),))


def _problem(file: str, fault: Fault) -> Problem:
    return Problem(file, fault.place.line, fault.place.column, one_line(fault.message))


def _bounded(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    shown = list(dict.fromkeys(problems))
    if len(shown) <= MAX_PROBLEMS:
        return tuple(shown)
    last = shown[MAX_PROBLEMS - 1]
    rest = f"and {len(shown) - MAX_PROBLEMS + 1} more problems from here on"
    return (*shown[: MAX_PROBLEMS - 1], Problem(last.file, last.line, last.column, rest))


def _text(data: bytes) -> str | Fault:
    """What the bytes say, without a byte order mark."""
    if len(data) > MAX_BYTES:
        return Fault(Place(1, 1), "the file has more than 1 MiB; split it into several")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        return Fault(_end_of(before), "not UTF-8 here; save the file as UTF-8")
    found = _UNPRINTABLE.search(text)
    if found is not None:
        message = f"the character U+{ord(found.group()):04X} may not be in a file; remove it"
        return Fault(_end_of(text[: found.start()]), message)
    return text


def _end_of(text: str) -> Place:
    lines = _LINE_END.split(text)
    return Place(len(lines), len(lines[-1]) + 1)


def _document(tree: Tree) -> RayCluster | list[Fault]:
    root = tree.root
    if root is None or (isinstance(root, Leaf) and root.value is None):
        return list(tree.faults)
    if isinstance(root, Refused):
        return list(tree.faults)
    if not isinstance(root, Branch):
        return [*tree.faults, Fault(root.place, "not a spec; begin with `apiVersion: raycml/v1`")]
    other = _other_kind(root)
    if other is not None:
        return [*tree.faults, other]
    return _cluster(root, tree.faults)


def _other_kind(root: Branch) -> Fault | None:
    """A document of another kind gets one problem, not one for each of its fields."""
    version = root.entries.get("apiVersion")
    if isinstance(version, Leaf) and version.written.startswith(kuberay.GROUP):
        return Fault(version.place, kuberay.MANIFEST)
    kind = root.entries.get("kind")
    if not isinstance(kind, Leaf) or not isinstance(kind.value, str) or kind.value == "RayCluster":
        return None
    hint = did_you_mean(kind.value, ["RayCluster"]) or "move the document to another folder"
    return Fault(kind.place, f"`{kind.value[:60]}` is not a kind of raycml; {hint}")


def _cluster(root: Branch, faults: Sequence[Fault]) -> RayCluster | list[Fault]:
    try:
        # Python's names of the fields are for Python: in a document only the written names count.
        cluster = RayCluster.model_validate(_plain(root), by_alias=True, by_name=False)
    except ValidationError as error:
        return [*faults, *_faults(root, error)]
    return list(faults) or cluster


def _plain(node: Node) -> object:
    """The node as dicts and lists; at most 32 levels deep, as `tree` saw to it."""
    if isinstance(node, Branch):
        return {key: _plain(value) for key, value in node.entries.items()}
    if isinstance(node, Row):
        return [_plain(item) for item in node.items]
    return node.value if isinstance(node, Leaf) else node


def _faults(root: Branch, error: ValidationError) -> Iterator[Fault]:
    if error.error_count() > MAX_PROBLEMS:
        count = error.error_count() - MAX_PROBLEMS
        yield Fault(root.place, f"this document has {count} problems more than are listed here")
    for found in islice(error.errors(include_url=False), MAX_PROBLEMS):
        path = tuple(step for step in found["loc"] if step != "[key]")
        node = _at(root, path)
        if isinstance(node, Refused):
            continue
        yield Fault(_place(root, found, path), message(found, node, fields_at(path)))


def _at(root: Node, path: Sequence[int | str]) -> Node | None:
    node: Node | None = root
    for step in path:
        node = _child(node, step)
    return node


def _child(node: Node | None, step: int | str) -> Node | None:
    if isinstance(node, Branch) and isinstance(step, str):
        return node.entries.get(step)
    if isinstance(node, Row) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


_ABOUT_THE_KEY = frozenset({"extra_forbidden", "raycml"})


def _place(root: Branch, error: ErrorDetails, path: Sequence[int | str]) -> Place:
    """Of the value, or of its key where the key is at fault, or else of the nearest parent."""
    about_the_key = error["type"] in _ABOUT_THE_KEY or error["loc"][-1:] == ("[key]",)
    node = _at(root, path)
    if node is not None and not about_the_key:
        return node.place
    return _key_place(root, path)


def _key_place(root: Branch, path: Sequence[int | str]) -> Place:
    for length in range(len(path), 0, -1):
        parent, step = _at(root, path[: length - 1]), path[length - 1]
        if isinstance(parent, Branch) and isinstance(step, str) and step in parent.keys:
            return parent.keys[step]
        if isinstance(child := _child(parent, step), Branch | Row | Leaf):
            return child.place
    return root.place
