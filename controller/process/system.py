"""System of a command: environment variables, time, randomness, network.

Commands take these only from here, so that a test or a simulation can replace them.
"""

import os
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from controller.clock import Clock, SystemClock
from controller.cml.transport import Network
from controller.process.background import Repeat, in_thread
from controller.process.ending import Ending, OwnProcess
from controller.process.identity import this_place
from controller.telemetry import Redaction

SECRET_VARIABLES = (
    "CML_API_KEY",
    "CDSW_APIV2_KEY",
    "RAYCML_GIT_TOKEN",
    "RAYCML_HOOK_SECRET",
    "RAYCML_WEB_TOKEN",
)


@dataclass(frozen=True, slots=True)
class System:
    """`transport` replaces the network; `redaction` knows every secret so far.

    `repeat` runs background work, `ending` ends the process, and `place` is the identity of this
    process, for others on the same machine.
    """

    environ: Mapping[str, str] = field(repr=False)
    clock: Clock
    rng: random.Random
    transport: Network | None = None
    redaction: Redaction = field(default_factory=Redaction)
    repeat: Repeat = in_thread
    ending: Ending = field(default_factory=Ending)
    place: Callable[[], str] = this_place

    def __post_init__(self) -> None:
        for name in SECRET_VARIABLES:
            self.redaction.add(self.environ.get(name, ""))


def this_system() -> System:
    clock, rng = SystemClock(), random.SystemRandom()
    return System(dict(os.environ), clock, rng, ending=OwnProcess())


def user_folder(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """The user's folder for files of raycml; `default` is below the home."""
    base = environ.get(variable)
    root = Path(base) if base else Path(environ.get("HOME") or Path.home()) / default
    return root / "raycml"
