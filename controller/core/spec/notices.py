"""Notices on valid specs whose effect their author may not expect."""

import math
from collections.abc import Iterator

from controller.core.spec.spec import RayCluster


def notices(cluster: RayCluster) -> Iterator[str]:
    """One sentence for each group whose `num-cpus` differs from its cores."""
    spec = cluster.spec
    groups = {"head": spec.head_group_spec, **{g.group_name: g for g in spec.worker_group_specs}}
    for name, group in groups.items():
        cores = group.resources.cpu
        if cores != int(cores) and "num-cpus" not in group.ray_start_params:
            yield (
                f"{name}: Ray counts whole cores and gets {math.ceil(cores)} for {cores:g}; "
                "set `num-cpus` in rayStartParams for another number"
            )
