"""API of limits: quotas of users, resource groups, GPU labels, CPU profiles.

Derived from the options for capacity; empty without them, as in a workspace without quotas.
"""

from controller.emulator.api.errors import ApiError, Code
from controller.emulator.nodes import GPU_LABEL, Node
from controller.emulator.options import Capacity, Options, User
from controller.emulator.places import Places
from controller.emulator.state.records import resources
from controller.emulator.state.state import State


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


def group_quotas() -> dict[str, object]:
    """No rows: the emulator has no groups."""
    return {"group_quota": [], "total_count": "0", "next_page_token": ""}


def _amounts(amounts: Capacity) -> dict[str, str]:
    named = (("cpu", amounts.cpu), ("memory", amounts.memory), ("nvidia_gpu", amounts.gpu))
    return {name: "" if amount is None else f"{amount:g}" for name, amount in named}


def absent() -> dict[str, object]:
    """A list that this workspace does not serve; the sentence was observed for CPU profiles."""
    raise ApiError(Code.UNIMPLEMENTED, "Operation is not supported")


class PlaceLists:
    """Lists of nodes: resource groups, kinds of GPUs, CPU profiles."""

    def __init__(self, state: State, options: Options) -> None:
        self._state = state
        self._options = options
        self._places = Places.of(options)

    def _nodes(self, group: str = "", accelerator: str = "") -> list[Node]:
        """The nodes of a group, or with these GPUs."""
        node = self._options.node
        only = Node(node.cpu or 0, node.memory or 0, node.gpu or 0, "default", {})
        nodes = self._places.nodes or (only,)
        return [
            one
            for one in nodes
            if group in ("", one.group) and (one is only or accelerator in ("", one.accelerator))
        ]

    def resource_groups(self) -> dict[str, object]:
        rows = [self._group(number, name) for number, name in self._places.groups.items()]
        return {"resource_group": rows, "next_page_token": ""}

    def _group(self, number: int, name: str) -> dict[str, object]:
        nodes = self._nodes(group=name)
        return {
            "id": number,
            "name": name,
            "instance_group_name": name,
            "instance_type": "",
            "cpu_count": max(node.cpu for node in nodes),
            "gpu_count": str(max(node.gpu for node in nodes)),
            "memory_in_gib": max(node.memory for node in nodes),
            "gpumemory_in_gib": 0,
            "gpu_model": next((node.accelerator for node in nodes if node.accelerator), ""),
            "gpu_type": "",
            "allow_jobs": True,
            "allow_sessions": True,
            "allow_models": True,
            "allow_applications": True,
            "autoscale_min": 0,
            "autoscale_max": 0,
        }

    def node_labels(self) -> dict[str, object]:
        """The kinds of GPUs, if nodes have any."""
        rows = [self._label(number, kind) for number, kind in self._places.labels.items()]
        return {"accelerator_node_label": rows, "next_page_token": ""}

    def _label(self, number: str, kind: str) -> dict[str, object]:
        nodes, capacity = self._nodes(accelerator=kind), self._options.capacity.gpu
        present = sum(node.gpu for node in nodes) if capacity is None else capacity
        row = {
            "id": number,
            "label_key": GPU_LABEL,
            "label_value": kind,
            "availability": True,
            "max_gpu_count": str(present),
            "current_gpu_count": str(present),
            "max_gpu_per_workload": str(max(node.gpu for node in nodes)),
            "default_quota": "0",
        }
        if not self._options.node_labels_of_2025:
            return {**row, "display_name": kind}
        groups = {name: number for number, name in self._places.groups.items()}
        return {
            **row,
            "current_gpu_count": str(resources(self._state.engines.values()).gpu),
            "resource_group_id": str(groups.get(nodes[0].group, 0)),
            "cpu": max(node.cpu for node in nodes),
            "memory": max(node.memory for node in nodes),
            "gpu_memory": 0,
        }

    def cpu_profiles(self) -> dict[str, object]:
        if not self._options.profiles:
            return absent()
        rows = [
            {"id": number, "cpu": one.cpu, "memory": one.memory, "resource_group_id": one.group}
            for number, one in self._places.profiles.items()
        ]
        return {"cpu_resource_profiles": rows, "next_page_token": ""}
