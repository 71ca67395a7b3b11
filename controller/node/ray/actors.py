"""Actors in Ray's GCS, and their restart on another node.

Ray leaves the actors of a draining node where they are until the node ends.  A restart that is not
forced lets the method that runs finish first.  As the loss of the node, it counts as one of the
actor's restarts in Ray 2.10 and 2.31, and does not in 2.55 and 2.60.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

ACTORS_TIMEOUT_S = 5
MOST_ACTORS = 10_000
_ALIVE = 2  # ActorTableData.ALIVE
_RAYS_OWN = ("serve", "_ray_internal")  # namespaces: Ray Serve moves its replicas by itself
_LONGEST_ANSWER = 64 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class Actor:
    """A living actor that Ray would restart."""

    actor_id: str
    node_id: str
    resources: Mapping[str, float]


class GcsActors:
    """The GCS's service for actors, whose classes have no types."""

    def __init__(self, stub: Any, messages: Any) -> None:
        self._stub = stub
        self._messages = messages

    def movable(self, node_ids: Collection[str]) -> list[Actor]:
        """Actors on these nodes that may run elsewhere and have a restart left.

        Not those of placement groups and with label selectors, whose places only Ray knows.  Raises
        an error of gRPC.
        """
        request = self._messages.GetAllActorInfoRequest(limit=MOST_ACTORS)
        request.filters.state = _ALIVE
        reply = self._stub.GetAllActorInfo(request, timeout=ACTORS_TIMEOUT_S)
        rows = [row for row in reply.actor_table_data if row.state == _ALIVE and _is_movable(row)]
        actors = [
            Actor(row.actor_id.hex(), _node(row), dict(row.required_resources)) for row in rows
        ]
        return [actor for actor in actors if actor.node_id in node_ids]

    def restart(self, actor_id: str) -> None:
        """End an actor after the method that it runs; Ray restarts it.  Raises an error of gRPC."""
        self._stub.KillActorViaGcs(
            self._messages.KillActorViaGcsRequest(
                actor_id=bytes.fromhex(actor_id), force_kill=False, no_restart=False
            ),
            timeout=ACTORS_TIMEOUT_S,
        )


def connect_actors(address: str) -> GcsActors | None:
    """The service at this address; None for a Ray without gRPC for Python."""
    try:
        messages: Any = import_module("ray.core.generated.gcs_service_pb2")
        services: Any = import_module("ray.core.generated.gcs_service_pb2_grpc")
        channel = _open_channel(address)
    except ImportError:
        return None
    return GcsActors(services.ActorInfoGcsServiceStub(channel), messages)


def _open_channel(address: str) -> Any:
    """A channel with the TLS and the token of this pod's variables."""
    try:
        module: Any = import_module("ray._private.grpc_utils")
    except ImportError:  # up to Ray 2.49
        module = import_module("ray._private.utils")
    options = [("grpc.max_receive_message_length", _LONGEST_ANSWER)]
    return module.init_grpc_channel(address, options, asynchronous=False)


def _is_movable(row: Any) -> bool:
    free = getattr(row, "num_restarts_due_to_node_preemption", 0)
    restarts_left = row.max_restarts == -1 or row.num_restarts - free < row.max_restarts
    grouped = bool(row.placement_group_id.strip(b"\xff"))
    selective = bool(getattr(row, "label_selector", None))
    return restarts_left and not grouped and not selective and row.ray_namespace not in _RAYS_OWN


def _node(row: Any) -> str:
    address = row.address  # `raylet_id` in old versions
    node_id = getattr(address, "node_id", b"") or getattr(address, "raylet_id", b"")
    return str(node_id.hex())
