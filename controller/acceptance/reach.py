"""The phase in which the pods of head and workers reach each other, before Ray is used.

Each worker probes the head's GCS, and the head's reporter the node manager of each worker; an
obstacle that lasts is named with its remedy, before a join that never comes would time out.
"""

from collections.abc import Sequence

from controller.acceptance.context import AcceptanceContext, PhaseError, PhaseSummary
from controller.acceptance.spec import GROUP
from controller.core.model.member import Member
from controller.core.model.ray.report import HeadReport
from controller.core.spec.text import counted
from controller.core.status.goal import Goal
from controller.core.status.reach import Obstacle, meshed, obstacles, unprobed

REACH_S = 120.0  # for the head to report and for the probes; a join takes seconds
BLOCKED_S = 15.0  # a head that just started may refuse for a moment


def reach(context: AcceptanceContext) -> PhaseSummary:
    """CML runs all, and each worker and the head reach each other, in both directions.

    A node that Ray never lists cannot be probed from the head; the next phase says why.
    """
    clock = context.session.clock
    started = clock.monotonic()
    context.reach(context.drive(), Goal.RUNNING)
    running_s = clock.monotonic() - started
    report, missing = _probed(context)
    workers = counted(context.shape.workers - len(missing), "worker")
    message = f"running after {running_s:.0f} s; {workers} and the head reach each other"
    if report is not None and (sidecars := meshed(report)):
        message += f"; mesh: istio in {counted(len(sidecars), 'pod')}"
    if missing:
        message += f"; not probed in both directions: {', '.join(missing)}"
    return PhaseSummary(message)


def _probed(context: AcceptanceContext) -> tuple[HeadReport | None, Sequence[str]]:
    """The report once all is probed, and the workers that were not within the time.

    PhaseError for obstacles that last.
    """
    clock = context.session.clock
    until = clock.monotonic() + min(REACH_S, context.left_s)
    blocked_at: float | None = None
    workers = [str(Member(GROUP, number)) for number in range(context.shape.workers)]
    while True:
        report = _look(context)
        problems = [*obstacles(report)] if report else []
        missing = unprobed(report, workers) if report else workers
        now = clock.monotonic()
        if not problems:
            blocked_at = None
            if not missing or now >= until:
                return report, missing
        elif blocked_at is None:
            blocked_at = now
        elif now - blocked_at >= BLOCKED_S or now >= until:
            raise _blocked(problems)
        clock.wait(context.session.settings.pass_pause_s, context.interrupts.stop)
        context.interrupts.check()


def _look(context: AcceptanceContext) -> HeadReport | None:
    context.last = context.drive().once(Goal.READY, context.left_s).last
    return context.last.observed.reports.get(context.name)


def _blocked(problems: Sequence[Obstacle]) -> PhaseError:
    fixes = dict.fromkeys(problem.fix for problem in problems)
    details = [*map(str, problems[1:]), *(f"try: {fix}" for fix in fixes)]
    return PhaseError(str(problems[0]), details)
