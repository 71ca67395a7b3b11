"""Text to specs and problems; no file is touched here.

All problems of a file come at once, each with line and column.  A document with a problem yields no
spec, and hides no other document but those behind a syntax error, which cannot be read.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from yaml import MappingNode, Node, ScalarNode, SequenceNode

from controller.core.spec import kuberay
from controller.core.spec.revision import Problem, SpecDocument
from controller.core.spec.spec import RayCluster
from controller.core.spec.suggestions import did_you_mean
from controller.source.yaml.messages import message
from controller.source.yaml.nodes import REFUSED, YamlDocument, compose, plain, problem_at, scalar
from controller.source.yaml.schema import fields_at

MAX_BYTES = 1024 * 1024
MAX_PROBLEMS = 100
MAX_DOCUMENTS = 1000

# All that YAML allows unescaped is printable text, tabs and line ends.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_ELSEWHERE = "leave it out by .raycmlignore, or move it to another folder"
_ABOUT_THE_KEY = frozenset({"extra_forbidden", "raycml"})


def parse(file: str, data: bytes) -> tuple[tuple[SpecDocument, ...], tuple[Problem, ...]]:
    """The specs of one file and its problems; never raises, whatever the bytes.

    `file` is only a name for messages.  A file has at most 1 MiB; after 100 problems the rest of
    them is only counted.  A file that holds no spec, or ends where a document should follow, is a
    problem: a full disk or an editor that died leaves such a file, and a deletion removes it.
    """
    text = decoded(file, data)
    if isinstance(text, Problem):
        return (), (text,)
    specs: list[SpecDocument] = []
    problems: list[Problem] = []
    last_is_empty = True
    for document in first_documents(file, compose(file, text)):
        spec = _spec(file, document)
        last_is_empty = spec == []
        if isinstance(spec, SpecDocument):
            specs.append(spec)
        else:
            problems += spec
    if last_is_empty:
        problems.append(_absence(file, text, is_empty=not specs and not problems))
    return tuple(specs), _bounded(sorted(problems))


def decoded(file: str, data: bytes) -> str | Problem:
    """The text of the bytes, without a byte order mark."""
    if len(data) > MAX_BYTES:
        return Problem(file, 1, 1, "the file has more than 1 MiB; split it into several")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        return _at_end_of(before, file, "not UTF-8 here; save the file as UTF-8")
    match = _UNPRINTABLE.search(text)
    if match is None:
        return text
    message = f"the character U+{ord(match.group()):04X} may not be in a file; remove it"
    return _at_end_of(text[: match.start()], file, message)


def _at_end_of(text: str, file: str, message: str) -> Problem:
    lines = _LINE_END.split(text)
    return Problem(file, len(lines), len(lines[-1]) + 1, message)


def first_documents(file: str, documents: Iterator[YamlDocument]) -> Iterator[YamlDocument]:
    """The documents that are read at all; one more with a problem where there are others."""
    yield from islice(documents, MAX_DOCUMENTS)
    if next(documents, None) is not None:
        message = f"more than {MAX_DOCUMENTS} documents; the rest is not read; split the file"
        yield YamlDocument(None, (Problem(file, 1, 1, message),))


def _absence(file: str, text: str, *, is_empty: bool) -> Problem:
    """The problem of a file that ends without a document."""
    if is_empty:
        message = "no spec in this file; write one, or delete the file to delete its cluster"
        return Problem(file, 1, 1, message)
    message = "the file ends without a document here; write it, or remove the last `---`"
    return _at_end_of(text, file, message)


def _bounded(problems: Sequence[Problem]) -> tuple[Problem, ...]:
    distinct = tuple(dict.fromkeys(problems))
    if len(distinct) <= MAX_PROBLEMS:
        return distinct
    last = distinct[MAX_PROBLEMS - 1]
    rest = f"and {len(distinct) - MAX_PROBLEMS + 1} more problems from here on"
    return (*distinct[: MAX_PROBLEMS - 1], Problem(last.file, last.line, last.column, rest))


def _spec(file: str, document: YamlDocument) -> SpecDocument | list[Problem]:
    """The spec of a document, or its problems: none for an empty document."""
    root, problems = document.root, list(document.problems)
    if root is None or root.tag == REFUSED or _is_empty(root):
        return problems
    if not isinstance(root, MappingNode):
        return [*problems, problem_at(file, root, "not a spec; begin with `apiVersion: raycml/v1`")]
    other = _other_kind(file, root)
    if other is not None:
        return [*problems, other]
    try:
        # Python's names of the fields are for Python: in a document only the written names count.
        cluster = RayCluster.model_validate(plain(root), by_alias=True, by_name=False)
    except ValidationError as error:
        return [*problems, *_invalid(file, root, error)]
    return problems or SpecDocument(cluster, file, root.start_mark.line + 1)


def _is_empty(node: Node) -> bool:
    return isinstance(node, ScalarNode) and scalar(node) is None


def _other_kind(file: str, root: MappingNode) -> Problem | None:
    """A document of another kind gets one problem, not one for each of its fields."""
    if not any(_at(root, [name]) for name in ("apiVersion", "kind", "metadata", "spec")):
        return problem_at(file, root, f"not a raycml spec (no apiVersion); {_ELSEWHERE}")
    version, kind = (_scalar_at(root, name) for name in ("apiVersion", "kind"))
    if version is not None and version.value.startswith(kuberay.GROUP):
        return problem_at(file, version, kuberay.MANIFEST)
    written = scalar(kind) if kind is not None else None
    if kind is None or not isinstance(written, str) or written == "RayCluster":
        return None
    hint = did_you_mean(written, ["RayCluster"])
    if hint:
        return problem_at(file, kind, f"`{written[:60]}` is not a kind of raycml; {hint}")
    return problem_at(file, kind, f"not a raycml spec (kind {written[:60]}); {_ELSEWHERE}")


def _scalar_at(root: Node, name: str) -> ScalarNode | None:
    node = _at(root, [name])
    return node if isinstance(node, ScalarNode) and node.tag != REFUSED else None


def _invalid(file: str, root: MappingNode, error: ValidationError) -> Iterator[Problem]:
    if error.error_count() > MAX_PROBLEMS:
        count = error.error_count() - MAX_PROBLEMS
        rest = f"this document has {count} problems more than are listed here"
        yield problem_at(file, root, rest)
    for each in islice(error.errors(include_url=False), MAX_PROBLEMS):
        path = tuple(step for step in each["loc"] if step != "[key]")
        node = _at(root, path)
        if node is None or node.tag != REFUSED:
            text = message(each, node, fields_at(path))
            yield problem_at(file, _place(root, each, path), text)


def _at(root: Node, path: Sequence[int | str]) -> Node | None:
    node: Node | None = root
    for step in path:
        _, node = _entry(node, step)
    return node


def _entry(node: Node | None, step: int | str) -> tuple[Node | None, Node | None]:
    """The key and the value at a step below a node; the key of an item is the item itself."""
    if isinstance(node, MappingNode):
        return next((entry for entry in node.value if entry[0].value == step), (None, None))
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None, None


def _place(root: Node, error: ErrorDetails, path: Sequence[int | str]) -> Node:
    """The value, or its key where the key is at fault, or else the nearest parent."""
    about_the_key = error["type"] in _ABOUT_THE_KEY or error["loc"][-1:] == ("[key]",)
    node = _at(root, path)
    if node is not None and not about_the_key:
        return node
    for length in range(len(path), 0, -1):
        key, _ = _entry(_at(root, path[: length - 1]), path[length - 1])
        if key is not None:
            return key
    return root
