"""Ports of a Ray node: one table, so that a mesh or a network policy can name them.

Ray itself would choose most of them at random between 32768 and 60999, where sidecars of Istio were
seen to break its connections.  A port in use is replaced by a free one of `ports.FALLBACK`; a port
in the spec's `rayStartParams` wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class FixedPort:
    """A port, and the option of `ray start` that sets it; `only` is `head`, or empty for all."""

    option: str
    port: int
    use: str
    only: str = ""


GCS = "port"
CLIENT = "ray-client-server-port"
NODE_MANAGER = "node-manager-port"
AGENT = "dashboard-agent-listen-port"
TABLE = (
    FixedPort(GCS, 6379, "GCS: the address that workers and drivers connect to", "head"),
    FixedPort(NODE_MANAGER, 6380, "Node manager (raylet): tasks, and the GCS's health checks"),
    FixedPort("object-manager-port", 6381, "Object manager: objects between nodes"),
    FixedPort("runtime-env-agent-port", 6382, "Runtime environment agent, used by its own raylet"),
    FixedPort("dashboard-agent-grpc-port", 6383, "Dashboard agent: metrics of its own node"),
    FixedPort("metrics-export-port", 9090, "Metrics of the node, for Prometheus"),
    FixedPort(CLIENT, 10001, "Ray client (`ray://`), where the interpreter has it", "head"),
    FixedPort(AGENT, 52365, "Dashboard agent: logs, jobs and profiles, for the head's dashboard"),
)
LOWEST_WORKER, HIGHEST_WORKER = 10002, 14999  # Istio's own ports begin at 15000


def wanted(*, head: bool, params: Mapping[str, str]) -> tuple[FixedPort, ...]:
    """The ports to claim on a head or a worker whose spec has these start parameters."""
    return tuple(row for row in TABLE if row.option not in params and (head or row.only != "head"))
