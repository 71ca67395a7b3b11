"""Bounds of a cluster as a whole: how many members it has, and what each of them carries."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from controller.core import environment

if TYPE_CHECKING:
    from controller.core.spec import ClusterSpec

MAX_MEMBERS = 1000  # of one cluster, the head included; suspended groups count

Fault = tuple[tuple[int | str, ...], str]


def cluster_faults(spec: "ClusterSpec") -> Iterator[Fault]:
    """(path below `spec`, message) for what no field says by itself."""
    yield from _too_many(spec)
    yield from _too_large(spec)


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
    groups: list[tuple[tuple[int | str, ...], str, Mapping[str, str]]] = [
        (("headGroupSpec",), "the head", spec.head_group_spec.environment)
    ]
    groups += [
        (("workerGroupSpecs", place), f"group `{group.group_name}`", group.environment)
        for place, group in enumerate(spec.worker_group_specs)
    ]
    for path, whose, own in groups:
        fault = environment.size_fault({**spec.environment, **own}, whose)
        if fault is not None:
            yield (*path, "environment"), fault
