"""The way to CML of a check-up: opened with all that may be amiss; each question stands by itself.

What cannot be had is `Unread` with its reason, and the next question is asked all the same.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from controller.clock import Clock
from controller.cml import errors
from controller.cml.connection import trust
from controller.cml.inspector import Inspector, server_time
from controller.cml.operations import CallRecord
from controller.doctor.state import Sample, Unread
from controller.emulator.daemon import EmulatorError
from controller.files.port import FilesError, ProjectFiles
from controller.terminal.errors import CommandError
from controller.terminal.screen import Screen
from controller.workspace.connection import Where, locate
from controller.workspace.session import open_files, open_logs

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """A way to CML that may or may not lead there."""

    inspector: Inspector
    files: Callable[[str], ProjectFiles]
    where: Where
    samples: list[Sample]
    clock: Clock

    def home(self, project: str) -> Path | None:
        """Where the project's files are on this machine's disk, if they are."""
        home = self.where.home
        return home[1] if home is not None and home[0] == project else None


@contextmanager
def connected(screen: Screen, *, local: bool, ca_cert: Path | None) -> Iterator[Line | Unread]:
    """The way to CML, or what is missing for one."""
    machine = screen.machine
    samples: list[Sample] = []
    try:
        where = locate(machine, local=local)
        inspector = Inspector(
            where.host,
            where.api_key,
            clock=machine.clock,
            random=machine.rng,
            transport=machine.transport,
            verify=trust(ca_cert),
            domain=where.domain,
            on_call=_hearing(screen, samples),
        )
    except (CommandError, EmulatorError, errors.ConnectionSettingsError) as error:
        yield Unread(str(error))
        return
    with inspector:
        yield Line(inspector, open_files(inspector, where), where, samples, machine.clock)


def _hearing(screen: Screen, samples: list[Sample]) -> Callable[[CallRecord], None]:
    clock, log = screen.machine.clock, open_logs(screen)

    def heard(call: CallRecord) -> None:
        skew = _skew(call, clock)
        samples.append(Sample(call.operation, call.seconds, call.error, call.status, skew))
        log.info("call", operation=call.operation, status=call.status, error=call.error)

    return heard


def _skew(call: CallRecord, clock: Clock) -> float | None:
    """How far CML's clock is ahead: its second began up to one second before it answered."""
    told = server_time(call.date) if call.date else None
    if told is None:
        return None
    return (told - clock.now()).total_seconds() + 0.5 + call.seconds / 2


def attempt(ask: Callable[[], T]) -> T | Unread:
    """The answer, or why there is none."""
    try:
        return ask()
    except errors.CmlError as error:
        return Unread(str(error), type(error).__name__, error.status)
    except FilesError as error:
        cause = error.__cause__
        kind = type(cause).__name__ if isinstance(cause, errors.CmlError) else "Files"
        return Unread(str(error), kind)


def unless(obstacle: Unread | None, ask: Callable[[], T]) -> T | Unread:
    """The answer, where there is no obstacle to asking."""
    return attempt(ask) if obstacle is None else obstacle
