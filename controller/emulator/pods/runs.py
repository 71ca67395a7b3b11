"""Life cycle of runs of jobs: start, end, and dependent jobs.

A run changes by itself only in `tick`.  As in `engines.py`, which has the pods, nothing here waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from controller.emulator.api import fields
from controller.emulator.api.errors import ApiError, Code, not_found
from controller.emulator.api.listing import PERSON, Columns, Query, attributes, select
from controller.emulator.options import Options, User
from controller.emulator.pods import cron
from controller.emulator.pods.engines import Engines
from controller.emulator.pods.processes import PodExit
from controller.emulator.pods.run_status import TRANSITIONS, RunStatus
from controller.emulator.state.ids import Ids
from controller.emulator.state.job_records import Job, JobRun
from controller.emulator.state.records import json_text
from controller.emulator.state.state import State

RUN_HISTORY = 1000
"""Number of ended runs that are listed, of all jobs together; the oldest are deleted."""
SKIP_S = 2.0
"""Time for which a run is SCHEDULING before a workspace that runs no jobs of the API skips it."""
MAX_LATENESS_S = 60.0
"""Age after which a missed time of a schedule is skipped."""

CREATE = fields.types("environment arguments")
OF_THE_JOB = (
    *("kernel", "cpu", "memory", "nvidia_gpu", "runtime_identifier", "resource_group_id"),
)
_TEXTS = attributes(*PERSON, "id", "kernel", status="status.short")
_TIMES = ("created_at", "scheduling_at", "starting_at", "running_at", "finished_at")
RUNS: Columns[JobRun] = Columns(_TEXTS, {**_TEXTS, **attributes(*_TIMES)})


@dataclass(slots=True)
class Runs:
    """The runs of all jobs; each job has at most one active run."""

    state: State
    engines: Engines
    ids: Ids
    options: Options

    # calls of the API

    def get(self, job: Job, run_id: str) -> JobRun:
        run = self.state.runs.get(run_id)
        if run is None or run.job_id != job.id:
            raise not_found("job run")
        return run

    def of(self, job: Job) -> list[JobRun]:
        """The runs of a job, in order of creation."""
        return [run for run in self.state.runs.values() if run.job_id == job.id]

    def list(self, job: Job, query: Query) -> dict[str, object]:
        page, token = select(self.of(job), query, RUNS, f"runs {job.id}")
        return {"job_runs": [self.show(run) for run in page], "next_page_token": token}

    def show(self, run: JobRun) -> dict[str, object]:
        """The run on the wire; some workspaces show the project's variables in it."""
        if not self.options.run_shows_project_environment:
            return run.wire()
        project = self.state.projects[run.project_id]
        environment = {**project.environment, **run.environment}
        return {**run.wire(), "environment": json_text(environment)}

    def create(self, job: Job, user: User, raw: Mapping[str, object], now: datetime) -> JobRun:
        """Run the job once, with the caller's values, as soon as there is capacity."""
        values = fields.read(raw, CREATE)
        mode = self.options.second_run if self._is_busy(job) else ""
        refusal = ApiError(Code.FAILED_PRECONDITION, f"job run for job {job.id} already active")
        if mode == "refused":
            raise refusal
        if not mode:
            self.engines.check_quota(job)
        run = self._add(job, user, now)
        fields.assign(run, values)
        if mode:
            self._finish(run, RunStatus.SKIPPED, now)
        if mode == "both":
            raise refusal
        return run

    def stop(self, run: JobRun, now: datetime) -> JobRun:
        if run.status is RunStatus.SCHEDULING:
            self._finish(run, RunStatus.STOPPED, now)
        elif RunStatus.STOPPING in TRANSITIONS[run.status]:
            self._begin_stop(run, now)
        else:
            message = f"cannot stop a job run that is {run.status.short}"
            raise ApiError(Code.FAILED_PRECONDITION, message)
        return run

    def delete_runs(self, job: Job, now: datetime) -> None:
        """Delete runs immediately; the engines end their pods."""
        for run in self.of(job):
            if run.id in self.state.engines and run.status is not RunStatus.STOPPING:
                self.engines.stop(self.state.engines[run.id], now)
            del self.state.runs[run.id]

    # changes over time

    def tick(self, now: datetime) -> None:
        if not self.state.jobs:
            return
        for job in self.state.jobs.values():
            if job.next_at is not None and now >= job.next_at:
                self._run_if_due(job, now)
        for run in [run for run in self.state.runs.values() if not run.status.is_over]:
            if run.status is RunStatus.SCHEDULING:
                self._start_if_possible(run, now)
            else:
                self._observe(run, now)

    def _run_if_due(self, job: Job, now: datetime) -> None:
        due = job.next_at
        job.next_at = cron.parse(job.schedule).after(now, ZoneInfo(job.timezone))
        self.state.changes += 1
        if due is not None and (now - due).total_seconds() <= MAX_LATENESS_S:
            self._run_automatically(job, now)

    def _run_automatically(self, job: Job, now: datetime) -> None:
        """Run by schedule or after a parent; skipped while another run is active."""
        if job.paused:
            return
        busy = self._is_busy(job)
        run = self._add(job, job.creator, now)
        if busy:
            self._finish(run, RunStatus.SKIPPED, now)

    def _is_busy(self, job: Job) -> bool:
        return any(not run.status.is_over for run in self.of(job))

    def _add(self, job: Job, user: User, now: datetime) -> JobRun:
        run = JobRun(
            id=self.ids.engine(),
            project_id=job.project_id,
            job_id=job.id,
            creator=user,
            created_at=now,
            scheduling_at=now,
            due=now + timedelta(seconds=self.options.start_s),
            queued=self.state.next_number(),
            **{name: getattr(job, name) for name in OF_THE_JOB},
        )
        self.state.runs[run.id] = run
        self.state.changes += 1
        return run

    def _start_if_possible(self, run: JobRun, now: datetime) -> None:
        """Start waiting runs in order of creation; one without capacity blocks no other."""
        if self.options.api_jobs_skipped:
            if (now - run.scheduling_at).total_seconds() >= SKIP_S:
                self._finish(run, RunStatus.SKIPPED, now)
            return
        if now < run.due or not self.engines.fits(run):
            return
        job = self.state.jobs[run.job_id]
        run.move(RunStatus.STARTING, now)
        engine = self.engines.new_engine(run, run.id, job.name, now)
        engine.workload_type = "job"
        environment = {**job.environment, **run.environment}
        own = "" if self.options.run_arguments_ignored else run.arguments
        arguments = own or job.arguments
        if self.engines.launch(
            engine, job.script, run.runtime_identifier, environment, now, arguments
        ):
            self._observe(run, now)
        else:
            self._finish(run, RunStatus.FAILED, now)

    def _observe(self, run: JobRun, now: datetime) -> None:
        engine = self.state.engines[run.id]
        pod = self.engines.processes.look(run.id, now)
        if pod.answered and run.status is RunStatus.STARTING:
            run.move(RunStatus.RUNNING, now)
            engine.status = run.status.short
            self.state.changes += 1
        if pod.ending is not None:
            self.engines.end(engine, pod.ending, now)
            self._finish(run, self._outcome(run, pod.ending), now)
            engine.status = run.status.short
        elif run.status is RunStatus.RUNNING and self._is_overdue(run, now):
            run.timed_out = True
            self._begin_stop(run, now)

    def _outcome(self, run: JobRun, ending: PodExit) -> RunStatus:
        if run.status is RunStatus.STOPPING:
            return RunStatus.TIMEDOUT if run.timed_out else RunStatus.STOPPED
        if ending.oom_killed and self.options.oom_killed_run_succeeds:
            return RunStatus.SUCCEEDED
        return RunStatus.SUCCEEDED if ending.exit_code == 0 else RunStatus.FAILED

    def _is_overdue(self, run: JobRun, now: datetime) -> bool:
        job = self.state.jobs[run.job_id]
        if not (job.timeout and job.kill_on_timeout and run.running_at):
            return False
        longest = timedelta(seconds=job.timeout * self.options.job_timeout_unit_s)
        return now >= run.running_at + longest

    def _begin_stop(self, run: JobRun, now: datetime) -> None:
        run.move(RunStatus.STOPPING, now)
        self.engines.stop(self.state.engines[run.id], now)
        self.state.changes += 1

    def _finish(self, run: JobRun, status: RunStatus, now: datetime) -> None:
        """End a run, and start dependent jobs."""
        run.move(status, now)
        self.state.changes += 1
        if status is RunStatus.SUCCEEDED:
            for child in list(self.state.jobs.values()):
                if child.parent_id == run.job_id:
                    self._run_automatically(child, now)
        ended = [other.id for other in self.state.runs.values() if other.status.is_over]
        for run_id in ended[:-RUN_HISTORY]:
            del self.state.runs[run_id]
