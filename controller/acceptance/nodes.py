"""The nodes of the test cluster: comparisons that decide if a phase passed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """One start of one member: its application, the pod's engine, and Ray's own node."""

    application: str
    engine: str
    node: str


Nodes = Mapping[str, NodeIdentity]


def changes(before: Nodes, after: Nodes, *, but: Collection[str] = ()) -> list[str]:
    """Sentences on members of `before` that are missing or another process after."""
    return [
        f"{name} was restarted" if name in after else f"{name} is missing"
        for name, node in before.items()
        if name not in but and after.get(name) != node
    ]


def repair_fault(
    name: str, before: NodeIdentity, after: NodeIdentity | None, *, replaced: bool = False
) -> str:
    """The reason that this is no repair of a member that was killed; empty if it is one.

    `replaced`: CML restarts only what runs, so its application is a new one.
    """
    if after is None:
        return f"{name} is missing"
    if after.application != before.application and not replaced:
        return f"{name} is another application now: {before.application} -> {after.application}"
    if (after.engine, after.node) == (before.engine, before.node):
        return f"{name} was never restarted: it is the same process as before"
    return ""


def task_faults(engines: Mapping[str, str], expected: Nodes) -> list[str]:
    """Sentences on tasks in the wrong place.  `engines`: by member, as the tasks reported them."""
    faults = [f"no task ran on {name}" for name in expected if name not in engines]
    others = [name for name in engines if name not in expected]
    faults += [f"a task ran on {name}, which is not a member" for name in others]
    return faults + [
        f"the task of {name} ran in engine {engine}, but its pod is {expected[name].engine}"
        for name, engine in engines.items()
        if name in expected and expected[name].engine not in ("", engine)
    ]


def described(nodes: Nodes) -> tuple[str, ...]:
    return tuple(
        f"{name}: application {node.application}, engine {node.engine or '-'}, "
        f"Ray node {node.node or '-'}"
        for name, node in nodes.items()
    )
