"""The JSON documents of commands: status with the command's result, validate, render, emulator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from controller.core.model.json_object import JsonObject
from controller.core.spec.notices import notices
from controller.core.spec.revision import Problem, Revision
from controller.core.status.documents import StatusJson
from controller.emulator.daemon import Connection


@dataclass(frozen=True, slots=True)
class LeaseJson(JsonObject):
    """The holder of the lease."""

    who: str
    """The holder, for people."""
    since: str
    """Start of the hold."""
    epoch: int
    """Number of holders so far."""


@dataclass(frozen=True, slots=True)
class ReconcileJson(JsonObject):
    """The result of `raycml reconcile`."""

    revision: str
    """Revision of the specs."""
    wait_for: str
    """State that the command waited for."""
    verdict: str
    """`reached`, `moving` after a timeout, or `person` if manual action is needed."""
    exit_code: int
    """Exit code of the command."""
    passes: int
    """Number of passes."""
    took_s: float
    """Duration in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReportJson(StatusJson):
    """The status of all clusters, as commands print it."""

    lease: LeaseJson | None = None
    """Controller that holds the lease, if any; of `raycml status`."""
    reconcile: ReconcileJson | None = None
    """Result of the command; of `raycml reconcile`."""


@dataclass(frozen=True, slots=True)
class ValidSpecJson(JsonObject):
    """A valid spec."""

    name: str
    """Name of the cluster."""
    file: str
    """File of the spec."""
    line: int
    """Line at which the spec starts."""


@dataclass(frozen=True, slots=True)
class NoticeJson(JsonObject):
    """A remark on a valid spec."""

    file: str
    """File of the spec."""
    line: int
    """Line at which the spec starts."""
    message: str
    """The remark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationJson(JsonObject):
    """The result of validating specs."""

    schema: Literal["raycml.validation/v1"] = "raycml.validation/v1"
    """Name and version of the format."""
    valid: bool
    """True if there is no problem."""
    clusters: tuple[ValidSpecJson, ...]
    """The valid specs, by the name of the cluster."""
    notices: tuple[NoticeJson, ...]
    """Remarks on valid specs."""
    problems: tuple[Problem, ...]
    """The problems, by place."""


def validation_json(revision: Revision) -> ValidationJson:
    return ValidationJson(
        valid=not revision.problems,
        clusters=tuple(ValidSpecJson(h.cluster.name, h.file, h.line) for h in revision.clusters),
        notices=tuple(
            NoticeJson(h.file, h.line, notice)
            for h in revision.clusters
            for notice in notices(h.cluster)
        ),
        problems=revision.problems,
    )


@dataclass(frozen=True, slots=True)
class RenderedJson(JsonObject):
    """An application that a spec asks for."""

    cluster: str
    """Name of the cluster."""
    member: str
    """`head`, or group and ordinal such as `gpu/2`."""
    project: str | None
    """Project of the spec; null for the connection's."""
    name: str
    """Name of the application."""
    subdomain: str
    """Subdomain of the application."""
    cpu: float
    """Cores."""
    memory: float
    """Memory in GiB."""
    gpu: int
    """GPUs."""
    runtime: str
    """Identifier of the runtime; empty where the spec names a kind."""
    launcher: str
    """Path of the launcher."""
    fingerprint: str
    """Hash of everything whose change restarts the member."""
    variables: list[str]
    """Names of the environment variables; their values may be secret."""
    placement: Mapping[str, str]
    """Accelerator, resource group, resource profile and add-ons, as far as the spec names them."""
    runtime_choice: Mapping[str, str]
    """Kind of runtime; empty where the spec names an image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderJson(JsonObject):
    """The applications that specs ask for."""

    schema: Literal["raycml.render/v1"] = "raycml.render/v1"
    """Name and version of the format."""
    applications: tuple[RenderedJson, ...]
    """The applications, by cluster and member."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorJson(JsonObject):
    """The local CML emulator.  The key stays in its file, which only its owner can read."""

    schema: Literal["raycml.emulator/v1"] = "raycml.emulator/v1"
    """Name and version of the format."""
    running: bool
    """True if the emulator runs; if not, all else is null."""
    url: str | None = None
    """Address of its API."""
    project_id: str | None = None
    """Id of its project."""
    domain: str | None = None
    """Domain of its applications."""
    pid: int | None = None
    """Id of its process."""
    state_dir: str | None = None
    """Folder of its state."""
    ca_cert: str | None = None
    """File of the authority to trust; null without TLS."""
    options: Mapping[str, str] | None = None
    """The options of its workspace that were set, by name."""
    pods: str | None = None
    """State of its pods: IPython and /home/cdsw, for people."""


def emulator_json(connection: Connection | None) -> EmulatorJson:
    if connection is None:
        return EmulatorJson(running=False)
    return EmulatorJson(
        running=True,
        url=connection.url,
        project_id=connection.project_id,
        domain=connection.domain,
        pid=connection.pid,
        state_dir=str(connection.state_dir),
        ca_cert=str(connection.ca_cert) if connection.ca_cert else None,
        options=connection.options,
        pods=connection.pods,
    )
