"""When a pass happens.

One-shot: pass after pass until the goal is reached, nothing but a person can help, or time is up.
A pass that changed something is followed by the next one at once; otherwise there is a pause.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from controller.clock import Clock
from controller.core.history import History
from controller.core.plan import Result
from controller.core.status import Goal, Verdict, verdict
from controller.reconcile import Pass

OnePass = Callable[[History], Pass]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on, in seconds.  `pause_s` between passes while something is on its way."""

    goal: Goal
    timeout_s: float
    pause_s: float = 2.0
    passes_max: int = 100_000
    wake: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class End:
    """How it ended: the last pass, and REACHED, PERSON, or MOVING when time ran out."""

    last: Pass
    verdict: Verdict
    passes: int


def converge(
    one_pass: OnePass,
    patience: Patience,
    clock: Clock,
    seen: Callable[[Pass], None] = lambda _: None,
) -> End:
    """Pass until there is a verdict.  `seen` is called after every pass."""
    deadline = clock.monotonic() + patience.timeout_s
    history = History()
    for number in range(1, patience.passes_max + 1):
        done = one_pass(history)
        history = done.history
        seen(done)
        found = Verdict.PERSON if done.plan.refusals else verdict(done.plan, patience.goal)
        if found is not Verdict.MOVING or clock.monotonic() >= deadline:
            return End(done, found, number)
        changed = any(o.result is Result.DONE for o in done.outcomes)
        if not changed:
            left = max(deadline - clock.monotonic(), 0.0)
            clock.wait(min(patience.pause_s, left), patience.wake)
    return End(done, Verdict.MOVING, patience.passes_max)
