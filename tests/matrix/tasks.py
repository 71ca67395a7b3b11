"""A driver of the matrix, run by the interpreter under test: tasks on chosen nodes.

    tasks.py ADDRESS each            the names of the nodes on which a task ran
    tasks.py ADDRESS long NODE S     a task of S seconds on that node: once it runs `started`, then
                                     Ray's answer to ending the node as an idle one, then its result

Python 3.9 and later; nothing but Ray.
"""

import logging
import os
import sys
import time
from importlib import import_module

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy


@ray.remote(num_cpus=0, max_retries=0)
def work(seconds, sign=""):
    if sign:
        open(sign, "w").close()
    time.sleep(seconds)
    return "finished"


def on(node_id, cores=0):
    strategy = NodeAffinitySchedulingStrategy(node_id, soft=False)
    return work.options(scheduling_strategy=strategy, num_cpus=cores)


def end_if_idle(address, node_id):
    """`accepted` or `refused`, as the GCS answers."""
    messages = import_module("ray.core.generated.autoscaler_pb2")
    reason = messages.DrainNodeReason.Value("DRAIN_NODE_REASON_IDLE_TERMINATION")
    deadline_ms = int((time.time() + 60) * 1000)
    client = ray._raylet.GcsClient(address=address)
    accepted, _ = client.drain_node(node_id, reason, "matrix", deadline_ms)
    return "accepted" if accepted else "refused"


def main(address, what, *rest):
    ip = address.rsplit(":", 1)[0]
    ray.init(address, _node_ip_address=ip, logging_level=logging.ERROR, log_to_driver=False)
    nodes = {node["NodeName"]: node["NodeID"] for node in ray.nodes() if node["Alive"]}
    if what == "each":
        results = {name: on(node_id).remote(0) for name, node_id in nodes.items()}
        for name, result in sorted(results.items()):
            ray.get(result, timeout=60)
            print(name, flush=True)
        return
    name, seconds = rest
    sign = os.path.join(os.getcwd(), "sign-of-a-task")
    result = on(nodes[name], cores=1).remote(float(seconds), sign)
    while not os.path.exists(sign):
        time.sleep(0.1)
    print("started", flush=True)
    print(end_if_idle(address, nodes[name]), flush=True)
    try:
        print(ray.get(result, timeout=60), flush=True)
    except ray.exceptions.RayError as error:
        print(type(error).__name__, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
