"""When the next pass of a running controller happens.  Pure; times in seconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.plan import Outcome, Plan, Result
from controller.core.model.reasons import Outlook, Reason
from controller.core.status.goal import Goal, Verdict, verdict

TIMED = frozenset({Reason.BACKOFF, Reason.PRUNE_GRACE})  # these have their time

# After these the next pass finds something new at once.
_CHANGED = frozenset({Result.DONE, Result.UNKNOWN})


AT_ONCE_MAX = 10  # passes in a row that changed something, without a pause


@dataclass(frozen=True, slots=True)
class Schedule:
    """`fast_s` while anything is on its way, `slow_s` when steady; `jitter` is a part of it.

    A pass that changed something is followed at once, but no more than `at_once_max` of them in a
    row: a change that does not last would be made again and again without a pause.  After passes
    that failed the pause doubles from `fast_s` up to `failed_max_s`.
    """

    fast_s: float = 2.0
    slow_s: float = 30.0
    jitter: float = 0.1
    failed_max_s: float = 60.0
    at_once_max: int = AT_ONCE_MAX

    def after_failures(self, failures: int, chance: float) -> float:
        pause = min(self.fast_s * 2.0 ** min(max(failures - 1, 0), 30), self.failed_max_s)
        return self._spread(pause, chance)

    def after(
        self,
        plan: Plan,
        outcomes: tuple[Outcome, ...],
        chance: float,
        now: datetime | None = None,
        in_a_row: int = 1,
    ) -> float:
        """Pause after a pass that ended well, at `now`; `chance` is between 0 and 1.

        `in_a_row`: so many passes, with this one, have changed something.
        """
        if changed(outcomes):
            return 0.0 if in_a_row <= self.at_once_max else self.fast_s
        if outcomes or verdict(plan, Goal.READY) is Verdict.MOVING:
            return self._until_due(plan, now) if _only_backs_off(plan) else self.fast_s
        return self._spread(self.slow_s, chance)

    def _until_due(self, plan: Plan, now: datetime | None) -> float:
        """The long pause, or less where the grace of a cluster ends before that."""
        ends = [w.until for w in plan.waits if w.reason is Reason.PRUNE_GRACE]
        left = [(end - now).total_seconds() for end in ends if end is not None and now is not None]
        return min([self.slow_s, *(max(each, self.fast_s) for each in left)])

    def _spread(self, pause: float, chance: float) -> float:
        return pause * (1.0 + self.jitter * (2.0 * chance - 1.0))


def changed(outcomes: Iterable[Outcome]) -> bool:
    """True where a call of the pass took effect, or may have."""
    return any(outcome.result in _CHANGED for outcome in outcomes)


def _only_backs_off(plan: Plan) -> bool:
    """Whether all that moves is a next try that has its time; looking often would not help."""
    moving = [wait for wait in plan.waits if wait.reason.outlook is Outlook.MOVING]
    return not plan.steps and all(wait.reason in TIMED for wait in moving)
