"""Ray's state, as its GCS gives it: node table, idle times, pending demand.

Reads through the Ray package of this interpreter; it starts no raylet and is no driver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

from controller.node.ray.command import fingerprint_of

GCS_TIMEOUT_S = 5
MOST_DEMANDS = 200


@dataclass(frozen=True)
class RayNode:
    """A row of Ray's node table.  `idle_s` is None if unknown; 0 if busy."""

    node_id: str
    node_ip: str
    node_name: str
    instance_id: str
    alive: bool
    fingerprint: str
    resources: Mapping[str, float]
    started_ms: int
    idle_s: float | None


@dataclass(frozen=True)
class Demand:
    """Resources that each of `count` pending tasks or bundles requests."""

    resources: Mapping[str, float]
    count: int


@dataclass(frozen=True)
class Reading:
    """A state of Ray; `demand` is None if unknown."""

    nodes: tuple[RayNode, ...]
    demand: tuple[Demand, ...] | None
    session_name: str
    error: str


class Source(Protocol):
    """Source of readings."""

    def read(self) -> Reading:
        """The current reading.  Raises nothing: a failure is the reading's `error`."""


class GcsSource:
    """Ray's GCS, through the Ray package, whose classes have no types.

    `get_all_node_info` and `GetClusterStatus` answer without a running autoscaler (Ray 2.60).
    """

    def __init__(self, address: str) -> None:
        raylet: Any = import_module("ray._raylet")
        messages: Any = import_module("ray.core.generated.autoscaler_pb2")
        self._client = raylet.GcsClient(address=address)
        self._reply = messages.GetClusterStatusReply
        self._idle = messages.NodeStatus.IDLE
        self._busy = (messages.NodeStatus.RUNNING, messages.NodeStatus.DRAINING)

    def read(self) -> Reading:
        try:
            table = self._client.get_all_node_info(timeout=GCS_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - Ray documents no errors; the report must go on
            return Reading((), None, "", f"Ray's node table: {_first_line(error)}")
        try:
            idle, demand, session = self._status()
        except Exception as error:  # noqa: BLE001 - as above; idle times and demand are then unknown
            nodes = tuple(_ray_node(info, {}) for info in table.values())
            return Reading(nodes, None, "", f"Ray's cluster status: {_first_line(error)}")
        return Reading(tuple(_ray_node(i, idle) for i in table.values()), demand, session, "")

    def _status(self) -> tuple[dict[str, float], tuple[Demand, ...], str]:
        """Idle seconds by node ID, pending demand, name of Ray's session."""
        reply = self._reply()
        reply.ParseFromString(self._client.get_cluster_status(timeout_s=GCS_TIMEOUT_S))
        state = reply.cluster_resource_state
        idle = {}
        for node in state.node_states:
            if node.status == self._idle:
                idle[node.node_id.hex()] = node.idle_duration_ms / 1000
            elif node.status in self._busy:
                idle[node.node_id.hex()] = 0.0
        waiting = [(item.request, item.count) for item in state.pending_resource_requests]
        for gang in state.pending_gang_resource_requests:
            waiting += [(request, 1) for request in gang.requests]
        demand = tuple(Demand(dict(r.resources_bundle), int(n)) for r, n in waiting[:MOST_DEMANDS])
        return idle, demand, str(state.cluster_session_name)


def _ray_node(info: object, idle: Mapping[str, float]) -> RayNode:
    """A row from Ray's GcsNodeInfo, a protobuf message without Python types."""
    row = _Message(info)
    node_id = row.data("node_id").hex()
    return RayNode(
        node_id=node_id,
        node_ip=row.text("node_manager_address"),
        node_name=row.text("node_name"),
        instance_id=row.text("instance_id"),
        alive=row.number("state") == 0,  # GcsNodeInfo.ALIVE
        fingerprint=fingerprint_of(str(row.table("labels").get("raycml.fingerprint", ""))),
        resources=_amounts(row.table("resources_total")),
        started_ms=int(row.number("start_time_ms")),
        idle_s=idle.get(node_id),
    )


class _Message:
    """A message, by field names; a field that another Ray version lacks is empty."""

    def __init__(self, message: object) -> None:
        self._message = message

    def text(self, name: str) -> str:
        return str(getattr(self._message, name, ""))

    def data(self, name: str) -> bytes:
        value = getattr(self._message, name, b"")
        return value if isinstance(value, bytes) else b""

    def number(self, name: str) -> float:
        value = getattr(self._message, name, 0)
        return value if isinstance(value, (int, float)) else 0

    def table(self, name: str) -> dict[object, object]:
        return dict(getattr(self._message, name, {}))


def _amounts(resources: Mapping[object, object]) -> dict[str, float]:
    """Resources without `node:<ip>`, which Ray adds to each node."""
    return {
        str(name): float(amount)
        for name, amount in resources.items()
        if isinstance(amount, (int, float)) and not str(name).startswith("node:")
    }


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"
