"""Objects of CML's API v2 as on the wire: lenient input, strict output.

Fields have raycml's names, and CML's as aliases.  On input, absent, null and default values are
equal, numbers may be text, and unknown fields are ignored (fields were only added between 24.05 and
26.06).  On output, nothing is guessed.  Errors of models do not repeat their input, since variables
may be secret.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

HOME = "/home/cdsw/"

_LARGEST = 2**53  # larger JSON numbers are not exact


def _text(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return value


def _number(value: object) -> float:
    if value is None or value == "":
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("not a number")  # noqa: TRY004 - pydantic listens to ValueError only
    number = float(value) if not isinstance(value, str) or len(value) < 32 else math.nan
    if not math.isfinite(number) or abs(number) > _LARGEST:
        raise ValueError("not a sensible number")
    return number


def _count(value: object) -> int:
    number = _number(value)
    if number != int(number):
        raise ValueError("not a whole number")
    return int(number)


def _flag(value: object) -> object:
    return False if value is None or value == "" else value


def _when(value: object) -> datetime | None:
    """A time, which is a hint only: None if unreadable, or Go's zero time, which means unset."""
    if not isinstance(value, str) or not value:
        return None
    try:
        when = datetime.fromisoformat(value)
        aware = when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return aware if aware.year > 1 else None


