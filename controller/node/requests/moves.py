"""Moves of actors away from nodes that drain.

Without them a drain of a node with an actor takes all its time, and the actor goes down with it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping

from controller.node.clock import Clock
from controller.node.ray.actors import Actor
from controller.node.ray.gcs import RayNode, Source

MOVE_EVERY_S = 3.0
MOST_MOVES = 100  # at a time


class Moves:
    """Restarts of actors on other nodes, as far as those have room."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._last = -math.inf
        self._moved: set[tuple[str, str]] = set()  # actor and node

    def move(self, draining: Collection[str], nodes: Iterable[RayNode]) -> dict[str, int]:
        """Restart actors of these nodes; the numbers by node ID.

        An actor without room elsewhere stays, since tasks on its node may need it.
        """
        now = self._clock.monotonic()
        if not draining or now - self._last < MOVE_EVERY_S:
            return {}
        self._last = now
        self._moved = {one for one in self._moved if one[1] in draining}
        room = [
            {name: amount - node.used.get(name, 0.0) for name, amount in node.resources.items()}
            for node in nodes
            if node.alive and not node.draining and node.node_id not in draining
        ]
        numbers: dict[str, int] = {}
        actors = self._source.movable_actors(draining)
        waiting = [one for one in actors if (one.actor_id, one.node_id) not in self._moved]
        for actor in waiting[:MOST_MOVES]:
            if not _take(room, actor):
                continue
            if not self._source.restart_actor(actor.actor_id):
                break
            self._moved.add((actor.actor_id, actor.node_id))
            numbers[actor.node_id] = numbers.get(actor.node_id, 0) + 1
        return numbers


def _take(room: list[dict[str, float]], actor: Actor) -> bool:
    """Take an actor's resources from the first node that has them."""
    for free in room:
        if all(free.get(name, 0.0) >= amount for name, amount in actor.resources.items()):
            _subtract(free, actor.resources)
            return True
    return False


def _subtract(free: dict[str, float], resources: Mapping[str, float]) -> None:
    for name, amount in resources.items():
        free[name] = free.get(name, 0.0) - amount
