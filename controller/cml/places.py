"""Lists of the nodes and add-ons that a workspace offers.

All are reads.  A workspace may serve none of them: it then answers 404 or 501.
"""

import math
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from controller.cml import operations as ops
from controller.cml import paths, wire
from controller.cml.operations import Operation, Request
from controller.cml.paging import read_list
from controller.cml.reading import Send, read_one

_MANY = (("page_size", "1000"),)


def _amount(value: object) -> float | None:
    """An amount from text; no limit may be absent, empty, 0 or -1, undocumented."""
    try:
        number = float(value) if isinstance(value, (str, int, float)) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


Amount = Annotated[float | None, BeforeValidator(_amount)]


class ReadModel(BaseModel):
    """A part of an answer; unknown fields are ignored, and errors do not repeat it."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class NodeLabel(ReadModel):
    """A kind of GPU.

    `current_gpu_count` is GPUs that are present, as observed on workbench 2.0.59; older releases
    may count GPUs in use, so it is no measure of free ones.
    """

    id: wire.Text = ""
    label_value: wire.Text = ""
    display_name: wire.Text = ""
    max_gpu_count: Amount = None
    current_gpu_count: Amount = None
    max_gpu_per_workload: Amount = None

    @property
    def gpus(self) -> float | None:
        """GPUs of this kind, used or not; None where CML does not say."""
        counts = (self.max_gpu_count, self.current_gpu_count)
        return max((count for count in counts if count is not None), default=None)


class ResourceGroup(ReadModel):
    """A group of nodes, and the sizes of one of them."""

    id: wire.Text = ""
    name: wire.Text = ""
    cpu_count: Amount = None
    memory_in_gib: Amount = None
    gpu_count: Amount = None
    allow_applications: bool | None = None


class CpuProfile(ReadModel):
    """A size that workloads may have."""

    id: wire.Text = ""
    cpu: wire.Number = 0.0
    memory: wire.Number = 0.0
    resource_group_id: wire.Text = ""


class Addon(wire.Entity):
    """A runtime add-on; `status` is AVAILABLE for one that can be used."""

    identifier: wire.Text = ""
    component: wire.Text = ""
    display_name: wire.Text = ""
    status: wire.Text = ""


def _items(value: object) -> object:
    return [] if value is None else value


class _NodeLabels(ReadModel):
    accelerator_node_label: Annotated[list[NodeLabel], BeforeValidator(_items)] = []


class _ResourceGroups(ReadModel):
    resource_group: Annotated[list[ResourceGroup], BeforeValidator(_items)] = []


class _CpuProfiles(ReadModel):
    cpu_resource_profiles: Annotated[list[CpuProfile], BeforeValidator(_items)] = []


class Places:
    """The lists, each with a call."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def node_labels(self) -> list[NodeLabel]:
        answer = read_one(self._send, _list(ops.LIST_NODE_LABELS, paths.NODE_LABELS), _NodeLabels)
        return answer.accelerator_node_label

    def resource_groups(self) -> list[ResourceGroup]:
        request = _list(ops.LIST_RESOURCE_GROUPS, paths.RESOURCE_GROUPS)
        return read_one(self._send, request, _ResourceGroups).resource_group

    def cpu_profiles(self) -> list[CpuProfile]:
        request = _list(ops.LIST_CPU_PROFILES, paths.CPU_PROFILES)
        return read_one(self._send, request, _CpuProfiles).cpu_resource_profiles

    def runtime_addons(self) -> tuple[Addon, ...]:
        request = Request(ops.LIST_ADDONS, paths.ADDONS)
        return read_list(self._send, request, "runtime_addons", Addon, sort="").items


def _list(operation: Operation, path: str) -> Request:
    return Request(operation, path, query=_MANY)
