"""IDs of accelerators, resource groups and CPU profiles, numbered from 1 in the order of nodes."""

from collections.abc import Mapping
from dataclasses import dataclass

from controller.emulator.nodes import SELECTOR, Node, Requirements, parse_node, parse_profile
from controller.emulator.options import Capacity, Options
from controller.emulator.state.records import Workload

_ANY_GPU = "EMBEDDED"
_LARGE = 1e9


@dataclass(frozen=True, slots=True)
class Profile:
    """A CPU profile of a resource group."""

    cpu: float
    memory: float
    group: int


@dataclass(frozen=True, slots=True)
class Places:
    """Nodes, and the IDs by which workloads ask for them.

    Without nodes in the options there is one kind of node, whose sizes are those of `node`.
    """

    nodes: tuple[Node, ...]
    labels: Mapping[str, str]
    groups: Mapping[int, str]
    profiles: Mapping[int, Profile]

    @classmethod
    def of(cls, options: Options) -> "Places":
        nodes = tuple(map(parse_node, options.nodes))
        kinds = dict.fromkeys(node.accelerator for node in nodes if node.accelerator)
        groups = list(dict.fromkeys(node.group for node in nodes))
        if not nodes:
            kinds = {_ANY_GPU: None} if options.node.gpu else {}
            groups = ["default"] if options.node != Capacity() else []
        rows = [
            Profile(*parse_profile(text), number)
            for number, _ in enumerate(groups or ["default"], 1)
            for text in options.profiles
        ]
        return cls(
            nodes,
            {str(number): kind for number, kind in enumerate(kinds, 1)},
            dict(enumerate(groups, 1)),
            dict(enumerate(rows, 1)),
        )

    def requirements(self, workload: Workload, variables: Mapping[str, str]) -> Requirements:
        """Requirements of a workload with these variables on its node."""
        key, value = (variables.get(name, "") for name in SELECTOR)
        label = getattr(workload, "accelerator_label_id", "0")
        return Requirements(
            workload.cpu,
            workload.memory,
            workload.nvidia_gpu,
            self.groups.get(workload.resource_group_id, ""),
            self.labels.get(label, ""),
            (key, value) if key else None,
        )
