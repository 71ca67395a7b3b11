"""Records of jobs and their runs, and their JSON on the wire."""

from dataclasses import dataclass, field
from datetime import datetime

from controller.emulator.pods.run_status import TRANSITIONS, RunStatus
from controller.emulator.state.records import Definition, Project, Workload, wire_fields

MANUAL = "manual"
CRON = "cron"
DEPENDENT = "dependent"
JOB_FIELDS = (
    *("id", "name", "script", "type", "kernel", "cpu", "memory", "nvidia_gpu", "environment"),
    *("arguments", "runtime_identifier", "runtime_addon_identifiers", "run_as"),
    *("accelerator_label_id", "resource_group_id", "resource_profile_id"),
    *("created_at", "updated_at", "creator"),
    *("parent_id", "paused", "schedule", "timezone", "kill_on_timeout"),
    *("recipients", "attachments", "success_recipients", "failure_recipients"),
    *("timeout_recipients", "stopped_recipients"),
)
RUN_FIELDS = (
    *("id", "project_id", "job_id", "status"),
    *("created_at", "scheduling_at", "starting_at", "running_at", "finished_at"),
    *("kernel", "cpu", "memory", "nvidia_gpu", "arguments", "environment", "creator"),
    *("runtime_identifier", "resource_group_id"),
)
NO_RETRIES = {
    "retry_enabled": False,
    "max_retry": 0,
    "retry_delay": 0,
    "retry_for_script_failure": False,
    "retry_for_system_failure": False,
    "retry_for_timedout_runs": False,
    "retry_for_skipped_runs": False,
}


@dataclass(slots=True)
class Job(Definition):
    """A job.  `next_at` is the next time of its schedule."""

    arguments: str = ""
    timeout: int = 0
    kill_on_timeout: bool = False
    schedule: str = ""
    timezone: str = "America/Los_Angeles"
    paused: bool = False
    parent_id: str = ""
    recipients: list[dict[str, object]] = field(default_factory=list)
    attachments: list[str] = field(default_factory=list)
    success_recipients: str = ""
    failure_recipients: str = ""
    timeout_recipients: str = ""
    stopped_recipients: str = ""
    next_at: datetime | None = None

    @property
    def type(self) -> str:
        if self.parent_id:
            return DEPENDENT
        return CRON if self.schedule else MANUAL

    def wire(self, project: Project) -> dict[str, object]:
        """All fields of the contract, with defaults."""
        schedule = f"at {self.schedule} ({self.timezone})" if self.schedule else ""
        return {
            **wire_fields(self, *JOB_FIELDS),
            "timeout": str(self.timeout),
            "english_schedule": schedule,
            "engine_image_id": "0",
            "owner": project.owner.wire(),
            "project": _short(project),
            **NO_RETRIES,
        }


def _short(project: Project) -> dict[str, object]:
    return {
        "public_identifier": project.id,
        "name": project.name,
        "default_project_engine": project.default_engine_type,
        "slug": project.slug,
    }


@dataclass(slots=True)
class JobRun(Workload):
    """A run; its ID is also its engine's.

    `environment` and `arguments` are additional to the job's.  Resources are the job's at creation;
    `due` is the earliest start, `queued` the position among waiting runs.
    """

    job_id: str = field(kw_only=True)
    scheduling_at: datetime = field(kw_only=True)
    due: datetime = field(kw_only=True)
    queued: int = field(kw_only=True)
    status: RunStatus = RunStatus.SCHEDULING
    arguments: str = ""
    starting_at: datetime | None = None
    running_at: datetime | None = None
    finished_at: datetime | None = None
    timed_out: bool = False

    def move(self, status: RunStatus, now: datetime) -> None:
        """Take a step of the state machine; a step that is not in the table is a bug."""
        if status not in TRANSITIONS[self.status]:
            raise AssertionError(f"{status} of a run that is {self.status}")
        self.status = status
        if status is RunStatus.STARTING:
            self.starting_at = now
        elif status is RunStatus.RUNNING:
            self.running_at = now
        elif status.is_over:
            self.finished_at = now

    def wire(self) -> dict[str, object]:
        """All fields of the contract, which has no exit code, reason or output."""
        return wire_fields(self, *RUN_FIELDS)
