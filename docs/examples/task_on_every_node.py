"""One Ray task on every node of a cluster, and where each one ran.

Usage: task_on_every_node.py CLUSTER.  For a cluster on the CML emulator, whose nodes are processes
of this machine.  On a workspace, submit a job instead: `raycml status CLUSTER` shows how.
"""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


def head_address(cluster: str) -> str:
    """The head's address, from `raycml status`."""
    raycml = Path(sys.executable).with_name("raycml")
    command = [raycml, "status", "--local", cluster, "-o", "json"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    [found] = json.loads(answer.stdout)["clusters"]
    if not found["head"]:
        sys.exit(f"{cluster} has no head that reports; see `raycml status --local {cluster}`")
    return str(found["head"]["address"])


@ray.remote(num_cpus=0)
def whereabouts() -> tuple[str, int]:
    return os.environ.get("CDSW_ENGINE_ID", "?"), os.getpid()


def main() -> None:
    address = head_address(sys.argv[1])
    ip = address.rsplit(":", 1)[0]
    ray.init(address, _node_ip_address=ip, logging_level=logging.ERROR, log_to_driver=False)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    tasks = {
        node["NodeName"]: whereabouts.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote()
        for node in nodes
    }
    print(f"\nA Ray task on each of the {len(nodes)} nodes:")
    for name, task in sorted(tasks.items()):
        engine, pid = ray.get(task, timeout=60)
        print(f"  {name:12} ran in engine {engine}, process {pid}")
    ray.shutdown()


if __name__ == "__main__":
    main()
