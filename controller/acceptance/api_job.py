"""The phase that tells if the workspace runs jobs that the API creates.

Some skip them.  Then an application builds Python environments, so that is no failure.
"""

from contextlib import suppress

from controller.acceptance.context import AcceptanceContext, PhaseError, PhaseSummary
from controller.cml.errors import CmlError, NotFound, Rejected, Unauthorized
from controller.core.model.jobs import JobConfiguration, ObservedRun, RunPhase
from controller.core.model.member import OWNER
from controller.files.port import FilesError

JOB_S = 300.0
_SCRIPT = b'print("a job of the API runs")\n'
_REMEDY = "use `pythonEnvironment.builder: application`"


def api_job(context: AcceptanceContext) -> PhaseSummary:
    """Create a job, run it, and delete it."""
    session, path = context.session, f".raycml/clusters/{context.name}/job.py"
    started = session.clock.monotonic()
    try:
        session.files(session.project).write_new(path, _SCRIPT)
        run = _run(context, path)
    except (Rejected, Unauthorized, NotFound) as error:
        raise PhaseError(f"a job cannot be run by the API: {error}", [_REMEDY]) from None
    finally:
        delete_jobs(context)
    took = f"{session.clock.monotonic() - started:.0f} s"
    match run.phase:
        case RunPhase.SUCCEEDED:
            return PhaseSummary(f"a job of the API ran and ended after {took}")
        case RunPhase.SKIPPED:
            skipped = "CML skipped the run of a job of the API before a container started"
            return PhaseSummary(f"{skipped}; applications build Python environments here")
        case phase if phase.is_over:
            raise PhaseError(f"the run of a job of the API ended as {phase} after {took}")
        case phase:
            raise PhaseError(
                f"the run of a job of the API is still {phase} after {took}; check the user's "
                "quota and the free capacity"
            )


def _run(context: AcceptanceContext, script: str) -> ObservedRun:
    """The run, at its end or when the time is up."""
    session, project = context.session, context.session.project
    jobs, clock = session.client.jobs, session.clock
    mark = {OWNER: session.owner}
    runtime = context.runtime
    job = jobs.create(project, JobConfiguration(context.name, script, runtime, environment=mark))
    run = jobs.create_run(project, job.id)
    deadline = clock.monotonic() + min(JOB_S, context.left_s)
    while not run.phase.is_over and clock.monotonic() < deadline:
        clock.wait(session.settings.pass_pause_s, context.interrupts.stop)
        context.interrupts.check()
        run = jobs.get_run(project, job.id, run.id)
    return run


def delete_jobs(context: AcceptanceContext) -> None:
    """Delete the jobs of this run, with their runs.  A failure shows at the end of the cleanup."""
    jobs, project = context.session.client.jobs, context.session.project
    with suppress(CmlError, FilesError):
        for job in own_jobs(context):
            jobs.delete(project, job)


def own_jobs(context: AcceptanceContext) -> list[str]:
    """IDs of the jobs with the name of this run."""
    listing = context.session.client.jobs.list(context.session.project)
    return [job.id for job in listing.items if job.name == context.name]
