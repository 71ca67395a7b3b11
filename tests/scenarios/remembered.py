"""A driver of a cluster whose head remembers.

remembered.py ADDRESS make      creates a detached counter, a named actor and a placement group
remembered.py ADDRESS count     what became of them, as JSON; the counter counts on
"""

import json
import logging
import os
import sys

import ray
from ray.util.placement_group import placement_group, placement_group_table

NAMESPACE = "memory"


@ray.remote(num_cpus=0, resources={"place": 1})
class Counter:
    """Counts in its memory."""

    def __init__(self) -> None:
        self.number = 0

    def count(self) -> tuple[int, int]:
        self.number += 1
        return self.number, os.getpid()


def main(address: str, what: str) -> None:
    ip = address.rsplit(":", 1)[0]
    ray.init(
        address,
        _node_ip_address=ip,
        namespace=NAMESPACE,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    if what == "make":
        for name in ("counter", "other"):
            Counter.options(name=name, lifetime="detached").remote()
        bundles = [{"place": 1}, {"place": 1}]
        group = placement_group(bundles, "STRICT_SPREAD", name="places", lifetime="detached")
        ray.get(group.ready(), timeout=60)
    counts = [ray.get(ray.get_actor(n).count.remote(), timeout=60) for n in ("counter", "other")]
    groups = [one["state"] for one in placement_group_table().values()]
    nodes = {node["NodeName"]: node["NodeID"] for node in ray.nodes() if node["Alive"]}
    sys.stdout.write(json.dumps({"counts": counts, "groups": groups, "nodes": nodes}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
