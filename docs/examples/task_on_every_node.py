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


def answer(*words: str) -> dict[str, object]:
    """What `raycml` says as JSON."""
    command = [Path(sys.executable).with_name("raycml"), *words, "-o", "json"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    document: dict[str, object] = json.loads(said.stdout)
    return document


def show_token(cluster: str, project: str) -> None:
    """Have Ray show the cluster's token, a file of its project: before Ray is imported."""
    state = str(answer("emulator", "status")["state_dir"])
    token = Path(state, "projects", project, ".raycml", "clusters", cluster, "token")
    os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(token))


def whereabouts() -> tuple[str, int]:
    return os.environ.get("CDSW_ENGINE_ID", "?"), os.getpid()


def run(address: str) -> None:
    import ray  # noqa: PLC0415 - it reads its variables when it is imported
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415

    ip = address.rsplit(":", 1)[0]
    ray.init(address, _node_ip_address=ip, logging_level=logging.ERROR, log_to_driver=False)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    task = ray.remote(num_cpus=0)(whereabouts)
    tasks = {
        node["NodeName"]: task.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ).remote()
        for node in nodes
    }
    print(f"\nA Ray task on each of the {len(nodes)} nodes:")
    for name, result in sorted(tasks.items()):
        engine, pid = ray.get(result, timeout=60)
        print(f"  {name:12} ran in engine {engine}, process {pid}")
    ray.shutdown()


def main(cluster: str) -> None:
    [found] = answer("status", "--local", cluster)["clusters"]  # type: ignore[misc]
    head = found["head"]
    if not head:
        sys.exit(f"{cluster} has no head that reports; see `raycml status --local {cluster}`")
    if head["auth_mode"] == "token":
        show_token(cluster, found["project"])
    run(head["address"])


if __name__ == "__main__":
    main(sys.argv[1])
