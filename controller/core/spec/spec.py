"""The spec: the document that a person wrote for one cluster, checked.

The field names are KubeRay's where KubeRay has the concept.  A value of these types is valid in
itself; `revision.assemble` compares its name with those of other specs.  The JSON Schema and the
reference are generated from the docstrings here.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from controller.core.spec.bounds import cluster_faults
from controller.core.spec.fields import (
    EXAMPLE_RUNTIME,
    Budget,
    ClusterName,
    DrainTimeout,
    Environment,
    Image,
    Project,
    Python,
    RayVersion,
    SpecModel,
    about,
    is_recorded,
    without_unset,
)
from controller.core.spec.formats import check_backend
from controller.core.spec.groups import HeadGroup, WorkerGroup, repeated
from controller.core.spec.placement.runtime import EXAMPLE_CHOICE, RuntimeSpec
from controller.core.spec.python_environment import PythonEnvironment
from controller.core.spec.ray.auth import AuthOptions
from controller.core.spec.shared_memory import AUTO, SharedMemory
from controller.core.spec.validation_errors import checked, refusal

MAX_GROUPS = 50


class UpgradeStrategy(SpecModel):
    """The way in which outdated members are replaced."""

    type: Annotated[
        Literal["RollingUpdate", "Recreate", "None"], about("Type", "guides", "RollingUpdate")
    ] = "RollingUpdate"
    """RollingUpdate replaces workers one by one, Recreate replaces the whole cluster at once, None
    does not replace outdated members.
    """
    max_unavailable: Annotated[Budget, about("Maximum unavailable", "guides", 1, "25%")] = 1
    """Maximum number of members of a worker group that a rolling update replaces at the same time:
    a number, or a percentage of its replicas.
    """

    def budget(self, replicas: int) -> int:
        """Members of a group of that many replicas that may be unavailable; at least one."""
        if isinstance(self.max_unavailable, int):
            return self.max_unavailable
        return max(1, replicas * int(self.max_unavailable.removesuffix("%")) // 100)


class GcsFaultTolerance(SpecModel):
    """The memory of a head: its state outlives its pod."""

    backend: Annotated[
        Literal["rocksdb"], BeforeValidator(check_backend), about("Backend", "restarts", "rocksdb")
    ]
    """rocksdb: the head keeps its state in files of the project, which are removed with the
    cluster.
    """


class ClusterSpec(SpecModel):
    """The desired state of a cluster."""

    project: Annotated[Project | None, about("Project", "restarts", "fraud-models")] = None
    """Id or exact name of the CML project; null: the project of the connection."""
    ray_version: Annotated[RayVersion, about("Ray version", "restarts", "2.60.0")]
    """The version of Ray in the interpreter, from 2.10 to 2.60; a node that finds another version
    does not start.
    """
    runtime_identifier: Annotated[Image | None, about("Runtime", "restarts", EXAMPLE_RUNTIME)] = (
        None
    )
    """The runtime image of every member; `raycml doctor --runtimes` lists those of the workspace.
    Required, unless `runtime` is given.
    """
    runtime: Annotated[RuntimeSpec | None, about("Kind of runtime", "restarts", EXAMPLE_CHOICE)] = (
        None
    )
    """Kind of runtime of every member, instead of an image: the newest of the workspace that fits.
    Running members keep theirs when a newer one appears.
    """
    python: Annotated[Python, about("Interpreter", "restarts", "/home/cdsw/.venv/bin/python")] = (
        ".venv/bin/python"
    )
    """Python interpreter with Ray installed: absolute, or relative to the project's home."""
    python_environment: Annotated[
        PythonEnvironment | None,
        about("Python environment", "restarts", {"python": "3.11", "packages": ["ray[default]"]}),
    ] = None
    """Packages from which raycml builds a virtual environment in the project; an alternative to
    `python`, which names an interpreter that you maintain yourself.
    """
    environment: Annotated[
        Environment, about("Environment", "restarts", {"OMP_NUM_THREADS": "2"})
    ] = Field(default_factory=dict, repr=False)
    """Environment variables of every member; a group's own take precedence. Not for secrets: every
    user who can see the application can read them.
    """
    api_key_access: Annotated[bool, about("Access to the API key", "restarts", True)] = False
    """True: tasks and actors inherit CDSW_APIV2_KEY, the CML API key of the user who owns the
    applications, and can do in CML everything that this user can.
    """
    auth_options: Annotated[
        AuthOptions | None, about("Authentication", "restarts", {"mode": "token"})
    ] = None
    """Authentication at the cluster's Ray. null: by a token with Ray 2.52 and later, which knows
    it, and disabled with an older one; a cluster that an older edition of raycml created stays
    without a token until its Ray or Python changes. A change recreates the whole cluster.
    """
    shared_memory: Annotated[SharedMemory, about("Shared memory", "guides", "keep", "16Gi")] = AUTO
    """The project's limit of shared memory, which holds Ray's object stores. auto: raised to what
    the largest store of the project needs; a size: raised to that; keep: left as it is. It is never
    lowered, and only new pods see it.
    """
    gcs_fault_tolerance_options: Annotated[
        GcsFaultTolerance | None, about("Memory of the head", "restarts", {"backend": "rocksdb"})
    ] = None
    """A head that restarts goes on with detached and named actors, placement groups and the list of
    jobs, and its workers with what runs on them; from Ray 2.60 on. null: it begins with an empty
    state.
    """
    suspend: Annotated[bool, about("Suspended", "counts", True)] = False
    """True: every member is stopped, not deleted, and its resources are free."""
    paused: Annotated[bool, about("Paused", "guides", True)] = False
    """True: the controller only watches this cluster."""
    # Declared after `suspend`: a validator sees only the fields above its own.
    protect: Annotated[bool, about("Protected", "guides", True)] = False
    """True: no member is deleted or replaced, and the head is never restarted."""
    upgrade_strategy: Annotated[
        UpgradeStrategy,
        about("Upgrade strategy", "guides", {"type": "RollingUpdate", "maxUnavailable": 1}),
    ] = UpgradeStrategy()
    """Replacement of outdated members."""
    drain_timeout_seconds: Annotated[DrainTimeout, about("Drain timeout", "guides", 300)] = 300
    """Seconds for a Ray node to finish its work before raycml stops, updates or deletes its member;
    0: members are stopped without a drain. A worker group may have its own.
    """
    head_group_spec: Annotated[
        HeadGroup, about("Head", "restarts", {"resources": {"cpu": 4, "memory": "16Gi"}})
    ]
    """The member that all workers join."""
    worker_group_specs: Annotated[
        tuple[WorkerGroup, ...],
        Field(max_length=MAX_GROUPS),
        about(
            "Worker groups",
            "counts",
            [{"groupName": "gpu", "resources": {"cpu": 16, "memory": "64Gi", "gpu": 1}}],
        ),
    ] = ()
    """Groups of identical workers, in any order."""

    @property
    def gcs_storage(self) -> str:
        """The storage of a head that remembers; empty without one."""
        options = self.gcs_fault_tolerance_options
        return "" if options is None else options.backend

    @model_validator(mode="wrap")
    @classmethod
    def _one_interpreter(
        cls, written: object, check: ModelWrapValidatorHandler["ClusterSpec"]
    ) -> "ClusterSpec":
        """Checks the spec as written, so that another fault does not hide this one."""
        return checked("spec", [*_both(written), *_runtimes(written)], check, written)

    @model_validator(mode="after")
    def _within_bounds(self, info: ValidationInfo) -> "ClusterSpec":
        faults = [] if is_recorded(info) else [*cluster_faults(self)]
        if faults:
            raise refusal("spec", faults)
        return self

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Only one of `python` and `pythonEnvironment`, as a spec has it."""
        written: dict[str, object] = write(self)
        built = self.python_environment is not None
        unsaid = {"python"} if built else {"python_environment", "pythonEnvironment"}
        said = {k: v for k, v in written.items() if k not in unsaid}
        optional = {"runtime", "runtime_identifier", "auth_options", "gcs_fault_tolerance_options"}
        return without_unset(said, optional)

    @field_validator("protect")
    @classmethod
    def _not_suspended(cls, protect: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  a field's value
        if protect and info.data.get("suspend") is True:
            raise ValueError(
                "a protected cluster may not be suspended, for that stops its head; "
                "remove `protect` or `suspend`"
            )
        return protect

    @field_validator("worker_group_specs", mode="wrap")
    @classmethod
    def _distinct_groups(
        cls, groups: object, check: ValidatorFunctionWrapHandler
    ) -> tuple[WorkerGroup, ...]:
        """Names are compared as written, so that a fault inside a group hides no duplicate."""
        ordered = tuple(groups) if isinstance(groups, list) else groups
        twice = [*repeated(ordered[:MAX_GROUPS])] if isinstance(ordered, tuple) else []
        return checked("workerGroupSpecs", twice, check, ordered)


def _both(written: object) -> list[tuple[tuple[str], str]]:
    fields = written if isinstance(written, Mapping) else {}
    built = any(
        fields.get(name) is not None for name in ("pythonEnvironment", "python_environment")
    )
    message = (
        "`python` names an interpreter of yours and `pythonEnvironment` has one built; "
        "remove one of them"
    )
    return [(("python",), message)] if built and fields.get("python") is not None else []


def _runtimes(written: object) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """The cluster names its runtime in one of two ways, and each group in at most one."""
    if not isinstance(written, Mapping):
        return
    ways = _ways(written)
    if not ways:
        message = "`runtimeIdentifier` is missing; add it, or `runtime` with kernel and edition"
        yield ("runtimeIdentifier",), message
    groups = written.get("workerGroupSpecs", written.get("worker_group_specs"))
    head = written.get("headGroupSpec", written.get("head_group_spec"))
    places: list[tuple[tuple[int | str, ...], object]] = [((), written), (("headGroupSpec",), head)]
    listed = groups if isinstance(groups, list | tuple) else ()
    places += [(("workerGroupSpecs", n), group) for n, group in enumerate(listed[:MAX_GROUPS])]
    for place, group in places:
        if len(_ways(group)) > 1:
            message = "`runtime` and `runtimeIdentifier` both name the runtime; remove one of them"
            yield (*place, "runtime"), message


def _ways(written: object) -> list[str]:
    """The fields that name a runtime."""
    fields = written if isinstance(written, Mapping) else {}
    identifier = fields.get("runtimeIdentifier", fields.get("runtime_identifier"))
    values = {"runtime": fields.get("runtime"), "runtimeIdentifier": identifier}
    return [name for name, value in values.items() if value is not None]


class Metadata(SpecModel):
    """The name of the cluster."""

    name: Annotated[ClusterName, about("Name", "counts", "analytics")]
    """Unique in the source; lower-case letters, digits and single hyphens. A new name means a new
    cluster.
    """


class RayCluster(SpecModel):
    """One cluster, as a document."""

    api_version: Annotated[Literal["raycml/v1"], about("API version", "guides", "raycml/v1")]
    """The version of this format."""
    kind: Annotated[Literal["RayCluster"], about("Kind", "guides", "RayCluster")]
    """The kind of document."""
    metadata: Annotated[Metadata, about("Metadata", "counts", {"name": "analytics"})]
    """Name of the cluster."""
    spec: Annotated[
        ClusterSpec,
        about(
            "Spec",
            "restarts",
            {
                "rayVersion": "2.60.0",
                "runtimeIdentifier": EXAMPLE_RUNTIME,
                "headGroupSpec": {"resources": {"cpu": 4, "memory": "16Gi"}},
            },
        ),
    ]
    """Desired state of the cluster."""

    @property
    def name(self) -> str:
        return self.metadata.name

    def with_requirements(self, lines: tuple[str, ...]) -> "RayCluster":
        """The same with the lines of its requirements file instead of the file's name."""
        environment = self.spec.python_environment
        if environment is None:
            raise ValueError(f"{self.name} asks for no environment")
        environment = environment.model_copy(update={"requirements": lines})
        spec = self.spec.model_copy(update={"python_environment": environment})
        return self.model_copy(update={"spec": spec})
