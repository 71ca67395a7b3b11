"""Notices on valid specs whose effect their author may not expect."""

import math
from collections.abc import Iterator

from controller.core.spec.groups import NodeGroup, WorkerGroup
from controller.core.spec.spec import RayCluster


def notices(cluster: RayCluster) -> Iterator[str]:
    """One sentence for each group whose `num-cpus` differs from its cores."""
    spec = cluster.spec
    for group in (spec.head_group_spec, *spec.worker_group_specs):
        if (notice := _rounded(group)) is not None:
            yield notice


def _rounded(group: NodeGroup) -> str | None:
    cores, name = group.resources.cpu, "head"
    if isinstance(group, WorkerGroup):
        name = group.group_name
    if cores == int(cores) or "num-cpus" in group.ray_start_params:
        return None
    return (
        f"{name}: Ray counts whole cores and gets {math.ceil(cores)} for {cores:g}; "
        "set `num-cpus` in rayStartParams for another number"
    )
