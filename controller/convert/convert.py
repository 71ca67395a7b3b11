"""From the text of a manifest to the text of valid specs, or to the reasons why there are none."""

from dataclasses import dataclass

from controller.convert.amounts import UnreadableQuantityError
from controller.convert.cluster import ConvertOptions, NoHeadError, cluster_entries
from controller.convert.emit import emit
from controller.convert.field import document
from controller.convert.manifest import ManifestCluster, clusters_of
from controller.convert.names import accepted_names
from controller.convert.notes import ConversionNote, Notes
from controller.core.spec.names import CLUSTER_LENGTH
from controller.core.spec.revision import Problem, assemble
from controller.printable import lines, one_line
from controller.source.yaml.nodes import compose
from controller.source.yaml.parser import decoded, first_documents, parse


@dataclass(frozen=True, slots=True)
class ConvertedCluster:
    """A cluster of the manifest and its name in the spec."""

    kind: str
    original: str
    name: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """Valid specs, in the order of the manifest, and the notes on it."""

    text: str
    clusters: tuple[ConvertedCluster, ...]
    notes: tuple[ConversionNote, ...]


class ConversionError(Exception):
    """No spec can be made of the manifest; `reasons` are sentences, each with its remedy."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


def convert(file: str, data: bytes, options: ConvertOptions) -> Conversion:
    """Converts every cluster of a manifest.  ConversionError where one of them cannot be.

    `file` is only a name for messages.
    """
    notes = Notes()
    found = _clusters(file, data, notes)
    names = accepted_names([each.name for each in found], CLUSTER_LENGTH)
    sections, clusters = [], []
    for each in found:
        name = names[each.name]
        if name != each.name:
            at = each.top.get("metadata", "name") or each.top
            shown = f"`{each.name[:100]}` becomes `{name}`" if each.name else f"named `{name}`"
            notes.changed(at, f"{shown}, as raycml names clusters")
        clusters.append(ConvertedCluster(each.kind, one_line(each.name), name))
        try:
            entries = cluster_entries(each, name, options, notes)
        except (UnreadableQuantityError, NoHeadError) as error:
            raise ConversionError(f"{file}:{one_line(str(error))}") from None
        shown = lines(one_line(each.name[:60]))
        header = f"# From KubeRay's {each.kind} `{shown}`, by `raycml convert`.\n"
        sections.append(header + "".join(f"{line}\n" for line in emit(entries)))
    text = "---\n".join(sections)
    _check(file, text)
    return Conversion(text, tuple(clusters), notes.sorted())


def _clusters(file: str, data: bytes, notes: Notes) -> list[ManifestCluster]:
    text = decoded(file, data)
    if isinstance(text, Problem):
        raise ConversionError(str(text))
    found: list[ManifestCluster] = []
    unread: list[str] = []
    for each in first_documents(file, compose(file, text)):
        before = len(found)
        if each.root is not None:
            found += clusters_of(document(each.root), notes)
        if each.problems and (len(found) > before or each.root is None):
            raise ConversionError(*map(str, each.problems))
        unread += map(str, each.problems)
    if not found:
        others = [*unread, *(note.message for note in notes.sorted())][:5]
        raise ConversionError(f"{file}: no RayCluster of KubeRay in it; name a manifest", *others)
    return found


def _check(file: str, text: str) -> None:
    """ConversionError unless the specs are valid, each for itself and beside the others."""
    documents, problems = parse("spec", text.encode())
    problems = assemble(documents, problems, origin="convert").problems
    if problems:
        written = text.splitlines()
        raise ConversionError(*(f"{file}: {_shown(problem, written)}" for problem in problems))


def _shown(problem: Problem, written: list[str]) -> str:
    """The problem with the field of the spec at its line; never a value."""
    line = written[problem.line - 1] if 0 < problem.line <= len(written) else ""
    key = line.strip().removeprefix("- ").partition(":")[0]
    at = f" (at `{key}` of the converted spec)" if key and not key.startswith("#") else ""
    return f"{problem.message}{at}"
