"""Options for differences between CML workspaces, and users.

The defaults are those of a recent workspace.  Durations are seconds of the injected clock.
"""

from dataclasses import dataclass, field
from typing import Literal

from controller.emulator.nodes import parse_node, parse_profile


@dataclass(frozen=True, slots=True)
class Capacity:
    """An amount of resources; `None` is without limit."""

    cpu: float | None = None
    """vCPU; none: no limit."""
    memory: float | None = None
    """GB; none: no limit."""
    gpu: int | None = None
    """GPUs; none: no limit."""


@dataclass(frozen=True, slots=True)
class Options:
    """Behavior of the workspace where public sources disagree, and durations."""

    start_s: float = 0.0
    """Between the call and the start of the process: scheduling, image pull."""
    stop_s: float = 2.0
    """Minimum time for which an application is STOPPING."""
    delete_s: float = 3.0
    """Minimum time for which a deleted application exists as STOPPING, with its subdomain."""
    project_creation_s: float = 0.0
    """Time for which a new project is `creating`."""
    auto_restarts: int = 3
    """CML's own restarts of a failed application before it gives up; old releases: 0."""
    auto_restart_s: float = 300.0
    """Time between the failure of an application and CML's own restart of it."""
    duplicate_subdomain_conflict: bool = True
    """True: 409 code 6.  False: 400 code 3.  Which one real workspaces answer is not public."""
    check_script: bool = True
    """False: a missing script is accepted and the application fails when it starts."""
    check_runtime: bool = True
    """False: any runtime is accepted, registered or not."""
    uploads: Literal["both", "post", "put"] = "both"
    """Methods that upload a file; the other one is answered 405.  A PUT always honors the path."""
    post_upload_in_root: bool = False
    """True: a POST of a file stores it in the project's home, under the base name of its path."""
    restart_of_failed: bool = True
    """False: `:restart` of a FAILED application is refused until the application was stopped."""
    restart_needs_live_run: bool = False
    """True: `:restart` of a STOPPED or FAILED application is refused."""
    restart_while_stopping: bool = False
    """True: `:restart` of a STOPPING application is carried out when its pod has ended."""
    stop_of_stopped: bool = False
    """True: `:stop` of a STOPPED application changes nothing; False: 400 code 9."""
    malformed_key_status: Literal[500, 401] = 500
    """Status of `malformed apikey`, the answer to a bearer that has not the form of a key."""
    over_quota: Literal["pending", "409"] = "pending"
    """A start beyond `capacity` or `most_pods`: it waits, or the call is refused."""
    most_pods: int = 0
    """Pods of a user at the same time, of applications and runs; 0 is without limit."""
    creation_status: Literal["success", "succeeded", ""] = "success"
    """`creation_status` of a project that is ready."""
    run_shows_project_environment: bool = False
    """True: the `environment` of a run contains the project's variables."""
    slug_with_owner: bool = False
    """A project's slug.  True: `owner/Name`; False: the lower-case name."""
    patch_zero_values: bool = True
    """False: `0`, `false`, `""` and `[]` in a PATCH are taken for absent and ignored."""
    orphan_on_restart_while_starting: bool = False
    """True: `:restart` of a STARTING application leaves its first pod running, untracked."""
    job_timeout_unit_s: float = 1.0
    """Unit of a job's `timeout`: seconds by the specification, minutes in some releases."""
    second_run: Literal["refused", "skipped", "both"] = "both"
    """A second run of a running job: 400 code 9, or created as SKIPPED, or both, as observed on a
    live workspace: the call is refused, and the history has a SKIPPED entry."""
    api_jobs_skipped: bool = False
    """True: runs of jobs end as SKIPPED within seconds, without a container, as observed on
    workbench 2.0.59 for every job that the API created."""
    run_arguments_ignored: bool = False
    """True: a run gets its job's arguments, whatever its own are, as observed."""
    oom_killed_run_succeeds: bool = False
    """True: a run that was killed for its memory is reported as SUCCEEDED, as observed."""
    shared_memory_limit: Literal["applied", "ignored", "refused"] = "applied"
    """A PATCH of a project's shared memory limit.  Pods keep the limit of their start, which they
    get as CML_EMULATOR_SHM_MB, because all pods share /dev/shm of this machine."""
    untyped_project_environment: bool = False
    """True: values of a project's variables that are no text are stored, and no workload of the
    project starts any more, as observed.  False: 400."""
    localhost_names: Literal["auto", "always", "never"] = "auto"
    """Addresses with names below `cml.localhost`, which browsers always find.  Auto: where other
    programs of this machine find them too.  Else with 127.0.0.1 and a path."""
    tls: bool = False
    """True: HTTPS, with a certificate of the emulator's own authority, which `--local` and
    the pods trust."""
    pod_home: bool = True
    """In pods `/home/cdsw` is the project, and the user is cdsw, where Linux allows a mount
    namespace.  False: pods see the project's folder on this machine."""
    mesh: Literal["off", "permissive", "strict", "silent"] = "off"
    """A sidecar of Istio before each pod, which accepts every connection to Ray's ports of another
    pod itself.  `permissive`: passes it on; `strict`: closes it, as the mTLS mode STRICT does to
    Ray; `silent`: does not answer, as with a network policy.  Pods then have network namespaces of
    their own, for which Linux needs `ip` of iproute2, and reach no other host.
    """
    addon_hides_ray: bool = False
    """True: PYTHONPATH of a pod begins with the folder of a runtime add-on that has a `ray` of its
    own, with which no Ray starts.  False: with the folder of one without.
    """
    capacity: Capacity = Capacity()
    """Capacity of all pods together."""
    node: Capacity = Capacity()
    """Capacity of a node: a larger pod never starts."""
    nodes: tuple[str, ...] = ()
    """Nodes, each as words such as `cpu=16 memory=64 gpu=2 group=gpu
    nvidia.com/gpu.product=NVIDIA-L40S`: its sizes, its resource group, and labels.  A pod then
    gets a node with room and with all that it asks for, or waits.  Empty: any number of `node`.
    """
    profiles: tuple[str, ...] = ()
    """CPU profiles of each resource group, as cores x GB: `4x16`.  Empty: CML lists none, as
    observed, and answers 501.
    """
    lists_absent: tuple[str, ...] = ()
    """Lists that answer 501: `nodelabels`, `resourcegroups`, `runtimeaddons`."""
    node_labels_of_2025: bool = False
    """True: an accelerator's row counts GPUs in use, has sizes and a resource group, and no name
    for display.  False: as observed on workbench 2.0.59, it counts GPUs that are present.
    """

    def __post_init__(self) -> None:
        """ValueError for a node or a profile that cannot be read."""
        for text in self.nodes:
            parse_node(text)
        for text in self.profiles:
            parse_profile(text)


@dataclass(frozen=True, slots=True)
class User:
    """The user of a key."""

    username: str = "developer"
    name: str = "Local Developer"
    email: str = "developer@cml.localhost"

    def wire(self) -> dict[str, object]:
        return {"username": self.username, "name": self.name, "email": self.email}


API = "API"
APPLICATION = "Application"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key and its audiences: the REST API, applications, or both."""

    secret: str = field(repr=False)
    user: User = User()
    audiences: frozenset[str] = frozenset({API, APPLICATION})
