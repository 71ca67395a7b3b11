"""The types of a spec's fields: their validation and their JSON Schema.

The docstring of a field is its manual; `about` adds a title, examples and the effect of a change.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from controller.core.spec import formats, names
from controller.core.spec import quantities as quantity
from controller.core.spec import variables as environment
from controller.core.spec.names import CLUSTER_LENGTH, GROUP_LENGTH
from controller.core.spec.ray import labels, start_params
from controller.core.spec.validation_errors import refusal

MAX_REPLICAS = 1000
MAX_GPU = 64
MAX_DRAIN_S = 86400
EXAMPLE_RUNTIME = (
    "docker.repository.cloudera.com/cloudera/cdsw/"
    "ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b5"
)

Change = Literal["restarts", "counts", "guides"]
_EFFECT: Mapping[Change, str] = {
    "restarts": "A change restarts the members that it concerns.",
    "counts": "A change decides which members exist or run; no other member restarts.",
    "guides": "A change only guides the controller; nothing restarts.",
}


def about(title: str, change: Change, *examples: object) -> FieldInfo:
    """The rest of a field's manual, beside its docstring."""
    field: FieldInfo = Field(
        title=title, examples=list(examples), json_schema_extra={"x-raycml-change": change}
    )
    return field


class SpecModel(BaseModel):
    """A part of the document: no unknown fields, no coercion of types, immutable.

    In the JSON Schema each description ends with the effect of a change.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        strict=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        schema = super().model_json_schema(*args, **kwargs)
        for model in (schema, *schema.get("$defs", {}).values()):
            for field in model["properties"].values():
                manual = " ".join(field["description"].split())
                field["description"] = f"{manual} {_EFFECT[field['x-raycml-change']]}"
        return schema


def without_unset(written: dict[str, object], names: AbstractSet[str]) -> dict[str, object]:
    """A serialized model without these fields where they are empty, whatever their spelling."""
    every = {*names, *map(to_camel, names)}
    return {name: value for name, value in written.items() if value or name not in every}


def _number_or(pattern: str, low: float, high: float) -> WithJsonSchema:
    number = {"type": "number", "minimum": low, "maximum": high}
    return WithJsonSchema({"anyOf": [number, {"type": "string", "pattern": pattern}]})


# Context of `model_validate`: the spec was valid once, for this version or an earlier one.
# Specs that a newer version refuses stay readable, so that an upgrade loses no running cluster.
RECORDED: Mapping[str, bool] = {"recorded": True}


def is_recorded(info: ValidationInfo) -> bool:
    return bool(info.context) and info.context == RECORDED


def _variable_name(name: str, info: ValidationInfo) -> str:
    return name if is_recorded(info) else environment.check_variable_name(name)


def _with_values(variables: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
    if is_recorded(info):
        return variables
    faults = [((name,), message) for name, message in environment.variable_faults(variables)]
    if faults:
        raise refusal("environment", faults)
    return variables


def _checked_labels(written: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
    faults = [((key,), message) for key, message in labels.label_faults(written)]
    if faults and not is_recorded(info):
        raise refusal("labels", faults)
    return written


def _texts(keys: dict[str, object], most: int) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "type": "object",
            "propertyNames": keys,
            "additionalProperties": {"type": "string"},
            "maxProperties": most,
            "default": {},
        }
    )


Cpu = Annotated[
    float,
    BeforeValidator(quantity.parse_cpu),
    _number_or("^[0-9]+m$", quantity.MIN_CPU, quantity.MAX_CPU),
]
Memory = Annotated[
    float,
    BeforeValidator(quantity.parse_memory),
    _number_or(
        r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|M|G|T)$",
        quantity.MIN_MEMORY_GIB,
        quantity.MAX_MEMORY_GIB,
    ),
]
Gpu = Annotated[int, Field(ge=0, le=MAX_GPU)]
Replicas = Annotated[int, Field(ge=0, le=MAX_REPLICAS)]
WorkerName = Annotated[str, AfterValidator(names.check_worker_name)]
DrainTimeout = Annotated[int, Field(ge=0, le=MAX_DRAIN_S)]
Budget = Annotated[
    int | str,
    BeforeValidator(formats.check_budget),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": formats.MAX_BUDGET},
                {"type": "string", "pattern": formats.PERCENTAGE_PATTERN},
            ]
        }
    ),
]
Environment = Annotated[
    Mapping[
        Annotated[str, AfterValidator(_variable_name)],
        Annotated[str, AfterValidator(environment.check_variable_value)],
    ],
    Field(max_length=environment.MAX_VARIABLES),
    AfterValidator(_with_values),
    _texts({"pattern": environment.NAME_PATTERN}, environment.MAX_VARIABLES),
]
Labels = Annotated[
    Mapping[str, str],
    Field(max_length=labels.MAX_LABELS),
    AfterValidator(_checked_labels),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {
                "pattern": labels.KEY_PATTERN,
                "not": {"pattern": r"^(ray\.io/|raycml\.)"},
            },
            "additionalProperties": {"type": "string", "pattern": labels.VALUE_PATTERN},
            "maxProperties": labels.MAX_LABELS,
            "default": {},
        }
    ),
]
StartParams = Annotated[
    Mapping[str, str],
    Field(max_length=start_params.MAX_PARAMS),
    _texts({"enum": list(start_params.ALLOWED)}, start_params.MAX_PARAMS),
]


def _text(pattern: str | None, most: int) -> WithJsonSchema:
    schema: dict[str, object] = {"type": "string", "minLength": 1, "maxLength": most}
    return WithJsonSchema(schema if pattern is None else {**schema, "pattern": pattern})


ClusterName = Annotated[
    str,
    AfterValidator(names.check_cluster_name),
    _text(names.NAME_PATTERN, CLUSTER_LENGTH),
]
GroupName = Annotated[
    str,
    AfterValidator(names.check_group_name),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": GROUP_LENGTH,
            "pattern": names.NAME_PATTERN,
            "not": {"const": names.HEAD},
        }
    ),
]
Image = Annotated[str, AfterValidator(formats.check_image), _text(None, formats.MAX_IMAGE_LENGTH)]
Python = Annotated[
    str, AfterValidator(formats.check_python), _text("^[^ /]*/[^ ]*$", formats.MAX_PATH_LENGTH)
]
RayVersion = Annotated[
    str, AfterValidator(formats.check_ray_version), _text(formats.RAY_VERSION_PATTERN, 32)
]
Project = Annotated[
    str, AfterValidator(formats.check_project), _text(None, formats.MAX_PROJECT_LENGTH)
]
