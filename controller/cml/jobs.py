"""Calls about jobs and their runs.  As in `client`, they decide nothing.

CML has no idempotency key and job names are not unique, so after an Unknown create, look for the
job by its name, and for the run in its job's list.
"""

from collections.abc import Mapping
from contextlib import suppress

from controller.cml import job_bodies, paths, translate, wire
from controller.cml import operations as ops
from controller.cml.errors import NotFound
from controller.cml.operations import Request
from controller.cml.paging import Listing, read_list
from controller.cml.reading import Send, confirmed, read_one
from controller.cml.values import NOTHING
from controller.core.model.jobs import JobConfiguration, ObservedJob, ObservedRun


class Jobs:
    """Jobs of all visible projects; used as `Client.jobs`."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def list(self, project: str) -> Listing[ObservedJob]:
        """All jobs, oldest first; not `complete` if the pages are inconsistent."""
        request = Request(ops.LIST_JOBS, paths.jobs(project), project)
        listing = read_list(self._send, request, "jobs", wire.Job, sort="created_at")
        jobs = tuple(job_bodies.job(one, project) for one in listing.items)
        return Listing(jobs, listing.complete, listing.problem)

    def get(self, project: str, job_id: str) -> ObservedJob:
        request = Request(ops.GET_JOB, paths.job(project, job_id), project)
        return job_bodies.job(read_one(self._send, request, wire.Job), project)

    def create(self, project: str, configuration: JobConfiguration) -> ObservedJob:
        """Create a job, without running it.  Unknown: look for its name in the list."""
        request = Request(
            ops.CREATE_JOB,
            paths.jobs(project),
            project,
            json={"project_id": project, **wire.CreateJobBody.body(configuration)},
            variables=translate.hidden(configuration.environment),
        )
        return job_bodies.job(read_one(self._send, request, wire.Job), project)

    def update(self, project: str, job_id: str, fields: Mapping[str, object]) -> ObservedJob:
        """PATCH, then the result of a GET; `translate.unapplied` compares the two.

        Running runs are unaffected.  ValueError or TypeError for fields that cannot be changed.
        """
        request = Request(
            ops.UPDATE_JOB,
            paths.job(project, job_id),
            project,
            json=wire.PatchJob.body(fields),
            variables=translate.hidden(fields.get("environment")),
        )
        self._send(request)
        return confirmed(ops.UPDATE_JOB, lambda: self.get(project, job_id))

    def delete(self, project: str, job_id: str) -> None:
        """Delete a job with its runs; a missing job counts as deleted."""
        request = Request(ops.DELETE_JOB, paths.job(project, job_id), project)
        with suppress(NotFound):
            self._send(request)

    def list_runs(self, project: str, job_id: str) -> Listing[ObservedRun]:
        """All runs, oldest first; not `complete` if the pages are inconsistent."""
        request = Request(ops.LIST_RUNS, paths.runs(project, job_id), project)
        listing = read_list(self._send, request, "job_runs", wire.JobRun, sort="created_at")
        runs = tuple(job_bodies.run(one, project, job_id) for one in listing.items)
        return Listing(runs, listing.complete, listing.problem)

    def get_run(self, project: str, job_id: str, run_id: str) -> ObservedRun:
        request = Request(ops.GET_RUN, paths.run(project, job_id, run_id), project)
        return job_bodies.run(read_one(self._send, request, wire.JobRun), project, job_id)

    def create_run(
        self, project: str, job_id: str, environment: Mapping[str, str] = NOTHING
    ) -> ObservedRun:
        """Run the job now; the environment adds to the job's own.  Unknown: look at its runs.

        CML runs a job once at a time: during a run, another is Rejected or SKIPPED.
        """
        request = Request(
            ops.CREATE_RUN,
            paths.runs(project, job_id),
            project,
            json={"project_id": project, "job_id": job_id, "environment": dict(environment)},
            variables=translate.hidden(environment),
        )
        return job_bodies.run(read_one(self._send, request, wire.JobRun), project, job_id)

    def stop_run(self, project: str, job_id: str, run_id: str) -> None:
        """Start a stop.  Rejected for an ended run."""
        path = f"{paths.run(project, job_id, run_id)}:stop"
        self._send(Request(ops.STOP_RUN, path, project, json={}))
