"""API of jobs: create, read, change, delete.  `runs.py` runs them.

Validates calls.  Recipients are stored and returned; the emulator sends no mail.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from controller.emulator.api import fields
from controller.emulator.api.checks import Checks
from controller.emulator.api.errors import ApiError, Code, invalid, not_found
from controller.emulator.api.listing import PERSON, Columns, Query, attributes, select
from controller.emulator.options import User
from controller.emulator.pods import cron
from controller.emulator.pods.runs import Runs
from controller.emulator.state.ids import Ids
from controller.emulator.state.job_records import Job
from controller.emulator.state.records import Project
from controller.emulator.state.state import State

_FIELDS = (
    "name script kernel cpu memory nvidia_gpu arguments kill_on_timeout schedule parent_id "
    "runtime_identifier runtime_addon_identifiers run_as accelerator_label_id resource_group_id "
    "resource_profile_id recipients attachments success_recipients failure_recipients "
    "timeout_recipients stopped_recipients retry_enabled environment timeout"
)
CREATE = fields.types(f"{_FIELDS} timezone paused parent_job_id")
PATCH = fields.types(_FIELDS, environment=fields.text_map_in_text, timeout=fields.int64)
CHECKED = {"name", "script", "runtime_identifier", "cpu", "memory", "nvidia_gpu"}

_TEXTS: dict[str, Callable[[Job], object]] = {
    **attributes(*PERSON, "kernel", "name", "script", "type"),
    "description": lambda _job: "",
    "paused": lambda job: str(job.paused).lower(),
}
JOBS: Columns[Job] = Columns(_TEXTS, {**_TEXTS, **attributes("created_at", "updated_at")})


@dataclass(slots=True)
class Jobs:
    """The jobs of all projects; names are not unique."""

    state: State
    runs: Runs
    ids: Ids
    checks: Checks

    def get(self, project_id: str, job_id: str) -> Job:
        job = self.state.jobs.get(job_id)
        if job is None or job.project_id != project_id:
            raise not_found("job")
        return job

    def of(self, project_id: str) -> list[Job]:
        """The jobs of a project, in order of creation."""
        return [job for job in self.state.jobs.values() if job.project_id == project_id]

    def list(self, project: Project, query: Query) -> dict[str, object]:
        page, token = select(self.of(project.id), query, JOBS, f"jobs {project.id}")
        return {"jobs": [job.wire(project) for job in page], "next_page_token": token}

    def create(self, project: Project, user: User, raw: Mapping[str, object], now: datetime) -> Job:
        """Create a job, which runs by schedule, after its parent, or by a call."""
        values = _normal(fields.read(raw, CREATE))
        values = {key: value for key, value in values.items() if value or key == "environment"}
        job = Job(self.ids.public(), project.id, user, now, updated_at=now)
        self._assign(job, values, now)
        self.checks.check(job, CHECKED)
        self._check_parent(job)
        self.state.jobs[job.id] = job
        self.state.changes += 1
        return job

    def patch(self, job: Job, raw: Mapping[str, object], now: datetime) -> Job:
        """Change the given fields; started runs are unaffected."""
        values = _normal(fields.read(raw, PATCH))
        ids = (job.id, job.project_id)
        changed = Job(*ids, job.creator, now, updated_at=now, timezone=job.timezone)
        self._assign(changed, values, now)
        self.checks.check(changed, CHECKED & values.keys())
        self._check_parent(changed)
        self._assign(job, values, now)
        job.updated_at = now
        self.state.changes += 1
        return job

    def _assign(self, job: Job, values: Mapping[str, object], now: datetime) -> None:
        fields.assign(job, values)
        if {"schedule", "timezone"} & values.keys():
            job.next_at = next_time(job, now)

    def _check_parent(self, job: Job) -> None:
        """Refuse a missing parent, and a cycle of parents."""
        parent_id, ancestors = job.parent_id, {job.id}
        while parent_id:
            parent = self.state.jobs.get(parent_id)
            if parent is None or parent.project_id != job.project_id:
                raise invalid(f"parent job {parent_id} not found in the project")
            if parent_id in ancestors:
                raise invalid("a job cannot depend on itself")
            ancestors.add(parent_id)
            parent_id = parent.parent_id

    def delete(self, job: Job, now: datetime) -> None:
        """Delete a job and its runs; dependent jobs stay, without a parent."""
        self.runs.delete_runs(job, now)
        del self.state.jobs[job.id]
        for other in self.state.jobs.values():
            if other.parent_id == job.id:
                other.parent_id = ""
        self.state.changes += 1


def _normal(values: dict[str, object]) -> dict[str, object]:
    """Fields with the current name of the parent, and the timeout as a number."""
    former = values.pop("parent_job_id", "")
    if former:
        values.setdefault("parent_id", former)
    if "timeout" in values:
        values["timeout"] = int(str(values["timeout"]))
    if int(str(values.get("timeout", 0))) < 0:
        raise invalid("timeout must not be negative")
    if values.pop("retry_enabled", False):
        raise ApiError(Code.UNIMPLEMENTED, "the emulator does not retry failed jobs")
    return values


def next_time(job: Job, now: datetime) -> datetime | None:
    """The next time of the schedule; refuses an invalid schedule or zone."""
    try:
        zone = ZoneInfo(job.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise invalid(f"unknown timezone {job.timezone!r}") from None
    if not job.schedule:
        return None
    try:
        return cron.parse(job.schedule).after(now, zone)
    except ValueError as error:
        raise invalid(f"invalid schedule {job.schedule!r}: {error}") from None
