"""Nodes of a workspace: their sizes, labels and resource groups, as written in the options."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GPU_LABEL = "nvidia.com/gpu.product"
SELECTOR = ("NODE_SELECTOR_KEY", "NODE_SELECTOR_VALUE")
"""Variables that steer a pod to nodes with a label."""
_SIZES = ("cpu", "memory", "gpu")
_NUMBER = r"[0-9]{1,6}(?:\.[0-9]{1,3})?"


@dataclass(frozen=True, slots=True)
class Node:
    """A node.  Memory in GB."""

    cpu: float
    memory: float
    gpu: int
    group: str
    labels: Mapping[str, str]

    @property
    def accelerator(self) -> str:
        """The kind of its GPUs; empty without any."""
        return self.labels.get(GPU_LABEL, "") if self.gpu else ""


@dataclass(frozen=True, slots=True)
class Requirements:
    """Requirements of a pod on its node; empty values ask for nothing."""

    cpu: float
    memory: float
    gpu: int
    group: str = ""
    accelerator: str = ""
    label: tuple[str, str] | None = None

    def admits(self, node: Node) -> bool:
        """True if the node is of the right kind, whatever its room."""
        label = self.label is None or node.labels.get(self.label[0]) == self.label[1]
        group = self.group in ("", node.group)
        return label and group and self.accelerator in ("", node.accelerator)


def choose_node(
    nodes: Sequence[Node], wanted: Requirements, used: Sequence[tuple[int, float, float, int]]
) -> int | None:
    """The first node of the right kind with room; None if none has.

    `used`: node, cores, memory and GPUs of each pod.
    """
    for number, node in enumerate(nodes):
        own = [sizes for place, *sizes in used if place == number]
        free = [
            size - sum(sizes[kind] for sizes in own)
            for kind, size in enumerate((node.cpu, node.memory, node.gpu))
        ]
        needs = (wanted.cpu, wanted.memory, wanted.gpu)
        if wanted.admits(node) and all(n <= f for n, f in zip(needs, free, strict=True)):
            return number
    return None


def parse_node(text: str) -> Node:
    """The node that words such as `cpu=16 memory=64 gpu=2 group=gpu` describe; or ValueError."""
    pairs = dict(word.partition("=")[::2] for word in text.split())
    sizes = {name: pairs.pop(name, "0") for name in _SIZES}
    numbers = all(re.fullmatch(_NUMBER, size) for size in sizes.values())
    if not numbers or not sizes["gpu"].isdigit() or not all(pairs.values()):
        raise ValueError(
            f"{text!r} is not a node; write words such as "
            f"`cpu=16 memory=64 gpu=2 group=gpu {GPU_LABEL}=NVIDIA-L40S`"
        )
    group = pairs.pop("group", "default")
    cpu, memory = float(sizes["cpu"]), float(sizes["memory"])
    return Node(cpu, memory, int(sizes["gpu"]), group, pairs)


def parse_profile(text: str) -> tuple[float, float]:
    """Cores and GB of a profile such as `4x16`; or ValueError."""
    match = re.fullmatch(f"({_NUMBER})x({_NUMBER})", text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a CPU profile; write cores x GB, such as 4x16")
    return float(match[1]), float(match[2])
