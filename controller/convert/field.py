"""Fields of a manifest, each with its path and place.

A manifest is read as it is written: values keep their text, because Kubernetes takes quantities,
parameters and variables as text.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from yaml import MappingNode, Node, ScalarNode, SequenceNode

from controller.source.yaml.nodes import scalar


@dataclass(frozen=True, slots=True)
class ManifestField:
    """A value below the top of a document; `path` is written as in `kubectl explain`."""

    node: Node
    path: str
    line: int
    column: int

    @property
    def name(self) -> str:
        """The last step of the path."""
        return self.path.rpartition(".")[2]

    @property
    def text(self) -> str:
        """The scalar as it is written; empty for null, lists and mappings."""
        if not isinstance(self.node, ScalarNode) or scalar(self.node) is None:
            return ""
        return str(self.node.value)

    @property
    def number(self) -> int | None:
        """A whole number of at most ten digits, in quotes or not."""
        text = self.text
        digits = text.removeprefix("-")
        is_whole = digits.isascii() and digits.isdigit() and len(digits) <= 10
        return int(text) if is_whole else None

    @property
    def is_true(self) -> bool:
        return self.text.lower() == "true"

    @property
    def is_empty(self) -> bool:
        """True for null, and for a list or a mapping that holds nothing else."""
        return _is_empty(self.node)

    def fields(self) -> dict[str, "ManifestField"]:
        """The entries of a mapping that ask for something; empty for anything else."""
        if not isinstance(self.node, MappingNode):
            return {}
        entries = ((str(key.value), self._below(key, value)) for key, value in self.node.value)
        return {name: each for name, each in entries if not each.is_empty}

    def get(self, *steps: str) -> "ManifestField | None":
        """The value below these keys; None where it is absent or asks for nothing."""
        at: ManifestField | None = self
        for step in steps:
            at = None if at is None else at.fields().get(step)
        return at

    def items(self) -> Iterator["ManifestField"]:
        """The entries of a list; none of anything else."""
        if isinstance(self.node, SequenceNode):
            for index, item in enumerate(self.node.value):
                yield _field(item, f"{self.path}[{index}]", item)

    def _below(self, key: Node, value: Node) -> "ManifestField":
        name = str(key.value)
        shown = f"[{name}]" if "." in name or "/" in name else f".{name}"
        return _field(value, f"{self.path}{shown}".lstrip("."), key)


def document(root: Node) -> ManifestField:
    """The top of a document."""
    return _field(root, "", root)


def _is_empty(node: Node) -> bool:
    if isinstance(node, MappingNode):
        return all(_is_empty(value) for _, value in node.value)
    if isinstance(node, SequenceNode):
        return not node.value
    return isinstance(node, ScalarNode) and scalar(node) is None


def _field(node: Node, path: str, place: Node) -> ManifestField:
    mark = place.start_mark
    return ManifestField(node, path, mark.line + 1, mark.column + 1)
