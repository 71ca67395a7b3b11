"""Look, decide, act once, look again: until it is done, nothing can be done, or time is up.

What goes wrong at the first look ends the command; later, an unreachable or busy CML is waited out.
A step that was refused is tried no second time: the next look may find that it is not needed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from controller.bootstrap.act import NoLongerOursError
from controller.bootstrap.facts import Decision, End, Seen, Step, Stuck, Verb
from controller.bootstrap.look import Memory
from controller.clock import Clock
from controller.cml.errors import (
    CmlError,
    Malformed,
    NotFound,
    Rejected,
    Throttled,
    Unavailable,
    Unknown,
)
from controller.core.spec.text import spoken
from controller.files.port import FilesError
from controller.terminal.errors import CommandError, explained
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen

PAUSE_S = 2.0
RETRY_S = 5.0
HEARTBEAT_S = 30.0
_PASSING = (Unavailable, Throttled, Unknown, Malformed)
_BORNE = 5  # failures of one step, one after the other


@dataclass(slots=True)
class Drive:
    """One command's way.  `ends` is on the monotonic clock, `end` turns a dead end into an error.

    `look` raises CmlError or FilesError, and `act` those or NoLongerOursError.
    """

    look: Callable[[], Seen]
    decide: Callable[[Seen], Decision]
    act: Callable[[Step, Seen], None]
    end: Callable[[Stuck], CommandError]
    screen: Screen
    clock: Clock
    memory: Memory
    ends: float
    began: float = field(init=False)
    acted: int = 0
    _waiting: str = ""
    _since: float = 0.0
    _said: float = 0.0
    _failed: tuple[Step | None, int] = (None, 0)

    def __post_init__(self) -> None:
        self.began = self.clock.monotonic()

    def run(self) -> Seen:
        """The last look.  CommandError where it did not come to its end."""
        seen = self.look()
        while True:
            decision = self.decide(seen)
            if decision.done:
                return seen
            if decision.stuck is not None:
                raise self.end(decision.stuck)
            self._check_time(decision)
            if decision.steps:
                self._rest()
                self._carry_out(decision.steps, seen)
            else:
                self._wait(decision.wait)
            seen = self._look_again()

    def say(self, text: str) -> None:
        self._said = self.clock.monotonic()
        self.screen.say(f"{spoken(self._said - self.began):>6} {text}")

    def _check_time(self, decision: Decision) -> None:
        if self.clock.monotonic() < self.ends:
            return
        ahead = decision.wait or decision.steps[0].text
        remedy = "the same command goes on; what does not start may lack quota, or a node"
        raise self.end(Stuck(End.FAILED, f"time is up: {ahead}", remedy, decision.log))

    # Waiting

    def _wait(self, what: str) -> None:
        now = self.clock.monotonic()
        if what != self._waiting:
            self._waiting, self._since = what, now
            self.say(f"... {what}")
        elif now - self._said >= HEARTBEAT_S:
            self.say(f"... {what}, for {spoken(now - self._since)} now")
        self.clock.wait(PAUSE_S)
        self.memory.still_s = self.clock.monotonic() - self._since

    def _rest(self) -> None:
        self._waiting, self.memory.still_s = "", 0.0

    def _look_again(self) -> Seen:
        while True:
            try:
                return self.look()
            except (*_PASSING, FilesError) as error:
                if self.clock.monotonic() >= self.ends or not _is_passing(error):
                    raise
                self.say(f"{error}; trying again")
                self.clock.wait(RETRY_S)

    # Acting

    def _carry_out(self, steps: tuple[Step, ...], seen: Seen) -> None:
        """In their order, up to the first one that did not go well."""
        for step in steps:
            self.say(step.line)
            try:
                self.act(step, seen)
            except NoLongerOursError:
                self.say("  it is no longer ours; looking again")
                self.clock.wait(PAUSE_S)
                return
            except (CmlError, FilesError) as error:
                self._bear(step, error)
                return
            self._did(step)

    def _did(self, step: Step) -> None:
        self.memory.count(step)
        self.acted += 1
        self._failed = (None, 0)

    def _bear(self, step: Step, error: Exception) -> None:
        """Go on with a look where that can help; raise the error where it cannot."""
        before, times = self._failed
        times = times + 1 if before == step else 1
        self._failed = (step, times)
        cause, passing = _cause(error), _is_passing(error)
        if isinstance(cause, Unknown):
            self.memory.count(step)
        if times >= (_BORNE if passing else 2) or not _may_help(cause, passing=passing):
            raise _refusal(step, cause) or explained(error) or error
        self.say(f"  {error}; looking again")
        self.clock.wait(RETRY_S)


def _may_help(cause: BaseException | None, *, passing: bool) -> bool:
    """A key that is refused stays so; what CML refuses may be there already."""
    return passing or isinstance(cause, Rejected | NotFound)


def _refusal(step: Step, cause: BaseException | None) -> CommandError | None:
    """Addresses are unique in the workspace; the holder may be in a project that we do not see."""
    if step.verb is not Verb.CREATE_APPLICATION or not isinstance(cause, Rejected):
        return None
    if cause.status != 409 and "subdomain" not in str(cause).lower():
        return None
    return CommandError(
        f"the address of the controller's application is taken by another one: {cause}",
        Exit.REFUSED,
        "find it in CML by that address, and delete or rename it; then the same command",
    )


def _is_passing(error: Exception) -> bool:
    """Whether the same call may go well later."""
    cause = _cause(error)
    return cause is None or isinstance(cause, _PASSING)


def _cause(error: Exception) -> BaseException | None:
    """The answer of CML; None for a shared file system that could not be used."""
    return error.__cause__ if isinstance(error, FilesError) else error
