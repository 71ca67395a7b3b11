"""Ray's state, as its GCS gives it: node table, idle times, use, pending demand; and drains.

Goes through the Ray package of this interpreter; it starts no raylet and is no driver.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Protocol

from controller.node.ray.actors import Actor, GcsActors, connect_actors
from controller.node.ray.command import fingerprint_of

GCS_TIMEOUT_S = 5
MOST_DEMANDS = 200
# Ray's names for what a placement group reserved on a node; its plain resources say the same.
_RESERVED = re.compile(r".+_group_(\d+_)?[0-9a-f]{16,}")


@dataclass(frozen=True)
class RayNode:
    """A row of Ray's node table.  `idle_s` is None if unknown; 0 if busy.

    `used`: amounts in use, empty if none or unknown.  `draining`: it gets no more work, and ends.
    """

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
    used: Mapping[str, float] = field(default_factory=dict)
    draining: bool = False


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


@dataclass(frozen=True)
class DrainReply:
    """Ray's answer to a drain; `message` is its reason for a refusal, or the error of the call."""

    accepted: bool
    message: str = ""
    failed: bool = False


class Source(Protocol):
    """Ray, by its GCS."""

    def read(self) -> Reading:
        """The current reading.  Raises nothing: a failure is the reading's `error`."""

    def drain_node(
        self, node_id: str, message: str, deadline_ms: int, *, if_idle: bool
    ) -> DrainReply:
        """Drain a node; with `if_idle`, Ray refuses it unless the node is idle at that moment.

        Raises nothing.  It may last as long as Ray believes in a node that does not answer.
        """

    def movable_actors(self, node_ids: Collection[str]) -> list[Actor]:
        """Actors of these nodes that may run elsewhere; none if unknown.  Raises nothing."""

    def restart_actor(self, actor_id: str) -> bool:
        """Restart an actor after the method that it runs; False on a failure.  Raises nothing."""


@dataclass(frozen=True)
class NodeState:
    """A node in the GCS's cluster status.  `idle_s` is None for a node that has ended."""

    instance_id: str
    node_ip: str
    idle_s: float | None
    used: Mapping[str, float]
    draining: bool


def connect(address: str) -> GcsSource:
    """Connect with this interpreter's Ray.  An error of Ray if no GCS answers."""
    raylet: Any = import_module("ray._raylet")
    messages: Any = import_module("ray.core.generated.autoscaler_pb2")
    return GcsSource(raylet.GcsClient(address=address), messages, connect_actors(address))


class GcsSource:
    """Ray's GCS, through the Ray package, whose classes have no types.

    `get_all_node_info`, `get_cluster_status` and `drain_node` answer without a running autoscaler,
    in all versions of Ray from 2.10 to 2.60; all of them refuse the drain of an idle node that is
    busy.
    """

    def __init__(self, client: Any, messages: Any, actors: GcsActors | None = None) -> None:
        self._client = client
        self._messages = messages
        self._actors = actors
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
        return self._drain(node_id, message, deadline_ms, if_idle=False).accepted

    def drain_node(
        self, node_id: str, message: str, deadline_ms: int, *, if_idle: bool
    ) -> DrainReply:
        try:
            return self._drain(node_id, message, deadline_ms, if_idle=if_idle)
        except Exception as error:  # noqa: BLE001 - Ray documents no errors; it is asked again
            return DrainReply(False, _first_line(error), failed=True)

    def movable_actors(self, node_ids: Collection[str]) -> list[Actor]:
        try:
            return [] if self._actors is None else self._actors.movable(node_ids)
        except Exception:  # noqa: BLE001 - as above; the actors stay until their node ends
            return []

    def restart_actor(self, actor_id: str) -> bool:
        try:
            if self._actors is not None:
                self._actors.restart(actor_id)
        except Exception:  # noqa: BLE001 - as above
            return False
        return self._actors is not None

    def _drain(self, node_id: str, message: str, deadline_ms: int, *, if_idle: bool) -> DrainReply:
        name = "IDLE_TERMINATION" if if_idle else "PREEMPTION"
        reason = self._messages.DrainNodeReason.Value(f"DRAIN_NODE_REASON_{name}")
        accepted, refusal = self._client.drain_node(node_id, reason, message, deadline_ms)
        return DrainReply(bool(accepted), str(refusal or ""))

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
                str(node.instance_id),
                str(node.node_ip_address),
                idle,
                _used(node.total_resources, node.available_resources),
                node.status == self._messages.NodeStatus.DRAINING,
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
        used=state.used if state else {},
        draining=state is not None and state.draining,
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


def _used(total: Mapping[str, float], available: Mapping[str, float]) -> dict[str, float]:
    """Amounts in use, rounded to four places as Ray counts."""
    amounts = {
        name: round(amount - available.get(name, 0.0), 4)
        for name, amount in total.items()
        if not name.startswith("node:") and _RESERVED.fullmatch(name) is None
    }
    return {name: amount for name, amount in amounts.items() if amount > 0}


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200] if lines else ''}"
