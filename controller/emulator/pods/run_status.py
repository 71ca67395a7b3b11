"""State machine of a run of a job.

As `lifecycle.py` for applications: transitions outside the table do not happen.
"""

from enum import StrEnum


class RunStatus(StrEnum):
    """Status, as on the wire; the contract's ENGINE_UNKNOWN does not occur here."""

    SCHEDULING = "ENGINE_SCHEDULING"
    STARTING = "ENGINE_STARTING"
    RUNNING = "ENGINE_RUNNING"
    STOPPING = "ENGINE_STOPPING"
    STOPPED = "ENGINE_STOPPED"
    SUCCEEDED = "ENGINE_SUCCEEDED"
    FAILED = "ENGINE_FAILED"
    TIMEDOUT = "ENGINE_TIMEDOUT"
    SKIPPED = "ENGINE_SKIPPED"

    @property
    def short(self) -> str:
        """The status, as in `search_filter` and usage rows."""
        return self.value.removeprefix("ENGINE_").lower()

    @property
    def is_over(self) -> bool:
        return not TRANSITIONS[self]


_ENDS = {RunStatus.SUCCEEDED, RunStatus.FAILED}
TRANSITIONS: dict[RunStatus, set[RunStatus]] = {
    RunStatus.SCHEDULING: {RunStatus.STARTING, RunStatus.STOPPED, RunStatus.SKIPPED},
    RunStatus.STARTING: {RunStatus.RUNNING, RunStatus.STOPPING, *_ENDS},
    RunStatus.RUNNING: {RunStatus.STOPPING, *_ENDS},
    RunStatus.STOPPING: {RunStatus.STOPPED, RunStatus.TIMEDOUT},
    RunStatus.STOPPED: set(),
    RunStatus.SUCCEEDED: set(),
    RunStatus.FAILED: set(),
    RunStatus.TIMEDOUT: set(),
    RunStatus.SKIPPED: set(),
}