def _status(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else repr(value)[:64]


def _names(value: object) -> tuple[str, ...] | None:
    """The texts of a list; None for anything else, as if CML did not show it."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(value)


def _script(value: object) -> object:
    text = _text(value)
    return text.removeprefix(HOME) if isinstance(text, str) else text


def environment(value: object) -> dict[str, str]:
    """The variables, from JSON text, an object, or nothing.

    Unreadable variables count as empty: without a mark the application is not managed, and it does
    not affect others.
    """
    if isinstance(value, str):
        value = _json(value)
    if not isinstance(value, Mapping):
        return {}
    return {str(name): _value(item) for name, item in value.items()}


def _json(text: str) -> object:
    try:
        value: object = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return None
    return value


def _value(item: object) -> str:
    if isinstance(item, str):
        return item
    try:
        return "" if item is None else json.dumps(item, sort_keys=True)
    except (ValueError, RecursionError):
        return ""


Text = Annotated[str, BeforeValidator(_text)]
Id = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1, max_length=256)]
Number = Annotated[float, BeforeValidator(_number)]
Count = Annotated[int, BeforeValidator(_count)]
Flag = Annotated[bool, BeforeValidator(_flag)]
When = Annotated[datetime | None, BeforeValidator(_when)]
Status = Annotated[str, BeforeValidator(_status)]
Script = Annotated[str, BeforeValidator(_script)]
LabelId = Annotated[str | None, BeforeValidator(lambda v: v if v is None else _text(v) or "0")]
ShownCount = Annotated[int | None, BeforeValidator(lambda v: v if v is None else _count(v))]
Names = Annotated[tuple[str, ...] | None, BeforeValidator(_names)]
Variables = Annotated[dict[str, str], BeforeValidator(environment), Field(repr=False)]


class _WireIn(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Entity(_WireIn):
    """An item of the lists that come in pages."""

    id: Id


class Application(Entity):
    """`environment` is JSON text in every answer, but other types were observed."""

    name: Text = ""
    subdomain: Text = ""
    script: Script = ""
    status: Status = ""
    cpu: Number = 0.0
    memory: Number = 0.0
    gpu: Count = Field(0, alias="nvidia_gpu")
    runtime: Text = Field("", alias="runtime_identifier")
    environment: Variables = {}
    public: Flag = Field(default=False, alias="bypass_authentication")
    accelerator: LabelId = Field(None, alias="accelerator_label_id")
    resource_group: ShownCount = Field(None, alias="resource_group_id")
    resource_profile: ShownCount = Field(None, alias="resource_profile_id")
    addons: Names = Field(None, alias="runtime_addon_identifiers")
    created_at: When = None
    starting_at: When = None
    running_at: When = None
    stopped_at: When = None


class Owner(_WireIn):
    """The part of a ShortUser that distinguishes projects."""

    username: Text = ""


class Project(Entity):
    """`name` is without the owner, so it may be ambiguous."""

    name: Text = ""
    owner: Owner | None = None
    creation_status: Text = ""
    shared_memory_limit: Count = 0
    environment: Variables = {}


class Job(Entity):
    """`timeout` is an int64 and so is text."""

    name: Text = ""
    script: Script = ""
    kind: Text = Field("", alias="type")
    cpu: Number = 0.0
    memory: Number = 0.0
    environment: Variables = {}
    timeout: Count = 0
    kill_on_timeout: Flag = False
    parent: Text = Field("", alias="parent_id")
    runtime: Text = Field("", alias="runtime_identifier")
    created_at: When = None


class JobRun(Entity):
    """No exit code, no reason and no output: the contract has none."""

    job_id: Text = ""
    status: Status = ""
    environment: Variables = {}
    created_at: When = None
    finished_at: When = None


class Runtime(Entity):
    """A runtime's ID is the full reference of its image."""

    id: Id = Field(alias="image_identifier")
    status: Text = ""
    kernel: Text = ""
    edition: Text = ""
    editor: Text = ""
    version: Text = Field("", alias="full_version")


class FileInfo(_WireIn):
    """`file_size` is an int64 and so is text; folders have none."""

    path: Id
    is_dir: Flag = False
    file_size: Count = 0


def variables(value: object) -> dict[str, str]:
    """A copy; TypeError for anything but a map from strings to strings."""
    if not isinstance(value, Mapping):
        raise TypeError("an environment is a mapping")
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        raise TypeError("an environment maps text to text")
    return dict(value)


def environment_text(value: object) -> str:
    """The variables in a PATCH; their order does not change the text."""
    return json.dumps(variables(value), sort_keys=True, separators=(",", ":"))


def _or_none(value: object) -> object:
    return value or None


_NewVariables = Annotated[dict[str, str], BeforeValidator(dict)]
_PatchedVariables = Annotated[str, BeforeValidator(environment_text)]
_IfText = Annotated[str | None, BeforeValidator(_or_none)]
_IfNumber = Annotated[int | None, BeforeValidator(_or_none)]


class _Out(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        from_attributes=True,
    )

    @classmethod
    def body(cls, source: object) -> dict[str, object]:
        """The JSON of an object with raycml's names; None is not sent."""
        return cls.model_validate(source).model_dump(by_alias=True, exclude_none=True)


class _Patch(_Out):
    """PATCH: only set fields are sent; `environment` is JSON text and replaces all variables."""

    @classmethod
    def body(cls, source: object) -> dict[str, object]:
        """The JSON of fields by raycml's names.  ValueError for none or unknown ones."""
        fields = set(source) if isinstance(source, Mapping) else set()
        unknown = sorted(fields - cls.model_fields.keys())
        if unknown or not fields:
            raise ValueError(f"not fields of a PATCH: {', '.join(unknown) or 'none given'}")
        return cls.model_validate(source).model_dump(by_alias=True, exclude_unset=True)


class _Placed(_Out):
    """IDs that choose nodes and add-ons."""

    accelerator: str | None = Field(None, serialization_alias="accelerator_label_id")
    resource_group: int | None = Field(None, serialization_alias="resource_group_id")
    resource_profile: int | None = Field(None, serialization_alias="resource_profile_id")
    addons: tuple[str, ...] | None = Field(None, serialization_alias="runtime_addon_identifiers")


class CreateApplication(_Placed):
    """POST: `environment` is an object here, and only here."""

    name: str
    subdomain: str
    description: str
    script: str
    cpu: float
    memory: float
    gpu: int = Field(serialization_alias="nvidia_gpu")
    environment: _NewVariables
    runtime: str = Field(serialization_alias="runtime_identifier")
    public: bool = Field(default=False, serialization_alias="bypass_authentication")


class PatchApplication(_Placed, _Patch):
    """All fields that a PATCH can change."""

    name: str | None = None
    subdomain: str | None = None
    description: str | None = None
    script: str | None = None
    cpu: float | None = None
    memory: float | None = None
    gpu: int | None = Field(None, serialization_alias="nvidia_gpu")
    environment: _PatchedVariables | None = None
    runtime: str | None = Field(None, serialization_alias="runtime_identifier")
    public: bool | None = Field(None, serialization_alias="bypass_authentication")


class CreateProjectBody(_Out):
    """POST: `environment` is an object here."""

    name: str
    visibility: str
    description: _IfText
    git_url: _IfText
    git_ref: _IfText
    shared_memory_limit_mb: _IfNumber = Field(serialization_alias="shared_memory_limit")
    environment: Annotated[dict[str, str] | None, BeforeValidator(lambda v: dict(v) or None)]


class PatchProject(_Patch):
    """All fields that a PATCH can change."""

    shared_memory_limit_mb: int | None = Field(None, serialization_alias="shared_memory_limit")
    environment: _PatchedVariables | None = None


class CreateJobBody(_Out):
    """POST: `environment` is an object and `timeout` a number here."""

    name: str
    script: str
    cpu: float
    memory: float
    runtime: str = Field(serialization_alias="runtime_identifier")
    environment: _NewVariables
    kill_on_timeout: bool
    timeout: _IfNumber
    parent: _IfText = Field(serialization_alias="parent_id")


class PatchJob(_Patch):
    """`timeout` is text as well."""

    name: str | None = None
    script: str | None = None
    cpu: float | None = None
    memory: float | None = None
    runtime: str | None = Field(None, serialization_alias="runtime_identifier")
    environment: _PatchedVariables | None = None
    timeout: Annotated[str, BeforeValidator(str)] | None = None
    kill_on_timeout: bool | None = None
    parent: str | None = Field(None, serialization_alias="parent_id")
