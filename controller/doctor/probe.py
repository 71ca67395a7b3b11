"""The questions of a check-up: each is asked once, and one without an answer stops no other."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from controller.clock import Clock
from controller.cml import errors
from controller.cml.classify import server_time
from controller.cml.connection import trust
from controller.cml.inspector import Inspector
from controller.cml.operations import CallRecord
from controller.emulator.daemon import EmulatorError
from controller.files.port import FilesError, ProjectFiles
from controller.terminal.common import CommonOptions
from controller.terminal.errors import CommandError
from controller.terminal.screen import Screen
from controller.workspace.connection import Where, locate
from controller.workspace.session import open_files, open_logs

T = TypeVar("T")
D = TypeVar("D")
K = TypeVar("K")
_UNREACHED = frozenset({"Unavailable", "Throttled"})
_KEY_REFUSED = frozenset({401, 403, 500})  # 500: what was sent has not the form of a key


class NoAnswerError(Exception):
    """A question without an answer: why, the kind of the error, and the HTTP status if any."""

    def __init__(self, why: str, kind: str = "", status: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.kind = kind
        self.status = status


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call to CML.  `skew_s`: seconds that CML's clock is ahead, if the answer had a date."""

    operation: str
    seconds: float
    error: str | None = None
    status: int | None = None
    skew_s: float | None = None

    @property
    def is_foreign(self) -> bool:
        """An answer that CML does not give: a web page, a redirect, an unknown path."""
        malformed = self.error == "Malformed"
        return malformed or (self.error == "Unauthorized" and self.status not in _KEY_REFUSED)

    @property
    def is_answer(self) -> bool:
        return self.error not in _UNREACHED and not self.is_foreign


@dataclass(frozen=True, slots=True)
class CmlConnection:
    """Access to a workspace that may not answer.  `calls` grows with each call."""

    inspector: Inspector
    files: Callable[[str], ProjectFiles]
    where: Where
    calls: list[ApiCall]

    def home(self, project: str) -> Path | None:
        """The project's folder on this machine; None outside of its pods."""
        home = self.where.home
        return home[1] if home is not None and home[0] == project else None


@dataclass(slots=True)
class Probe:
    """The way to ask: a question is a function of the probe, and its answer is kept.

    `paths` and `read_only` are options of the command.
    """

    screen: Screen
    access: CmlConnection | NoAnswerError
    paths: list[Path] | None = None
    read_only: bool = False
    answers: dict[Callable[["Probe"], object], object] = field(default_factory=dict)

    @property
    def connection(self) -> CmlConnection:
        """NoAnswerError without a connection, and once the check-up has given CML up."""
        if isinstance(self.access, NoAnswerError):
            raise self.access
        return self.access

    def give_up(self, why: str) -> None:
        """Ask CML nothing more."""
        self.access = NoAnswerError(why)

    def attempt(self, question: "Callable[[Probe], T]") -> T | NoAnswerError:
        if question not in self.answers:
            self.answers[question] = attempt(lambda: question(self))
        return cast("T | NoAnswerError", self.answers[question])

    def answer_or(self, default: D, question: "Callable[[Probe], T]") -> T | D:
        """The answer; the default without one."""
        answer = self.attempt(question)
        return default if isinstance(answer, NoAnswerError) else answer

    def ask(self, question: "Callable[[Probe], T]") -> T:
        """The answer, or NoAnswerError."""
        answer = self.attempt(question)
        if isinstance(answer, NoAnswerError):
            raise answer
        return answer


def answered(answers: Mapping[K, T | NoAnswerError]) -> dict[K, T]:
    """The answers that there are."""
    return {key: one for key, one in answers.items() if not isinstance(one, NoAnswerError)}


def attempt(action: Callable[[], T]) -> T | NoAnswerError:
    """The answer, or the reason that there is none."""
    try:
        return action()
    except NoAnswerError as error:
        return error
    except errors.CmlError as error:
        return NoAnswerError(str(error), type(error).__name__, error.status)
    except FilesError as error:
        cause = error.__cause__
        kind = type(cause).__name__ if isinstance(cause, errors.CmlError) else "Files"
        return NoAnswerError(str(error), kind)


@contextmanager
def open_probe(
    common: CommonOptions, paths: list[Path] | None, *, read_only: bool
) -> Iterator[Probe]:
    """A probe, with the connection that the environment names if there is one."""
    screen, system = common.screen, common.screen.system
    calls: list[ApiCall] = []
    try:
        where = locate(system, local=common.local)
        inspector = Inspector(
            where.host,
            where.api_key,
            clock=system.clock,
            random=system.rng,
            transport=system.transport,
            verify=trust(common.ca_cert or where.ca_cert),
            domain=where.domain,
            on_call=_recorder(screen, calls),
        )
    except (CommandError, EmulatorError, errors.ConnectionSettingsError) as error:
        yield Probe(screen, NoAnswerError(str(error)), paths, read_only)
        return
    with inspector:
        connection = CmlConnection(inspector, open_files(inspector, where), where, calls)
        yield Probe(screen, connection, paths, read_only)


def _recorder(screen: Screen, calls: list[ApiCall]) -> Callable[[CallRecord], None]:
    clock, log = screen.system.clock, open_logs(screen)

    def record(call: CallRecord) -> None:
        skew = _skew(call, clock)
        calls.append(ApiCall(call.operation, call.seconds, call.error, call.status, skew))
        log.info("call", operation=call.operation, status=call.status, error=call.error)

    return record


def _skew(call: CallRecord, clock: Clock) -> float | None:
    """Seconds that CML's clock is ahead.  Its date has no fractions: half a second is added."""
    date = server_time(call.date) if call.date else None
    if date is None:
        return None
    return (date - clock.now()).total_seconds() + 0.5 + call.seconds / 2
