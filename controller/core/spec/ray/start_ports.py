"""Ports of one Ray node: those that a spec chooses must fit those that are taken already.

Ray refuses to start where two of its parts have the same port, or a part has one of the ports of
its workers.  The facts are those of `RayParams` in Ray 2.60.0, and of the node program.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LOWEST_WORKER_PORT, HIGHEST_WORKER_PORT = 10002, 14999  # those of the node program
_RAYS_HIGHEST = 19999  # Ray's own end, of a range that has only its beginning in the spec
LIST, LOW, HIGH = "worker-port-list", "min-worker-port", "max-worker-port"
PORTS = (
    "dashboard-agent-grpc-port",
    "dashboard-agent-listen-port",
    "metrics-export-port",
    "node-manager-port",
    "object-manager-port",
    "ray-client-server-port",
    "runtime-env-agent-port",
)
# Ports of a node that has no say of its own on them, and the parameter that moves one.
_AGENT = (52365, "the dashboard agent", "dashboard-agent-listen-port")
_CLIENT = (10001, "the Ray client server", "ray-client-server-port")
_APPLICATION = (8100, "the application's page", "")
_OF_HEAD = (_AGENT, _CLIENT, _APPLICATION, (6379, "the GCS", ""))
# Ray sets a worker's ports of client and dashboard aside, though nothing listens there.
_OF_WORKER = (_AGENT, _CLIENT, _APPLICATION, (8265, "Ray's dashboard", ""))


@dataclass(frozen=True, slots=True)
class WorkerPorts:
    """The ports of Ray's worker processes; `key` is the parameter that says so, or empty."""

    key: str
    ports: frozenset[int]

    def __str__(self) -> str:
        if self.key == LIST:
            return "those of worker-port-list"
        return f"{min(self.ports)} to {max(self.ports)}"


def port_faults(params: Mapping[str, str], *, head: bool) -> Iterator[tuple[str, str]]:
    """(key, message) for ports that Ray refuses; each value is valid in itself."""
    if LIST in params and (LOW in params or HIGH in params):
        yield LIST, f"`{LIST}` leaves no room for `{LOW}` and `{HIGH}`; keep one of the two"
        return
    low = int(params.get(LOW, LOWEST_WORKER_PORT))
    high = int(params.get(HIGH, _RAYS_HIGHEST if LOW in params else HIGHEST_WORKER_PORT))
    if low >= high:
        yield _range_fault(params, low, high)
        return
    listed = params[LIST].split(",") if LIST in params else range(low, high + 1)
    key = next((key for key in (LIST, LOW, HIGH) if key in params), "")
    workers = WorkerPorts(key, frozenset(map(int, listed)))
    chosen = {key: int(params[key]) for key in PORTS if params.get(key, "0") != "0"}
    yield from _clashes(chosen, workers, head=head)


def _range_fault(params: Mapping[str, str], low: int, high: int) -> tuple[str, str]:
    if LOW in params and HIGH in params:
        return LOW, f"{LOW} must be below {HIGH}; swap them"
    if LOW in params:
        return LOW, f"{LOW} is {low}, and {HIGH} is Ray's {high}; set {HIGH} above {low}"
    return HIGH, f"{HIGH} is {high}, and {LOW} is Ray's {low}; set {LOW} below {high}"


def _clashes(
    chosen: Mapping[str, int], workers: WorkerPorts, *, head: bool
) -> Iterator[tuple[str, str]]:
    taken = {
        port: what for port, what, key in (_OF_HEAD if head else _OF_WORKER) if key not in chosen
    }
    for key, port in chosen.items():
        if port in taken:
            yield key, f"port {port} is the port of {taken[port]}; choose another for `{key}`"
        elif port in workers.ports:
            message = f"port {port} lies within the ports of Ray's workers, {workers}"
            yield key, f"{message}; choose another for `{key}`"
        taken.setdefault(port, f"`{key}`")
    within = sorted(port for port in taken.keys() - chosen.values() if port in workers.ports)
    if within and workers.key:
        message = f"the ports of Ray's workers, {workers}, hold {within[0]}, the port of "
        yield workers.key, f"{message}{taken[within[0]]}; leave it out"
