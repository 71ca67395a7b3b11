"""State of a workspace, which survives a restart of the emulator."""

from collections import deque
from dataclasses import dataclass, field

from controller.emulator.state.catalogue import Runtime
from controller.emulator.state.job_records import Job, JobRun
from controller.emulator.state.records import Application, Engine, Project

HISTORY = 1000
"""Number of ended engines in usage rows; older ones are deleted."""


@dataclass(slots=True)
class State:
    """Records by ID.  `count` numbers projects and the queue; `changes` grows with each change.

    `runtimes`: those that were registered or changed, besides the catalogue.
    """

    projects: dict[str, Project] = field(default_factory=dict)
    applications: dict[str, Application] = field(default_factory=dict)
    engines: dict[str, Engine] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    runs: dict[str, JobRun] = field(default_factory=dict)
    runtimes: dict[str, Runtime] = field(default_factory=dict)
    history: deque[Engine] = field(default_factory=lambda: deque(maxlen=HISTORY))
    count: int = 0
    changes: int = 0

    def next_number(self) -> int:
        self.count += 1
        return self.count
