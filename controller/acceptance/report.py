"""The acceptance test of a workspace, as values: its phases, what each needs, and what came of it.

A phase whose need did not pass is skipped, so that a report never blames a consequence.  Deleting
and looking for what is left need no phase: they follow whatever was begun.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum

PREFIX = "acceptance-"
_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{8}}")


class Phase(StrEnum):
    """In the order of a run."""

    PREFLIGHT = "preflight"
    CREATE = "create"
    JOIN = "join"
    TASK = "task"
    KILL = "kill"
    REPAIR = "repair"
    SCALE_UP = "scale-up"
    SCALE_DOWN = "scale-down"
    DELETE = "delete"
    NOTHING_LEFT = "nothing-left"


CLEANING = (Phase.DELETE, Phase.NOTHING_LEFT)
TRIALS = tuple(phase for phase in Phase if phase not in CLEANING)
# A worker can be killed, and a cluster scaled, where no key opens the head's page for a task.
_NEEDS: Mapping[Phase, Phase] = {
    Phase.CREATE: Phase.PREFLIGHT,
    Phase.JOIN: Phase.CREATE,
    Phase.TASK: Phase.JOIN,
    Phase.KILL: Phase.JOIN,
    Phase.REPAIR: Phase.KILL,
    Phase.SCALE_UP: Phase.REPAIR,
    Phase.SCALE_DOWN: Phase.SCALE_UP,
}


class Result(Enum):
    """What came of a phase."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call over the wire.  `answer` is an HTTP status, or the error where there was none."""

    method: str
    operation: str
    answer: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Calls:
    """All calls of one operation in one phase."""

    method: str
    operation: str
    count: int
    answers: Mapping[str, int]
    slowest_s: float


@dataclass(frozen=True, slots=True)
class Finding:
    """A phase that is over.  `details` are lines for a person: what was seen, or why it failed."""

    phase: Phase
    result: Result
    seconds: float
    message: str
    details: tuple[str, ...] = ()
    calls: tuple[Calls, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run.  `left` says how to remove what is left of it; empty where nothing is."""

    cluster: str
    workspace: str
    project: str
    started_at: datetime
    seconds: float
    exit_code: int
    options: Mapping[str, object]
    findings: tuple[Finding, ...]
    left: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.result is Result.FAILED)


def cluster_name(bits: int) -> str:
    """A name that no other run has, from 32 random bits."""
    return f"{PREFIX}{bits:08x}"


def runs(clusters: Iterable[str]) -> tuple[str, ...]:
    """Those clusters whose names acceptance tests gave, sorted."""
    return tuple(sorted({name for name in clusters if _NAME.fullmatch(name)}))


def obstacle(phase: Phase, before: Sequence[Finding]) -> str:
    """Why the phase cannot be tried after these; empty where it can."""
    need = _NEEDS.get(phase)
    if need is None or any(f.phase is need and f.result is Result.PASSED for f in before):
        return ""
    return f"needs `{need}`"


def summarise(exchanges: Iterable[Exchange]) -> tuple[Calls, ...]:
    """The calls by operation, in the order in which each was first made."""
    groups: dict[tuple[str, str], list[Exchange]] = {}
    for one in exchanges:
        groups.setdefault((one.method, one.operation), []).append(one)
    return tuple(_calls(method, name, made) for (method, name), made in groups.items())


def _calls(method: str, operation: str, made: Sequence[Exchange]) -> Calls:
    answers: dict[str, int] = {}
    for one in made:
        answers[one.answer] = answers.get(one.answer, 0) + 1
    return Calls(method, operation, len(made), answers, max(one.seconds for one in made))


@dataclass(frozen=True, slots=True)
class Node:
    """One member as it stood: its application, the pod's engine, and Ray's own node."""

    application: str
    engine: str
    node: str


Nodes = Mapping[str, Node]


def changed(before: Nodes, after: Nodes, *, but: Iterable[str] = ()) -> list[str]:
    """Sentences on members of `before` that are gone or are another process now."""
    watched = [name for name in before if name not in set(but)]
    return [
        f"{name} is gone" if after.get(name) is None else f"{name} was restarted"
        for name in watched
        if after.get(name) != before[name]
    ]


def repair_fault(name: str, before: Node, after: Node | None) -> str:
    """Why this is no repair of a member that was killed; empty where it is one."""
    if after is None:
        return f"{name} is gone"
    if after.application != before.application:
        return f"{name} is another application now: {before.application} -> {after.application}"
    if (after.engine, after.node) == (before.engine, before.node):
        return f"{name} is the same process as before: it was never restarted"
    return ""


def task_faults(ran: Mapping[str, str], expected: Nodes) -> list[str]:
    """What is wrong with where tasks ran: member to engine, as the tasks themselves said."""
    faults = [f"no task ran on {name}" for name in expected if name not in ran]
    faults += [f"a task ran on {name}, which is no member" for name in ran if name not in expected]
    return faults + [
        f"the task of {name} ran in engine {engine}, and its pod is {expected[name].engine}"
        for name, engine in ran.items()
        if name in expected and expected[name].engine not in ("", engine)
    ]
