"""API of limits: quotas of users, resource groups, GPU labels.

Derived from the options for capacity; empty without them, as in a workspace without quotas.
"""

from controller.emulator.options import Capacity, Options, User
from controller.emulator.state.records import resources
from controller.emulator.state.state import State

_NODE_GROUP = 1


def user_quotas(state: State, options: Options, user: User) -> dict[str, object]:
    """A row for the caller, if there is a limit.  Amounts are text."""
    capacity = options.capacity
    row = {
        "user": user.wire(),
        "quota_usage": _amounts(resources(state.engines.values())),
        "quota_configured": _amounts(capacity),
    }
    rows = [] if capacity == Capacity() else [row]
    return {"user_quota": rows, "total_count": str(len(rows)), "next_page_token": ""}


def _amounts(amounts: Capacity) -> dict[str, str]:
    named = (("cpu", amounts.cpu), ("memory", amounts.memory), ("nvidia_gpu", amounts.gpu))
    return {name: "" if amount is None else f"{amount:g}" for name, amount in named}


def resource_groups(options: Options) -> dict[str, object]:
    """The nodes, all alike, as one group."""
    node = options.node
    group = {
        "id": _NODE_GROUP,
        "name": "default",
        "instance_group_name": "default",
        "instance_type": "",
        "cpu_count": node.cpu or 0,
        "gpu_count": str(node.gpu or 0),
        "memory_in_gib": node.memory or 0,
        "gpumemory_in_gib": 0,
        "gpu_model": "",
        "gpu_type": "",
        "allow_jobs": True,
        "allow_sessions": True,
        "allow_models": True,
        "allow_applications": True,
        "autoscale_min": 0,
        "autoscale_max": 0,
    }
    return {"resource_group": [] if node == Capacity() else [group], "next_page_token": ""}


def node_labels(state: State, options: Options) -> dict[str, object]:
    """The kind of GPU, if nodes have one."""
    node, capacity = options.node, options.capacity
    label = {
        "id": "1",
        "label_key": "nvidia.com/gpu.product",
        "label_value": "EMBEDDED",
        "availability": True,
        "max_gpu_count": str(node.gpu if capacity.gpu is None else capacity.gpu),
        "current_gpu_count": str(resources(state.engines.values()).gpu),
        "max_gpu_per_workload": str(node.gpu),
        "default_quota": "0",
        "resource_group_id": str(_NODE_GROUP),
        "cpu": node.cpu or 0,
        "memory": node.memory or 0,
        "gpu_memory": 0,
    }
    return {"accelerator_node_label": [label] if node.gpu else [], "next_page_token": ""}
