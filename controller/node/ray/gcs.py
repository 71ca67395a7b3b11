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
    port: int = 0  # of the node manager


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


@dataclass(frozen=True)
class NodeState:
    """A node in the GCS's cluster status.  `idle_s` is None for a node that has ended."""

    instance_id: str
    node_ip: str
    idle_s: float | None


def connect(address: str) -> GcsSource:
    """Connect with this interpreter's Ray.  An error of Ray if no GCS answers."""
    raylet: Any = import_module("ray._raylet")
    messages: Any = import_module("ray.core.generated.autoscaler_pb2")
    return GcsSource(raylet.GcsClient(address=address), messages)


class GcsSource:
    """Ray's GCS, through the Ray package, whose classes have no types.

    `get_all_node_info` and `get_cluster_status` answer without a running autoscaler, in all
    versions of Ray from 2.10 to 2.60.
    """

    def __init__(self, client: Any, messages: Any) -> None:
        self._client = client
        self._messages = messages
        self._idle = messages.NodeStatus.IDLE
        self._busy = (messages.NodeStatus.RUNNING, messages.NodeStatus.DRAINING)

    def read(self) -> Reading:
        try:
            table = self._client.get_all_node_info(timeout=GCS_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - Ray documents no errors; the report must go on
            return Reading((), None, "", f"Ray's node table: {_first_line(error)}")
        try:
            states, demand, session = self._status()
        except Exception as error:  # noqa: BLE001 - as above; idle times and demand are then unknown
            # The table of an old Ray cannot be joined to members without it.
            messages = [info for info in table.values() if not isinstance(info, dict)]
            nodes = tuple(_ray_node("", info, None) for info in messages)
            return Reading(nodes, None, "", f"Ray's cluster status: {_first_line(error)}")
        rows = [(_node_id(key), info) for key, info in table.items()]
        nodes = tuple(_ray_node(node_id, info, states.get(node_id)) for node_id, info in rows)
        return Reading(nodes, demand, session, "")

    def drain(self, instance_id: str, message: str, deadline_ms: int) -> bool:
        """Drain a node: it gets no more tasks, finishes those it has, and ends.

        The GCS does not enforce the deadline.  False if the node is unknown or the GCS refuses.
        """
        states, _, _ = self._status()
        alive = {s.instance_id: node_id for node_id, s in states.items() if s.idle_s is not None}
        node_id = alive.get(instance_id)
        if node_id is None:
            return False
        reason = self._messages.DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
        accepted, _ = self._client.drain_node(node_id, reason, message, deadline_ms)
        return bool(accepted)

    def _status(self) -> tuple[dict[str, NodeState], tuple[Demand, ...], str]:
        """Nodes by ID, pending demand, name of Ray's session."""
        reply = self._messages.GetClusterStatusReply()
        reply.ParseFromString(self._client.get_cluster_status(timeout_s=GCS_TIMEOUT_S))
        state = reply.cluster_resource_state
        nodes = {}
        for node in state.node_states:
            idle = node.idle_duration_ms / 1000 if node.status == self._idle else None
            idle = 0.0 if node.status in self._busy else idle
            nodes[node.node_id.hex()] = NodeState(
                str(node.instance_id), str(node.node_ip_address), idle
            )
        waiting = [(item.request, item.count) for item in state.pending_resource_requests]
        for gang in state.pending_gang_resource_requests:
            waiting += [(request, 1) for request in gang.requests]
        demand = tuple(Demand(dict(r.resources_bundle), int(n)) for r, n in waiting[:MOST_DEMANDS])
        return nodes, demand, str(state.cluster_session_name)


def _node_id(key: object) -> str:
    """The ID in hexadecimal, of a key of Ray's node table: bytes in 2.20, a NodeID in 2.31."""
    return str(key.hex()) if hasattr(key, "hex") else str(key)


def _ray_node(node_id: str, info: object, state: NodeState | None) -> RayNode:
    """A row from Ray's node table and cluster status.

    The row is a GcsNodeInfo, a protobuf message without Python types.  In Ray 2.10 to 2.20 it is a
    dict of fewer fields; most of the others are in the cluster status.
    """
    row = _Row(info)
    return RayNode(
        node_id=node_id or row.data("node_id").hex(),
        node_ip=row.text("node_manager_address") or (state.node_ip if state else ""),
        node_name=row.text("node_name"),
        instance_id=row.text("instance_id") or (state.instance_id if state else ""),
        alive=row.number("state") == 0,  # GcsNodeInfo.ALIVE
        fingerprint=fingerprint_of(row.table("labels").get("raycml.fingerprint", "")),
        resources=_amounts(row.table("resources_total") or row.table("resources")),
        started_ms=int(row.number("start_time_ms")),
        idle_s=state.idle_s if state else None,
        port=int(row.number("node_manager_port")),
    )


class _Row:
    """A row by field names; a field that another Ray version lacks is empty."""

    def __init__(self, row: object) -> None:
        self._row = row

    def _get(self, name: str) -> object:
        if isinstance(self._row, dict):
            return self._row.get(name)
        return getattr(self._row, name, None)

    def text(self, name: str) -> str:
        return _decoded(self._get(name))

    def data(self, name: str) -> bytes:
        value = self._get(name)
        return value if isinstance(value, bytes) else b""

    def number(self, name: str) -> float:
        value = self._get(name)
        return value if isinstance(value, (int, float)) else 0

    def table(self, name: str) -> dict[str, Any]:
        value: Any = self._get(name)
        return {_decoded(key): _plain(one) for key, one in dict(value or {}).items()}


def _decoded(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return "" if value is None else str(value)


def _plain(value: object) -> object:
    return value if isinstance(value, (int, float)) else _decoded(value)


def _amounts(resources: Mapping[str, object]) -> dict[str, float]:
    """Resources without `node:<ip>`, which Ray adds to each node."""
    return {
        name: float(amount)
        for name, amount in resources.items()
        if isinstance(amount, (int, float)) and not name.startswith("node:")
    }


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"
