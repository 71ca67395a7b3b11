"""The run of an acceptance test: phase after phase, then the cleanup, whatever happened.

Every error becomes the result of its phase and an exit code.
"""

import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import FrameType

from controller.acceptance import cleanup, phases, reach
from controller.acceptance.api_job import api_job
from controller.acceptance.context import AcceptanceContext, PhaseError, PhaseSummary
from controller.acceptance.jobs import JobError, KeyRefusedError
from controller.acceptance.report import (
    AcceptancePhase,
    AcceptanceReport,
    PhaseResult,
    PhaseStatus,
    summarise,
)
from controller.core.status.goal import Goal, verdict
from controller.process.interrupts import Interrupts, handling
from controller.run.convergence import Converged
from controller.terminal.errors import explained
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen

_KEY_REMEDY = "create a key with both audiences (User Settings > API Keys) for CML_API_KEY"
_LEASE_REMEDY = "RAYCML_OWNER=acceptance, to test beside a running controller"

Act = Callable[[AcceptanceContext], PhaseSummary]

# Each phase with its function and the phase that must have passed.  Killing and scaling do not
# need the task, for which a key must open the head's application.
PHASES: Mapping[AcceptancePhase, tuple[Act, AcceptancePhase | None]] = {
    AcceptancePhase.PREFLIGHT: (phases.preflight, None),
    AcceptancePhase.CREATE: (phases.create, AcceptancePhase.PREFLIGHT),
    AcceptancePhase.REACH: (reach.reach, AcceptancePhase.CREATE),
    AcceptancePhase.JOIN: (phases.join, AcceptancePhase.REACH),
    AcceptancePhase.TASK: (phases.task, AcceptancePhase.JOIN),
    AcceptancePhase.KILL: (phases.kill, AcceptancePhase.JOIN),
    AcceptancePhase.REPAIR: (phases.repair, AcceptancePhase.KILL),
    AcceptancePhase.SCALE_UP: (phases.scale_up, AcceptancePhase.REPAIR),
    AcceptancePhase.SCALE_DOWN: (phases.scale_down, AcceptancePhase.SCALE_UP),
    AcceptancePhase.API_JOB: (api_job, AcceptancePhase.JOIN),
    AcceptancePhase.DELETE: (cleanup.delete, None),
    AcceptancePhase.NOTHING_LEFT: (cleanup.nothing_left, None),
}
CLEANUP = (AcceptancePhase.DELETE, AcceptancePhase.NOTHING_LEFT)  # of whatever was created
_OWN_CODES = frozenset({Exit.UNAUTHORIZED, Exit.REFUSED, Exit.LEASE_HELD})


def obstacle(phase: AcceptancePhase, results: Sequence[PhaseResult]) -> str:
    """The reason to skip the phase, so that no report blames a consequence; empty if none."""
    _, need = PHASES[phase]
    if need is None or any(r.name is need and r.result is PhaseStatus.PASSED for r in results):
        return ""
    return f"needs `{need}`"


