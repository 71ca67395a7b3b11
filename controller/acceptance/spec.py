"""The cluster of an acceptance test: from the command's options to a revision, and its runtime."""

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
LARGE = {"cpu": "4", "memory": "16", "head_cpu": "2", "head_memory": "8"}
SMALL = {"cpu": "1", "memory": "1.5Gi", "head_cpu": "1", "head_memory": "2Gi"}
_ANY_RUNTIME = "registry.example/any:1"  # stands in for a runtime that preflight will choose

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
    """What was asked for.  Sizes as they were written; `runtime` None leaves the choice to us."""

    workers: int
    cpu: str
    memory: str
    gpu: int
    head_cpu: str
    head_memory: str
    ray_version: str
    python: str
    runtime: str | None

    def options(self) -> dict[str, object]:
        """As the report shows them."""
        return {name: getattr(self, name) for name in self.__slots__}


def sizes(given: Mapping[str, str | None], *, local: bool) -> dict[str, str]:
    """The sizes that were given, and for the others those of a laptop or of a workspace."""
    usual = SMALL if local else LARGE
    return {name: given.get(name) or usual[name] for name in usual}


def check(shape: Shape) -> None:
    """CommandError that names each option that cannot be used."""
    try:
        cluster("acceptance-00000000", shape, shape.runtime or _ANY_RUNTIME, shape.workers + 1)
    except ValidationError as error:
        faults = "; ".join(_fault(found) for found in error.errors(include_url=False))
    else:
        return
    raise CommandError(faults, Exit.USAGE, "`raycml acceptance --help`")


def _fault(found: ErrorDetails) -> str:
    names = [str(step) for step in found["loc"] if step != "spec"]
    option = _OPTIONS.get((names[0], names[-1]), ".".join(names)) if names else "the cluster"
    return f"{option}: {found['msg'].removeprefix('Value error, ')}"


def revision(name: str, shape: Shape, runtime: str, workers: int) -> Revision:
    holder = SpecDocument(cluster(name, shape, runtime, workers), "acceptance", 1)
    return assemble([holder], [], origin="acceptance")


def cluster(name: str, shape: Shape, runtime: str, workers: int) -> RayCluster:
    """The spec, valid as those of people.  ValidationError."""
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


def runtime_fault(wanted: str, offered: Iterable[RuntimeRef]) -> str:
    """Why this runtime cannot be used; empty where it can."""
    known = {one.identifier: one.status for one in offered}
    if wanted not in known:
        return f"the workspace does not offer the runtime {wanted}"
    status = known[wanted]
    return "" if _is_usable(status) else f"the runtime {wanted} is {status}"


def choose_runtime(offered: Iterable[RuntimeRef], *, gpu: bool) -> RuntimeRef | None:
    """The newest enabled one with Python, of the plain edition or of that for GPUs.

    PBJ runtimes come first, and the Python that the others are tested with.
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
