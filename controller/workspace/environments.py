"""Python environments of a project: files, jobs and latest runs.

Calls are kept to a minimum: a small file shows that an environment is complete, and jobs are read
only while a required environment is missing or an existing one is unused.  If jobs cannot be read,
complete environments are usable, and the others are unknown.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from controller.cml.errors import CmlError, NotFound, Rejected, Unauthorized
from controller.cml.jobs import Jobs
from controller.core.model.faults import Fault, FaultKind
from controller.core.model.jobs import (
    ObservedEnvironment,
    ObservedJob,
    ObservedRun,
    is_our_job,
    run_that_counts,
)
from controller.core.spec.python_environment import (
    ENVIRONMENTS,
    JOB_PREFIX,
    READY_FILE,
    environment_folder,
    hash_of,
    log_path,
)
from controller.files.document import json_fields
from controller.files.port import FilesError, ProjectFiles

SCHEMA = "raycml.environment/v1"
OUTPUT_LINES = 6
_LOG_LIMIT = 1024 * 1024
_TIME = 21  # characters of the time and the space before each line of a log
_Hashes = AbstractSet[str]
_REFUSALS = (Unauthorized, NotFound, Rejected)


class LookAtEnvironments:
    """A read of one project, for one owner."""

    def __init__(self, files: ProjectFiles, jobs: Jobs, project: str, owner: str) -> None:
        self._files = files
        self._jobs = jobs
        self._project = project
        self._owner = owner

    def take(
        self, hashes: _Hashes, ended: _Hashes = frozenset()
    ) -> Mapping[str, ObservedEnvironment]:
        """Environments by hash: all required ones, and all with leftovers.

        `ended`: see `FilesQuery`.
        """
        stored = {**dict.fromkeys(hashes, ()), **self._stored()}
        environments = {
            digest: ObservedEnvironment(
                digest in hashes and self._is_ready(digest, files),
                files,
                output=self._output(digest, files) if digest in ended else (),
            )
            for digest, files in sorted(stored.items())
        }
        if all(one.ready for one in environments.values()):
            return environments
        try:
            jobs = self._listed()
        except (CmlError, Fault) as error:
            return {digest: _unknown(error, one) for digest, one in environments.items()}
        return {
            digest: self._with_job(
                digest, environments.get(digest, ObservedEnvironment()), jobs.get(digest, ())
            )
            for digest in sorted({*environments, *jobs})
        }

    def _stored(self) -> dict[str, tuple[str, ...]]:
        paths: dict[str, tuple[str, ...]] = {}
        for stored in self._files.listing(ENVIRONMENTS):
            if digest := hash_of(stored.path):
                paths[digest] = (*paths.get(digest, ()), stored.path)
        return paths

    def _is_ready(self, digest: str, files: tuple[str, ...]) -> bool:
        folder = environment_folder(digest)
        data = self._files.read(f"{folder}/{READY_FILE}") if folder in files else None
        body = json_fields(data, _LOG_LIMIT)
        if isinstance(body, str):
            return False
        return (body.get("schema"), body.get("hash")) == (SCHEMA, digest)

    def _listed(self) -> dict[str, tuple[ObservedJob, ...]]:
        listing = self._jobs.list(self._project)
        if not listing.complete:
            raise Fault(
                "the list of jobs was incomplete; no action was taken", kind=FaultKind.MALFORMED
            )
        jobs: dict[str, tuple[ObservedJob, ...]] = {}
        for job in listing.items:
            digest = job.name.removeprefix(JOB_PREFIX)
            if job.name != digest and hash_of(environment_folder(digest)) == digest:
                jobs[digest] = (*jobs.get(digest, ()), job)
        return jobs

    def _with_job(
        self, digest: str, environment: ObservedEnvironment, jobs: tuple[ObservedJob, ...]
    ) -> ObservedEnvironment:
        own = [job for job in jobs if is_our_job(job, self._owner)]
        environment = replace(environment, job=own[0] if own else None)
        try:
            run, skipped = self._last_runs(own[0]) if own else (None, None)
        except (CmlError, Fault) as error:
            return _unknown(error, environment)
        failed = run is not None and run.phase.is_over and not environment.ready
        return replace(
            environment,
            run=run,
            foreign=len(own) < len(jobs),
            skipped=skipped,
            output=self._output(digest, environment.files) if failed else environment.output,
        )

    def _output(self, digest: str, files: tuple[str, ...]) -> tuple[str, ...]:
        log = log_path(digest)
        return last_lines(self._files, log) if log in files else ()

    def _last_runs(self, job: ObservedJob) -> tuple[ObservedRun | None, ObservedRun | None]:
        """The latest run, and a later one that CML skipped."""
        listing = self._jobs.list_runs(self._project, job.id)
        if not listing.complete:
            raise Fault(
                "the list of runs was incomplete; no action was taken", kind=FaultKind.MALFORMED
            )
        return run_that_counts(listing.items)


def last_lines(files: ProjectFiles, path: str) -> tuple[str, ...]:
    """Of a log, without times, so that the same failure is the same message."""
    try:
        data = files.read(path) or b""
    except FilesError:
        return ()
    lines = data.decode(errors="replace").splitlines()[-OUTPUT_LINES:]
    return tuple(_printable(line[_TIME:]) for line in lines if line[_TIME:].strip())


def unknown_environments(error: Exception, hashes: _Hashes) -> Mapping[str, ObservedEnvironment]:
    """Environments of a project whose files cannot be read."""
    return {digest: _unknown(error, ObservedEnvironment()) for digest in sorted(hashes)}


def _unknown(error: Exception, environment: ObservedEnvironment) -> ObservedEnvironment:
    """An environment as it was read before a failure, and the failure."""
    return replace(environment, unknown=str(error), is_refused=isinstance(error, _REFUSALS))


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in line.strip())[:300]