class AcceptanceRun:
    """One run of all phases.  `code` is the exit code after it."""

    def __init__(self, context: AcceptanceContext, screen: Screen) -> None:
        self._context = context
        self._screen = screen
        self._interrupted = False
        self._is_deleted = False
        self.code = Exit.DONE
        self._results: list[PhaseResult] = []

    def run(self) -> AcceptanceReport:
        context, session = self._context, self._context.session
        started, started_at = session.clock.monotonic(), session.clock.now()
        workspace = session.client.address.url
        context.progress.note(f"acceptance test {context.name} on {workspace}")
        self._phases()
        return AcceptanceReport(
            passed=self.code is Exit.DONE,
            exit_code=int(self.code),
            cluster=context.name,
            workspace=workspace,
            project=session.project,
            started_at=started_at,
            took_s=round(session.clock.monotonic() - started, 3),
            options=context.shape.options() | {"runtime": context.runtime or context.shape.runtime},
            versions=context.versions,
            phases=tuple(self._results),
            left=self._deletion(),
        )

    def _deletion(self) -> str | None:
        """The command that deletes the rest; None if nothing is left."""
        context, last = self._context, self._results[-1]
        rest = last.result is PhaseStatus.FAILED or not self._is_deleted
        return context.deletion(context.name) if context.created and rest else None

    def _phases(self) -> None:
        context = self._context
        with handling([signal.SIGTERM], _interrupt), context.interrupts:
            try:
                for phase in AcceptancePhase:
                    if phase not in CLEANUP:
                        why = "interrupted" if self._interrupted else obstacle(phase, self._results)
                        self._add(_skipped(phase, why) if why else self._attempt(phase))
            except KeyboardInterrupt:
                self._interrupted = True
            # Interrupts of the phases are over; one more ends the cleanup.
            with Interrupts() as context.interrupts:
                self._clean_up()
        if self._interrupted:
            self.code = Exit.INTERRUPTED

    def _clean_up(self) -> None:
        context = self._context
        if not context.created or not context.options.cleanup:
            why = "--no-cleanup" if context.created else "nothing was created"
            for phase in CLEANUP:
                self._add(_skipped(phase, why))
            return
        result = self._attempt(AcceptancePhase.DELETE)
        if result.result is PhaseStatus.FAILED and not context.interrupts.stop.is_set():
            result = self._retry(result)
        self._is_deleted |= result.result is PhaseStatus.PASSED
        self._add(result)
        self._add(self._attempt(AcceptancePhase.NOTHING_LEFT))

    def _retry(self, first: PhaseResult) -> PhaseResult:
        """The failure stands, but nothing should be left because of it."""
        self._context.progress.note(f"{first.name} failed: {first.message}; retrying")
        second = self._attempt(AcceptancePhase.DELETE)
        if second.result is not PhaseStatus.PASSED:
            return first
        self._is_deleted = True
        return replace(first, message=f"{first.message}; a second attempt deleted everything")

    def _add(self, result: PhaseResult) -> None:
        self._results.append(result)
        self._context.progress.note(f"{result.name}  {result.result}: {result.message}")

    def _attempt(self, phase: AcceptancePhase) -> PhaseResult:
        clock, calls = self._context.session.clock, self._context.calls
        started, before = clock.monotonic(), len(calls)
        status = PhaseStatus.FAILED
        try:
            if phase not in CLEANUP:
                self._context.interrupts.check()
                self._check_time()
            summary = PHASES[phase][0](self._context)
            status = PhaseStatus.PASSED
        except KeyboardInterrupt:
            self._interrupted = True
            summary = PhaseSummary("interrupted")
        except Exception as error:  # noqa: BLE001 - the cluster must be deleted after any error
            summary = self._failure(error)
        took_s, made = round(clock.monotonic() - started, 3), summarise(calls[before:])
        return PhaseResult(phase, status, took_s, summary.message, summary.details, made)

    def _check_time(self) -> None:
        if not self._context.left_s:
            raise PhaseError("timed out before it began (--timeout)")

    def _failure(self, error: Exception) -> PhaseSummary:
        """The error as text.  The first one decides the exit code: others may follow from it."""
        code, summary = self._explained(error)
        self.code = self.code or code
        return summary

    def _explained(self, error: Exception) -> tuple[Exit, PhaseSummary]:
        if isinstance(error, PhaseError):
            return Exit.NOT_CONVERGED, PhaseSummary(str(error), error.details)
        if isinstance(error, KeyRefusedError):
            return Exit.UNAUTHORIZED, PhaseSummary(str(error), (f"try: {_KEY_REMEDY}",))
        if isinstance(error, JobError):
            return Exit.NOT_CONVERGED, PhaseSummary(str(error), self._diagnosis())
        end = explained(error)
        if end is None:
            if self._screen.verbose:
                self._screen.say(self._screen.system.redaction.traceback(error))
            text = " ".join(str(error).split())[:300]
            message = f"unexpected error: {type(error).__name__}: {text}"
            return Exit.UNEXPECTED, PhaseSummary(message, self._diagnosis())
        code = end.code if end.code in _OWN_CODES else Exit.NOT_CONVERGED
        remedy = _LEASE_REMEDY if code is Exit.LEASE_HELD else end.remedy
        return code, PhaseSummary(str(end), (*self._diagnosis(), f"try: {remedy}"))

    def _diagnosis(self) -> tuple[str, ...]:
        last = self._context.last
        if last is None:
            return ()
        return self._context.diagnosis(Converged(last, verdict(last.plan, Goal.READY), 0))


def _skipped(phase: AcceptancePhase, why: str) -> PhaseResult:
    return PhaseResult(phase, PhaseStatus.SKIPPED, 0.0, why)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler
    signal.raise_signal(signal.SIGINT)
