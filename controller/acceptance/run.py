"""The run of an acceptance test: phase after phase, and then, whatever happened, the cleaning.

No error gets past this page: each becomes the finding of its phase and an exit code.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

from controller.acceptance import cleanup, phases
from controller.acceptance.context import Passed, PhaseError, Trial
from controller.acceptance.jobs import JobError, PageRefusedError
from controller.acceptance.report import (
    CLEANING,
    TRIALS,
    Finding,
    Phase,
    Result,
    obstacle,
    summarise,
)
from controller.core.status.goal import Goal, verdict
from controller.process.interrupts import Interrupts
from controller.run.loop import Convergence
from controller.terminal.errors import explained
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen

_PAGE_REMEDY = (
    "make a key for both audiences (User Settings > API Keys), and put it into CML_API_KEY"
)
_LEASE_REMEDY = "RAYCML_OWNER=acceptance, for a test beside a controller that runs"

_ACTS: Mapping[Phase, Callable[[Trial], Passed]] = {
    Phase.PREFLIGHT: phases.preflight,
    Phase.CREATE: phases.create,
    Phase.JOIN: phases.join,
    Phase.TASK: phases.task,
    Phase.KILL: phases.kill,
    Phase.REPAIR: phases.repair,
    Phase.SCALE_UP: phases.scale_up,
    Phase.SCALE_DOWN: phases.scale_down,
    Phase.DELETE: cleanup.delete,
    Phase.NOTHING_LEFT: cleanup.nothing_left,
}
_OWN_CODES = frozenset({Exit.UNAUTHORIZED, Exit.REFUSED, Exit.LEASE_HELD})


class Run:
    """One run of all phases.  `code` is the exit code, once `go` has returned."""

    def __init__(self, trial: Trial, screen: Screen, *, cleanup: bool) -> None:
        self._trial = trial
        self._screen = screen
        self._cleanup = cleanup
        self._interrupted = False
        self._gone = False
        self.code = Exit.DONE
        self.findings: list[Finding] = []

    @property
    def left(self) -> str:
        """The command that removes what is left; empty where nothing is."""
        trial = self._trial
        seen = any(
            f.phase is Phase.NOTHING_LEFT and f.result is Result.FAILED for f in self.findings
        )
        return trial.removal(trial.name) if trial.begun and (seen or not self._gone) else ""

    def go(self) -> None:
        with _term_is_an_interrupt(), self._trial.interrupts:
            try:
                for phase in TRIALS:
                    self._tell(self._finding(phase))
            except KeyboardInterrupt:
                self._interrupted = True
            # What was asked so far is done with: one more interrupt ends the cleaning.
            with Interrupts() as self._trial.interrupts:
                self._clean()
        if self._interrupted:
            self.code = Exit.INTERRUPTED

    def _clean(self) -> None:
        finding = self._finding(Phase.DELETE)
        if finding.result is Result.FAILED and not self._trial.interrupts.stop.is_set():
            finding = self._again(finding)
        self._gone |= finding.result is Result.PASSED
        self._tell(finding)
        self._tell(self._finding(Phase.NOTHING_LEFT))

    def _again(self, first: Finding) -> Finding:
        """That deleting failed stands, but nothing should stay because of it."""
        self._trial.progress.note(f"{first.phase} failed: {first.message}; trying once more")
        second = self._attempt(Phase.DELETE)
        if second.result is not Result.PASSED:
            return first
        self._gone = True
        return replace(first, message=f"{first.message}; a second try deleted everything")

    def _finding(self, phase: Phase) -> Finding:
        why = self._obstacle(phase)
        return Finding(phase, Result.SKIPPED, 0.0, why) if why else self._attempt(phase)

    def _obstacle(self, phase: Phase) -> str:
        """Why a phase is not tried; empty where it is."""
        if phase not in CLEANING:
            return "interrupted" if self._interrupted else obstacle(phase, self.findings)
        if not self._trial.begun:
            return "nothing was created"
        return "" if self._cleanup else "--no-cleanup"

    def _attempt(self, phase: Phase) -> Finding:
        trial = self._trial
        started, heard = trial.session.clock.monotonic(), len(trial.exchanges)
        result, passed = self._outcome(phase)
        return Finding(
            phase,
            result,
            trial.session.clock.monotonic() - started,
            passed.message,
            passed.details,
            summarise(trial.exchanges[heard:]),
        )

    def _outcome(self, phase: Phase) -> tuple[Result, Passed]:
        try:
            if phase not in CLEANING:
                self._trial.interrupts.check()
                self._check_time()
            return Result.PASSED, _ACTS[phase](self._trial)
        except PhaseError as error:
            return self._failed(Exit.NOT_CONVERGED, str(error), error.details)
        except PageRefusedError as error:
            return self._failed(Exit.UNAUTHORIZED, str(error), (f"try: {_PAGE_REMEDY}",))
        except JobError as error:
            return self._failed(Exit.NOT_CONVERGED, str(error), self._aftermath())
        except KeyboardInterrupt:
            self._interrupted = True
            return self._failed(Exit.INTERRUPTED, "interrupted", ())
        except Exception as error:  # noqa: BLE001 - whatever it is, the cluster must not stay
            return self._explained(error)

    def _check_time(self) -> None:
        if not self._trial.left_s:
            raise PhaseError("the time of --timeout was up before it began")

    def _explained(self, error: Exception) -> tuple[Result, Passed]:
        known = explained(error)
        if known is None:
            if self._screen.verbose:
                self._screen.say(self._screen.machine.redaction.traceback(error))
            said = " ".join(str(error).split())[:300]
            message = f"unexpected error: {type(error).__name__}: {said}"
            return self._failed(Exit.UNEXPECTED, message, self._aftermath())
        code = known.code if known.code in _OWN_CODES else Exit.NOT_CONVERGED
        remedy = _LEASE_REMEDY if code is Exit.LEASE_HELD else known.remedy
        return self._failed(code, str(known), (*self._aftermath(), f"try: {remedy}"))

    def _failed(self, code: Exit, message: str, details: Sequence[str]) -> tuple[Result, Passed]:
        """The first failure decides the exit code: the later ones may be its consequences."""
        self.code = self.code or code
        return Result.FAILED, Passed(message, tuple(details))

    def _aftermath(self) -> tuple[str, ...]:
        last = self._trial.last
        if last is None:
            return ()
        return tuple(self._trial.aftermath(Convergence(last, verdict(last.plan, Goal.READY), 0)))

    def _tell(self, finding: Finding) -> None:
        self.findings.append(finding)
        said = f"{finding.phase}  {finding.result.value}: {finding.message}"
        self._trial.progress.note(said)


@contextmanager
def _term_is_an_interrupt() -> Iterator[None]:
    """TERM does what Ctrl-C does, wherever that would be noticed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler
    signal.raise_signal(signal.SIGINT)
