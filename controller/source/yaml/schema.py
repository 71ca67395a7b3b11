"""The JSON Schema of a spec, for editors and for other tools.

Draft 7, because editors of YAML understand it.  It is generated from the types, so that hover text,
completion and validation cannot drift apart.  Rules that a schema cannot express (names that
collide, bounds between fields) are left to `raycml validate`.
"""

from collections.abc import Sequence
from functools import cache
from typing import get_args

from pydantic import BaseModel

from controller.core.spec.fields import SpecModel
from controller.core.spec.spec import RayCluster

FILE_NAME = "raycml.schema.json"
SCHEMA_ID = "urn:raycml:schema:v1"


def json_schema() -> dict[str, object]:
    """A new dict at every call; the caller may change it."""
    schema = RayCluster.model_json_schema(by_alias=True, ref_template="#/definitions/{model}")
    definitions = schema.pop("$defs", {})
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": SCHEMA_ID,
        **_draft_7_mapping(schema),
        "definitions": {name: _draft_7(each) for name, each in definitions.items()},
    }


def _draft_7_mapping(schema: dict[str, object]) -> dict[str, object]:
    return {key: _draft_7(value) for key, value in schema.items()}


def _draft_7(schema: object) -> object:
    """In draft 7 a reference hides its siblings, such as the description of the field.

    Pydantic leaves a title out where it equals the name of what is referred to.
    """
    if isinstance(schema, list):
        return [_draft_7(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    copy = _draft_7_mapping(schema)
    if "$ref" in copy and len(copy) > 1:
        reference = str(copy.pop("$ref"))
        copy = {"title": reference.rpartition("/")[2], **copy, "allOf": [{"$ref": reference}]}
    return copy


def fields_at(path: Sequence[int | str]) -> tuple[str, ...]:
    """The fields that could stand where the last step of the path stands, as they are written."""
    model: type[BaseModel] | None = RayCluster
    for step in path[:-1]:
        if model is None:
            return ()
        if isinstance(step, str):
            model = _fields(model).get(step)
    return tuple(_fields(model)) if model is not None else ()


@cache
def _fields(model: type[BaseModel]) -> dict[str, type[BaseModel] | None]:
    """The written names of a model's fields, with the model inside where a field has one."""
    return {
        info.alias or name: _model_in(info.annotation) for name, info in model.model_fields.items()
    }


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, SpecModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
