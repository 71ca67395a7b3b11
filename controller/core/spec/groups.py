"""The head and the worker groups of a spec.

A value of these types is valid in itself; the cluster checks that the names of groups differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, ClassVar

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_snake

from controller.core.spec.fields import (
    EXAMPLE_RUNTIME,
    MAX_REPLICAS,
    Cpu,
    DrainTimeout,
    Environment,
    Gpu,
    GroupName,
    Image,
    Labels,
    Memory,
    Replicas,
    SpecModel,
    StartParams,
    WorkerName,
    about,
    is_recorded,
    without_unset,
)
from controller.core.spec.placement.fields import (
    SELECTOR_VARIABLES,
    Addons,
    NodeSelector,
    PlaceName,
    Profile,
    profile_fault,
    selector_faults,
)
from controller.core.spec.placement.kinds import Placement
from controller.core.spec.placement.runtime import EXAMPLE_CHOICE, RuntimeSpec
from controller.core.spec.ray import start_params
from controller.core.spec.validation_errors import refusal

# What the node program sets aside (measured: 1280 MiB with GCS, dashboard and monitor, 512 MiB
# without), the smallest store that Ray accepts, and the rest for a task.
MIN_HEAD_MIB, MIN_WORKER_MIB = 1536, 768
_ADDED = frozenset(
    {"runtime", "labels", "node_selector", "resource_group", "resource_profile"}
    | {"runtime_addons"}
)  # fields that are omitted where they are unset, so that older texts of specs stay equal
# A larger group must set `maxReplicas` too, as a guard against typing errors.
UNSTATED_REPLICAS = 100


class Resources(SpecModel):
    """Resources of one node."""

    cpu: Annotated[Cpu, about("CPU", "restarts", 4, "500m")]
    """Cores of each node: 4, 0.5, or 500m. Ray counts whole cores: a fraction is rounded up, unless
    `num-cpus` sets another number.
    """
    memory: Annotated[Memory, about("Memory", "restarts", "16Gi", 16)]
    """Memory of each node: 16Gi, 16G, 16000Mi, or a number of GiB; at least 1536Mi for the head and
    768Mi for a worker, because Ray's own processes need most of that.
    """
    gpu: Annotated[Gpu, about("GPU", "restarts", 1)] = 0
    """GPUs of each node."""
    accelerator: Annotated[PlaceName | None, about("Accelerator", "restarts", "NVIDIA-L40S")] = None
    """Kind of GPU, by the name that the workspace lists; null: any."""

    @field_validator("accelerator")
    @classmethod
    def _with_gpus(cls, accelerator: str | None, info: ValidationInfo) -> str | None:
        if accelerator is not None and info.data.get("gpu") == 0:
            raise ValueError(
                f"accelerator `{accelerator[:60]}` is a kind of GPU, and gpu is 0; "
                "raise gpu, or remove accelerator"
            )
        return accelerator

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        return without_unset(write(self), {"accelerator"})


class NodeGroup(SpecModel):
    """Fields that the head and the workers share."""

    is_head: ClassVar[bool] = False

    resources: Annotated[Resources, about("Resources", "restarts", {"cpu": 4, "memory": 16})]
    """CPU, memory and GPUs of each node."""
    ray_start_params: Annotated[
        StartParams, about("Ray start parameters", "restarts", {"num-cpus": "0"})
    ] = Field(default_factory=dict)
    """Options of `ray start`, without `--`, as text. They take precedence over the values that
    raycml derives from the resources.
    """
    labels: Annotated[Labels, about("Ray labels", "restarts", {"tier": "spot"})] = Field(
        default_factory=dict
    )
    """Labels of these nodes in Ray, for label selectors of tasks and actors. Keys of `ray.io/` are
    Ray's, and those of `raycml.` are raycml's.
    """
    environment: Annotated[
        Environment, about("Environment", "restarts", {"OMP_NUM_THREADS": "2"})
    ] = Field(default_factory=dict, repr=False)
    """Environment variables of these members; they take precedence over the cluster's. Not for
    secrets: every user who can see the application can read them.
    """
    runtime_identifier: Annotated[Image | None, about("Runtime", "restarts", EXAMPLE_RUNTIME)] = (
        None
    )
    """Runtime image of these members, if not the cluster's. Its Ray and Python must be the same."""
    runtime: Annotated[RuntimeSpec | None, about("Kind of runtime", "restarts", EXAMPLE_CHOICE)] = (
        None
    )
    """Kind of runtime of these members, instead of an image; raycml uses the newest that fits."""
    node_selector: Annotated[
        NodeSelector,
        about("Node selector", "restarts", {"nvidia.com/gpu.product": "NVIDIA-L40S"}),
    ] = Field(default_factory=dict)
    """Label of the nodes of these members: one pair, because CML takes no more."""
    resource_group: Annotated[
        PlaceName | None, about("Resource group", "restarts", "gpu-group")
    ] = None
    """Resource group whose nodes these members get, by its name in the workspace; null: any."""
    resource_profile: Annotated[Profile | None, about("Resource profile", "restarts", "4x16")] = (
        None
    )
    """CPU profile, in a workspace that requires one: cores x GiB, which must be those of
    `resources`, or its id.
    """
    runtime_addons: Annotated[Addons, about("Runtime add-ons", "restarts", ["HadoopCLI"])] = ()
    """Add-ons of the runtime, by identifier, component or display name."""

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        return without_unset(write(self), _ADDED)

    @property
    def placement(self) -> Placement:
        """The names that choose the nodes of these members."""
        return Placement(
            accelerator=self.resources.accelerator or "",
            group=self.resource_group or "",
            profile=self.resource_profile or "",
            addons=tuple(self.runtime_addons),
        )

    @property
    def variables(self) -> Mapping[str, str]:
        """The variables of these members, with those by which CML takes a node selector."""
        label = next(iter(self.node_selector.items()), ())
        return {**self.environment, **dict(zip(SELECTOR_VARIABLES, label, strict=False))}

    @field_validator("resource_profile")
    @classmethod
    def _of_these_sizes(cls, profile: str | None, info: ValidationInfo) -> str | None:
        resources = info.data.get("resources")
        if profile is None or not isinstance(resources, Resources):
            return profile
        if fault := profile_fault(profile, resources.cpu, resources.memory):
            raise ValueError(fault)
        return profile

    @field_validator("node_selector")
    @classmethod
    def _said_once(cls, labels: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        faults = [*selector_faults(info.data.get("environment") or {})] if labels else []
        if faults:
            raise refusal("nodeSelector", (((), message) for _, message in faults[:1]))
        return labels

    @field_validator("resources")
    @classmethod
    def _room_for_ray(cls, resources: Resources, info: ValidationInfo) -> Resources:
        least = MIN_HEAD_MIB if cls.is_head else MIN_WORKER_MIB
        if resources.memory * 1024 < least and not is_recorded(info):
            message = (
                f"{resources.memory * 1024:g} MiB is too little: Ray's own processes and the "
                f"smallest object store need {least} MiB here; raise memory to at least {least}Mi"
            )
            raise refusal("resources", [(("memory",), message)])
        return resources

    @field_validator("ray_start_params")
    @classmethod
    def _known_params(cls, params: Mapping[str, str], info: ValidationInfo) -> Mapping[str, str]:
        if is_recorded(info):
            return params
        faults = [*start_params.faults(params, head=cls.is_head)]
        if not faults and isinstance(resources := info.data.get("resources"), Resources):
            faults = [*start_params.size_faults(params, resources.memory)]
        if faults:
            raise refusal("rayStartParams", (((key,), message) for key, message in faults))
        return params


class HeadGroup(NodeGroup):
    """The head of the cluster."""

    is_head: ClassVar[bool] = True


class ScaleStrategy(SpecModel):
    """The choice of the workers that leave a group."""

    workers_to_delete: Annotated[
        tuple[WorkerName, ...],
        BeforeValidator(lambda names: tuple(names) if isinstance(names, list) else names),
        Field(max_length=MAX_REPLICAS),
        about("Workers to delete", "counts", ["gpu/2"]),
    ] = ()
    """Workers that are drained and deleted, by the names that `raycml status` shows. Others take
    their places, unless `replicas` is lowered too.
    """


class WorkerGroup(NodeGroup):
    """A group of identical workers."""

    group_name: Annotated[GroupName, about("Group name", "counts", "gpu")]
    """Unique in its cluster; lower-case letters, digits and single hyphens."""
    min_replicas: Annotated[Replicas, about("Minimum replicas", "guides", 0)] = 0
    """Lower bound of `replicas`."""
    max_replicas: Annotated[Replicas | None, about("Maximum replicas", "guides", 8)] = None
    """Upper bound of `replicas`; required for more than 100 replicas."""
    # Declared after its bounds: a validator sees only the fields above its own.
    replicas: Annotated[Replicas, about("Replicas", "counts", 2), Field(validate_default=True)] = 1
    """Desired number of workers; default: `minReplicas` if set, otherwise 1."""
    suspend: Annotated[bool, about("Suspended", "counts", True)] = False
    """True: the workers of this group are stopped, not deleted."""
    drain_timeout_seconds: Annotated[
        DrainTimeout | None, about("Drain timeout", "guides", 3600)
    ] = None
    """Seconds for a node of this group to finish its work, if not the cluster's."""
    scale_strategy: Annotated[
        ScaleStrategy | None,
        about("Scale strategy", "counts", {"workersToDelete": ["gpu/2"]}),
    ] = None
    """Workers that leave, whatever the number of replicas."""

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        named = {"drain_timeout_seconds", "scale_strategy"}
        return {
            name: value
            for name, value in without_unset(write(self), _ADDED).items()
            if value is not None or to_snake(name) not in named
        }

    @field_validator("scale_strategy")
    @classmethod
    def _of_this_group(
        cls, strategy: ScaleStrategy | None, info: ValidationInfo
    ) -> ScaleStrategy | None:
        group = info.data.get("group_name")
        for name in () if strategy is None or group is None else strategy.workers_to_delete:
            if name.partition("/")[0] != group:
                raise ValueError(
                    f"`{name}` is no worker of group {group}; write {group}/ORDINAL, as "
                    "`raycml status` shows it"
                )
        return strategy

    @model_validator(mode="before")
    @classmethod
    def _replicas_left_out(cls, written: object) -> object:
        if not isinstance(written, Mapping) or "replicas" in written:
            return written
        least = written.get("minReplicas", written.get("min_replicas"))
        if not isinstance(least, int) or isinstance(least, bool) or not 0 <= least <= MAX_REPLICAS:
            return written
        return {**written, "replicas": least}

    @field_validator("max_replicas")
    @classmethod
    def _above_the_least(cls, most: int | None, info: ValidationInfo) -> int | None:
        least = info.data.get("min_replicas", 0)
        if most is not None and most < least:
            raise ValueError(f"maxReplicas is {most}, below minReplicas {least}; raise it")
        return most

    @field_validator("replicas")
    @classmethod
    def _within_the_bounds(cls, replicas: int, info: ValidationInfo) -> int:
        least, most = info.data.get("min_replicas", 0), info.data.get("max_replicas")
        if replicas < least:
            raise ValueError(
                f"replicas is {replicas}, below minReplicas {least}; "
                "raise replicas or lower minReplicas"
            )
        if most is not None and replicas > most:
            raise ValueError(
                f"replicas is {replicas}, above maxReplicas {most}; "
                "lower replicas or raise maxReplicas"
            )
        unstated = most is None and "max_replicas" in info.data and not is_recorded(info)
        if unstated and replicas > UNSTATED_REPLICAS:
            raise ValueError(
                f"replicas is {replicas}; lower it, or, if that many are meant, "
                f"write `maxReplicas: {replicas}` beside it"
            )
        return replicas


def repeated(groups: Sequence[object]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    positions: dict[str, int] = {}
    for position, group in enumerate(groups):
        name = _group_name(group)
        if name is None:
            continue
        first = positions.setdefault(name, position)
        if first != position:
            message = f"group `{name}` is there already, as number {first + 1}; rename one of them"
            yield (position, "groupName"), message


def _group_name(group: object) -> str | None:
    if isinstance(group, WorkerGroup):
        return group.group_name
    name = group.get("groupName") if isinstance(group, Mapping) else None
    return name if isinstance(name, str) else None
