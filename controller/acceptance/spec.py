"""The cluster of an acceptance test: its name, its spec from the options, its runtime."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from controller.cml.values import RuntimeRef
from controller.core.spec.revision import Revision, SpecDocument, assemble
from controller.core.spec.spec import RayCluster
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit

GROUP = "worker"
PREFIX = "acceptance-"
_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{8}}")
LARGE = {"cpu": "4", "memory": "16", "head_cpu": "2", "head_memory": "8"}
SMALL = {"cpu": "1", "memory": "1.5Gi", "head_cpu": "1", "head_memory": "2Gi"}
_ANY_RUNTIME = "registry.example/any:1"  # a placeholder until the preflight has chosen

_OPTIONS = {
    ("workerGroupSpecs", "cpu"): "--cpu",
    ("workerGroupSpecs", "memory"): "--memory",
    ("workerGroupSpecs", "gpu"): "--gpu",
    ("workerGroupSpecs", "replicas"): "--workers",
    ("headGroupSpec", "cpu"): "--head-cpu",
    ("headGroupSpec", "memory"): "--head-memory",
    ("rayVersion", "rayVersion"): "--ray-version",
    ("runtimeIdentifier", "runtimeIdentifier"): "--runtime",
    ("python", "python"): "--python",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The options of the cluster.  Sizes are as written; `runtime` None: the preflight chooses."""

    workers: int
    cpu: str
    memory: str
    gpu: int
    head_cpu: str
    head_memory: str
    ray_version: str
    python: str
    runtime: str | None

    def options(self) -> dict[str, str | int | None]:
        """The options as the report shows them."""
        return {name: getattr(self, name) for name in self.__slots__}


def cluster_name(bits: int) -> str:
    """A name that no other run has, from 32 random bits."""
    return f"{PREFIX}{bits:08x}"


def of_acceptance_tests(names: Iterable[str]) -> tuple[str, ...]:
    """The names that acceptance tests gave, sorted."""
    return tuple(sorted({name for name in names if _NAME.fullmatch(name)}))


def sizes(own: Mapping[str, str | None], *, local: bool) -> dict[str, str]:
    """The given sizes; the others default to those for a laptop or for a workspace."""
    defaults = SMALL if local else LARGE
    return {name: own.get(name) or default for name, default in defaults.items()}


def check(shape: Shape) -> None:
    """CommandError with each invalid option."""
    try:
        cluster("acceptance-00000000", shape, shape.runtime or _ANY_RUNTIME, shape.workers + 1)
    except ValidationError as error:
        faults = "; ".join(map(_fault, error.errors(include_url=False)))
    else:
        return
    raise CommandError(faults, Exit.USAGE, "`raycml acceptance --help`")


def _fault(error: ErrorDetails) -> str:
    names = [str(step) for step in error["loc"] if step != "spec"]
    option = _OPTIONS.get((names[0], names[-1]), ".".join(names)) if names else "the cluster"
    return f"{option}: {error['msg'].removeprefix('Value error, ')}"


def revision(name: str, shape: Shape, runtime: str, workers: int) -> Revision:
    holder = SpecDocument(cluster(name, shape, runtime, workers), "acceptance", 1)
    return assemble([holder], [], origin="acceptance")


def cluster(name: str, shape: Shape, runtime: str, workers: int) -> RayCluster:
    """The spec, validated like any other.  ValidationError."""
    head = {"cpu": _number(shape.head_cpu), "memory": _number(shape.head_memory)}
    worker = {"cpu": _number(shape.cpu), "memory": _number(shape.memory), "gpu": shape.gpu}
    group = {"groupName": GROUP, "replicas": workers, "resources": worker}
    return RayCluster.model_validate(
        {
            "apiVersion": "raycml/v1",
            "kind": "RayCluster",
            "metadata": {"name": name},
            "spec": {
                "rayVersion": shape.ray_version,
                "runtimeIdentifier": runtime,
                "python": shape.python,
                "headGroupSpec": {"resources": head, "rayStartParams": {"num-cpus": "0"}},
                "workerGroupSpecs": [group],
            },
        }
    )


def _number(text: str) -> float | str:
    """A size without a unit is a number, as in YAML."""
    return float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text.strip()) else text


def runtime_fault(identifier: str, offered: Iterable[RuntimeRef]) -> str:
    """The reason that this runtime is not usable; empty if it is."""
    statuses = {one.identifier: one.status for one in offered}
    if identifier not in statuses:
        return f"the workspace does not offer the runtime {identifier}"
    status = statuses[identifier]
    return "" if _is_usable(status) else f"the runtime {identifier} is {status}"


def choose_runtime(offered: Iterable[RuntimeRef], *, gpu: bool) -> RuntimeRef | None:
    """The newest enabled runtime with Python, of the standard edition or of the one for GPUs.

    PBJ runtimes are preferred, then the Python version that is tested.
    """
    edition = "Nvidia GPU" if gpu else "Standard"
    fitting = [
        one
        for one in offered
        if _is_usable(one.status) and one.edition == edition and one.kernel.startswith("Python")
    ]
    return max(fitting, key=lambda one: tuple(_rank(one)), default=None)


def _is_usable(status: str) -> bool:
    return status in ("", "ENABLED")


def _rank(one: RuntimeRef) -> Iterator[object]:
    yield "-pbj-" in one.identifier
    yield one.kernel == "Python 3.11"
    yield [int(part) for part in re.findall(r"[0-9]{1,9}", one.version)]
    yield one.identifier
