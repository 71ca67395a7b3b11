"""A conversion as JSON (`raycml.convert/v1`)."""

from dataclasses import dataclass
from typing import Literal

from controller.convert.convert import Conversion
from controller.core.model.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class ConvertedClusterJson(JsonObject):
    """A cluster of the manifest."""

    kind: str
    """Kind of KubeRay's object: RayCluster, RayJob, RayService or RayCronJob."""
    original: str
    """Name of the object."""
    name: str
    """Name of the cluster in the spec."""


@dataclass(frozen=True, slots=True)
class ConversionNoteJson(JsonObject):
    """A remark on a field of the manifest."""

    line: int
    """Line of the field, from 1."""
    column: int
    """Column of the field, from 1."""
    field: str
    """Path of the field."""
    kind: Literal["changed", "dropped", "decide"]
    """`changed`: in the spec in another form; `dropped`: not in the spec; `decide`: a person must
    confirm a value that the manifest does not have."""
    message: str
    """Explanation, and what to use instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionJson(JsonObject):
    """The conversion of a manifest of KubeRay."""

    schema: Literal["raycml.convert/v1"] = "raycml.convert/v1"
    """Name and version of the format."""
    manifest: str
    """File of the manifest; `-` for standard input."""
    output: str | None
    """File that the specs were written to, if any."""
    clusters: tuple[ConvertedClusterJson, ...]
    """Clusters, in the order of the manifest."""
    notes: tuple[ConversionNoteJson, ...]
    """Remarks on fields, in the order of the manifest."""
    spec: str
    """The specs as YAML."""


def conversion_json(manifest: str, output: str | None, conversion: Conversion) -> ConversionJson:
    return ConversionJson(
        manifest=manifest,
        output=output,
        clusters=tuple(
            ConvertedClusterJson(each.kind, each.original, each.name)
            for each in conversion.clusters
        ),
        notes=tuple(
            ConversionNoteJson(note.line, note.column, note.field, note.kind.value, note.message)
            for note in conversion.notes
        ),
        spec=conversion.text,
    )
