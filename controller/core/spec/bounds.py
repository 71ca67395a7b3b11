"""Faults of a cluster as a whole: its members, what each of them carries, and its one Ray."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from controller.core.spec import variables as environment
from controller.core.spec.ray import versions
from controller.core.spec.ray.auth import TOKEN
from controller.core.spec.requirements import excludes

if TYPE_CHECKING:
    from controller.core.spec.groups import NodeGroup
    from controller.core.spec.spec import ClusterSpec

MAX_MEMBERS = 1000  # of one cluster, the head included; suspended groups count

Fault = tuple[tuple[int | str, ...], str]


def cluster_faults(spec: "ClusterSpec") -> Iterator[Fault]:
    """(path below `spec`, message) for what no field says by itself."""
    yield from _unfit_for_ray(spec)
    yield from _too_many(spec)
    yield from _too_large(spec)
    yield from _other_pythons(spec)
    python = spec.python_environment
    if python is not None:
        for field, lines in (("packages", python.packages), ("requirements", python.lines)):
            for place, line in enumerate(lines):
                message = other_ray(line, spec.ray_version)
                if message is not None:
                    yield ("pythonEnvironment", field, place), message


def other_ray(line: str, version: str) -> str | None:
    """A message where a requirement asks for another Ray than `rayVersion` is."""
    if not excludes(line, "ray", version):
        return None
    return f"`{line[:60]}` excludes Ray {version}, which is rayVersion; make the two agree"


def _unfit_for_ray(spec: "ClusterSpec") -> Iterator[Fault]:
    fault = versions.version_fault(spec.ray_version)
    if fault is not None:
        yield ("rayVersion",), fault
        return
    memory = versions.memory_fault(spec.ray_version) if spec.gcs_storage else None
    if memory is not None:
        yield ("gcsFaultToleranceOptions", "backend"), memory
    for path, _, group in _groups(spec):
        for key, message in versions.option_faults(group.ray_start_params, spec.ray_version):
            yield (*path, "rayStartParams", key), message
    if spec.auth_options is not None and spec.auth_options.mode == TOKEN:
        fault = versions.token_fault(spec.ray_version)
        if fault is not None:
            yield ("authOptions", "mode"), fault


def _groups(spec: "ClusterSpec") -> Iterator[tuple[tuple[int | str, ...], str, "NodeGroup"]]:
    """Path, name in a message, and group."""
    yield ("headGroupSpec",), "the head", spec.head_group_spec
    for place, group in enumerate(spec.worker_group_specs):
        yield ("workerGroupSpecs", place), f"group `{group.group_name}`", group


def _other_pythons(spec: "ClusterSpec") -> Iterator[Fault]:
    """Kinds of runtime with another Python than the cluster's, which no node could join."""
    if spec.runtime is None:
        return
    kernel, built = spec.runtime.kernel, spec.python_environment
    if built is not None and kernel != f"Python {built.python}":
        message = f"the kernel is {kernel}, and pythonEnvironment has Python {built.python}"
        yield ("runtime", "kernel"), f"{message}; make the two agree"
    for path, _, group in _groups(spec):
        if group.runtime is not None and group.runtime.kernel != kernel:
            message = f"the kernel is {group.runtime.kernel}, and the cluster's is {kernel}"
            yield (*path, "runtime", "kernel"), f"{message}; all nodes must have one Python"


def _too_many(spec: "ClusterSpec") -> Iterator[Fault]:
    members = 1 + sum(group.replicas for group in spec.worker_group_specs)
    if members > MAX_MEMBERS:
        message = f"the cluster has {members} members, of at most {MAX_MEMBERS}; lower replicas"
        yield ("workerGroupSpecs",), message


def _too_large(spec: "ClusterSpec") -> Iterator[Fault]:
    """One message at the variables of the cluster where they alone are too many."""
    fault = environment.size_fault(spec.environment, "every member")
    if fault is not None:
        yield ("environment",), fault
        return
    for path, whose, group in _groups(spec):
        fault = environment.size_fault({**spec.environment, **group.environment}, whose)
        if fault is not None:
            yield (*path, "environment"), fault
