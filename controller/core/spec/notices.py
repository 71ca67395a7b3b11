"""Notices on valid specs whose effect their author may not expect."""

import math
import re
from collections.abc import Iterator

from controller.core.spec.groups import NodeGroup
from controller.core.spec.ray import versions
from controller.core.spec.revision import Revision
from controller.core.spec.spec import ClusterSpec, RayCluster


def ray_notices(revision: Revision) -> list[str]:
    """The limits of the Ray of each cluster and its Pythons, with the place of its spec."""
    return [
        f"{document.place}: {notice}"
        for document in revision.clusters
        for notice in (*ray_limits(document.cluster), *differing_pythons(document.cluster))
    ]


def other_pythons(revision: Revision, python: str) -> list[str]:
    """Images of another Python than `python` (such as 3.11), which runs all pods of the local CML.

    The name of an image says which Python it has, where it does.
    """
    return [
        f"{document.place}: its runtime has Python {other}, and the local emulator has no images: "
        f"its pods start with Python {python} of this machine, and the members run the interpreter "
        "that `python` names"
        for document in revision.clusters
        for other in sorted(_pythons(document.cluster) - {python})
    ]


def _pythons(cluster: RayCluster) -> set[str]:
    """Versions of Python in the names of its images, and in its kinds of runtimes."""
    spec = cluster.spec
    nodes = (spec.head_group_spec, *spec.worker_group_specs)
    images = [spec.runtime_identifier, *(group.runtime_identifier for group in nodes)]
    kinds = [spec.runtime, *(group.runtime for group in nodes)]
    named = {found[1] for image in images if image and (found := _PYTHON.search(image))}
    return named | {kind.kernel.split()[1] for kind in kinds if kind is not None}


_PYTHON = re.compile(r"python-?(3\.[0-9]{1,2})(?![0-9])")


def differing_pythons(cluster: RayCluster) -> Iterator[str]:
    """One sentence for each group whose runtime has another Python than the head's.

    It is no fault: `python` may name an interpreter that comes with no runtime.
    """
    spec = cluster.spec
    built = spec.python_environment
    heads = built.python if built is not None else _python_of(spec, spec.head_group_spec)
    for group in spec.worker_group_specs:
        own = _python_of(spec, group)
        if own and heads and own != heads:
            yield (
                f"{group.group_name}: its runtime has Python {own}, and the cluster's is {heads}; "
                "all nodes must have one Python: choose another runtime, unless `python` names an "
                "interpreter of its own"
            )


def _python_of(spec: ClusterSpec, group: NodeGroup) -> str:
    """Python's version in the name of a group's runtime, such as 3.11; empty if it has none."""
    kind, identifier = group.runtime, group.runtime_identifier
    if kind is None and identifier is None:
        kind, identifier = spec.runtime, spec.runtime_identifier
    if kind is not None:
        return kind.kernel.split()[1]
    named = _PYTHON.search(identifier or "")
    return named[1] if named else ""


def ray_limits(cluster: RayCluster) -> Iterator[str]:
    """The limits of its version of Ray, as sentences; empty for the newest."""
    spec = cluster.spec
    groups = (spec.head_group_spec, *spec.worker_group_specs)
    set_variables = {*spec.environment}.union(*(group.environment for group in groups))
    match_level = versions.LEVEL_VARIABLE in set_variables
    yield from versions.limits(spec.ray_version, match_level=match_level)


def notices(cluster: RayCluster) -> Iterator[str]:
    """One sentence for each group whose `num-cpus` differs from its cores, and for an old Ray."""
    yield from ray_limits(cluster)
    yield from differing_pythons(cluster)
    spec = cluster.spec
    groups = {"head": spec.head_group_spec, **{g.group_name: g for g in spec.worker_group_specs}}
    for name, group in groups.items():
        cores = group.resources.cpu
        if cores != int(cores) and "num-cpus" not in group.ray_start_params:
            yield (
                f"{name}: Ray counts whole cores and gets {math.ceil(cores)} for {cores:g}; "
                "set `num-cpus` in rayStartParams for another number"
            )
