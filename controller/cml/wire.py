"""Objects of CML's API v2, exactly as on the wire: lenient input, strict output.

On input, absent, null and default values are equal, numbers may be text, and unknown fields are
ignored (fields were only added between 24.05 and 26.06).  On output, nothing is guessed.  Errors of
models do not repeat their input, since variables may be secret.
"""

import math
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

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


Text = Annotated[str, BeforeValidator(_text)]
Id = Annotated[str, BeforeValidator(_text), StringConstraints(min_length=1, max_length=256)]
Number = Annotated[float, BeforeValidator(_number)]
Count = Annotated[int, BeforeValidator(_count)]
Flag = Annotated[bool, BeforeValidator(_flag)]
When = Annotated[datetime | None, BeforeValidator(_when)]
Status = Annotated[str, BeforeValidator(_status)]


class _WireIn(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _Out(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )


class Application(_WireIn):
    """`environment` is JSON text in every answer, but other types were observed: raw here."""

    id: Id
    name: Text = ""
    subdomain: Text = ""
    script: Text = ""
    status: Status = ""
    cpu: Number = 0.0
    memory: Number = 0.0
    nvidia_gpu: Count = 0
    runtime_identifier: Text = ""
    environment: object = None
    bypass_authentication: Flag = False
    created_at: When = None
    starting_at: When = None
    running_at: When = None
    stopped_at: When = None


class Owner(_WireIn):
    """The part of a ShortUser that distinguishes projects."""

    username: Text = ""


class Project(_WireIn):
    """`name` is without the owner, so it may be ambiguous."""

    id: Id
    name: Text = ""
    owner: Owner | None = None
    creation_status: Text = ""
    shared_memory_limit: Count = 0
    environment: object = None


class Job(_WireIn):
    """`timeout` is an int64 and so is text; `environment` is raw, as in an application."""

    id: Id
    name: Text = ""
    script: Text = ""
    type: Text = ""
    cpu: Number = 0.0
    memory: Number = 0.0
    environment: object = None
    timeout: Count = 0
    kill_on_timeout: Flag = False
    parent_id: Text = ""
    runtime_identifier: Text = ""
    created_at: When = None


class JobRun(_WireIn):
    """No exit code, no reason and no output: the contract has none."""

    id: Id
    job_id: Text = ""
    status: Status = ""
    environment: object = None
    created_at: When = None
    finished_at: When = None


class Runtime(_WireIn):
    """A runtime's ID is the full reference of its image."""

    image_identifier: Id
    status: Text = ""
    kernel: Text = ""
    edition: Text = ""
    editor: Text = ""
    full_version: Text = ""


class FileInfo(_WireIn):
    """`file_size` is an int64 and so is text; folders have none."""

    path: Id
    is_dir: Flag = False
    file_size: Count = 0


class CreateApplication(_Out):
    """POST: `environment` is an object here, and only here."""

    project_id: str
    name: str
    subdomain: str
    description: str
    script: str
    cpu: float
    memory: float
    nvidia_gpu: int
    environment: dict[str, str]
    runtime_identifier: str
    bypass_authentication: bool = False


class PatchApplication(_Out):
    """PATCH: only set fields are sent; `environment` is JSON text and replaces all variables."""

    name: str | None = None
    bypass_authentication: bool | None = None
    subdomain: str | None = None
    description: str | None = None
    script: str | None = None
    cpu: float | None = None
    memory: float | None = None
    nvidia_gpu: int | None = None
    environment: str | None = None
    runtime_identifier: str | None = None


class CreateProjectBody(_Out):
    """POST: `environment` is an object here; None is not sent."""

    name: str
    template: str
    visibility: str
    default_project_engine_type: str
    description: str | None = None
    git_url: str | None = None
    git_ref: str | None = None
    shared_memory_limit: int | None = None
    environment: dict[str, str] | None = None


class PatchProject(_Out):
    """PATCH: only set fields are sent; `environment` is JSON text and replaces all variables."""

    shared_memory_limit: int | None = None
    environment: str | None = None


class CreateJobBody(_Out):
    """POST: `environment` is an object and `timeout` a number here; None is not sent."""

    project_id: str
    name: str
    script: str
    cpu: float
    memory: float
    runtime_identifier: str
    environment: dict[str, str]
    kill_on_timeout: bool
    timeout: int | None = None
    parent_id: str | None = None


class PatchJob(_Out):
    """PATCH: only set fields are sent; `environment` and `timeout` are text here."""

    name: str | None = None
    script: str | None = None
    cpu: float | None = None
    memory: float | None = None
    runtime_identifier: str | None = None
    environment: str | None = None
    timeout: str | None = None
    kill_on_timeout: bool | None = None
    parent_id: str | None = None


class CreateRun(_Out):
    """POST: `environment` is an object, and overrides the job's."""

    project_id: str
    job_id: str
    environment: dict[str, str]
