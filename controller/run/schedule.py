"""Schedule of the passes of a running controller.  Pure; times in seconds."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.faults import Result
from controller.core.model.plan import Outcome, Plan
from controller.core.model.reasons import Outlook, Reason
from controller.core.status.goal import Goal, Verdict, verdict

TIMED = frozenset({Reason.BACKOFF, Reason.PRUNE_GRACE})  # these have a time of their own

# After these the next pass can continue immediately.
_CHANGED = frozenset({Result.DONE, Result.UNKNOWN})

AT_ONCE_MAX = 10  # consecutive passes with changes, without an interval


@dataclass(frozen=True, slots=True)
class Schedule:
    """`fast_s` while anything is pending, `slow_s` when idle; `jitter` is a fraction of it.

    After a change the next pass starts immediately, for at most AT_ONCE_MAX passes: a change that
    does not last would be repeated without an interval.  After failed passes the interval doubles
    from `fast_s` up to `failed_max_s`.
    """

    fast_s: float = 2.0
    slow_s: float = 30.0
    jitter: float = 0.1
    failed_max_s: float = 60.0

    def after_failures(self, failures: int, random: float) -> float:
        pause = min(self.fast_s * 2.0 ** min(max(failures - 1, 0), 30), self.failed_max_s)
        return self._spread(pause, random)

    def after(
        self,
        plan: Plan,
        outcomes: tuple[Outcome, ...],
        random: float,
        now: datetime | None = None,
        in_a_row: int = 1,
    ) -> float:
        """Interval after a successful pass at `now`; `random` is between 0 and 1.

        `in_a_row`: number of consecutive passes with changes, including this one.
        """
        if changed(outcomes):
            return 0.0 if in_a_row <= AT_ONCE_MAX else self.fast_s
        if outcomes or verdict(plan, Goal.READY) is Verdict.MOVING:
            return self._until_due(plan, now) if _only_backs_off(plan) else self.fast_s
        return self._spread(self.slow_s, random)

    def _until_due(self, plan: Plan, now: datetime | None) -> float:
        """The long interval, or less if the grace period of a cluster ends before that."""
        ends = [w.until for w in plan.waits if w.reason is Reason.PRUNE_GRACE]
        due_s = [(end - now).total_seconds() for end in ends if end is not None and now is not None]
        return min([self.slow_s, *(max(each, self.fast_s) for each in due_s)])

    def _spread(self, pause: float, random: float) -> float:
        return pause * (1.0 + self.jitter * (2.0 * random - 1.0))


def changed(outcomes: Iterable[Outcome]) -> bool:
    """True if a call of the pass took effect, or may have."""
    return any(outcome.result in _CHANGED for outcome in outcomes)


def _only_backs_off(plan: Plan) -> bool:
    """True if only retries with a time of their own are pending."""
    moving = [wait for wait in plan.waits if wait.reason.outlook is Outlook.MOVING]
    return not plan.steps and all(wait.reason in TIMED for wait in moving)
