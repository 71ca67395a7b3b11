"""The environment in which the controller runs: a job of the project builds it, once."""

from controller.bootstrap.facts import (
    ENVIRONMENTS,
    JOB_NAME,
    LAG_S,
    SETTLE_S,
    TOLERANCE,
    TRIES,
    Decision,
    End,
    Seen,
    Verb,
    Wanted,
    act,
    our_jobs,
    owner_of,
    stuck,
)
from controller.core.model.jobs import JobConfiguration, ObservedJob, RunPhase
from controller.core.model.member import BUILT, CONTROLLER

_TIMEOUT = 86_400  # seconds, or minutes in some releases: the builder has a deadline of its own


def job_configuration(wanted: Wanted, owner: str) -> JobConfiguration:
    return JobConfiguration(
        name=JOB_NAME,
        script=wanted.builder,
        runtime=wanted.runtime,
        cpu=max(wanted.cpu, 1.0),
        memory=max(wanted.memory, 2.0),
        environment={CONTROLLER: owner},
        timeout=_TIMEOUT,
        kill_on_timeout=True,
    )


def environment(wanted: Wanted, seen: Seen) -> Decision | None:
    if seen.is_built:
        return None
    if not seen.complete:
        return Decision(wait="CML's lists do not fit together")
    owner = owner_of(wanted.owner, seen.project.id)
    job = next(iter(our_jobs(seen, owner)), None)
    return _new_job(seen) if job is None else _with_job(wanted, seen, job)


def _new_job(seen: Seen) -> Decision:
    if seen.times(Verb.CREATE_JOB) and seen.still_s < SETTLE_S:
        return Decision(wait="the new job is not in CML's list yet")
    return act(Verb.CREATE_JOB, "", f"create the job {JOB_NAME}")


def _with_job(wanted: Wanted, seen: Seen, job: ObservedJob) -> Decision:
    """One run of a job at a time: whatever it builds, it is waited for."""
    if any(not run.phase.is_over for run in seen.runs):
        log = f"{ENVIRONMENTS}/{wanted.environment}.log"
        return Decision(wait="the job builds the controller's environment", log=log)
    different = _job_differs(wanted, job)
    if different and seen.times(Verb.UPDATE_JOB, job.id) < TRIES:
        names = ", ".join(sorted(different))
        return act(Verb.UPDATE_JOB, job.id, f"update the job {JOB_NAME} ({names})", **different)
    return _after_runs(wanted, seen, job)


def _job_differs(asked: Wanted, job: ObservedJob) -> dict[str, object]:
    """What the environment is built by and in; the rest is a person's to change."""
    wanted = job_configuration(asked, "")
    fields: dict[str, object] = {}
    for name in ("script", "runtime"):
        if getattr(job, name) != getattr(wanted, name):
            fields[name] = getattr(wanted, name)
    for name in ("cpu", "memory"):
        if getattr(job, name) < getattr(wanted, name) - TOLERANCE:
            fields[name] = getattr(wanted, name)
    return fields


def _after_runs(wanted: Wanted, seen: Seen, job: ObservedJob) -> Decision:
    """No run goes on, and the environment is not there."""
    log = f"{ENVIRONMENTS}/{wanted.environment}.log"
    ended = [
        run
        for run in seen.runs
        if run.id in seen.watched and run.environment.get(BUILT) == wanted.environment
    ]
    last = ended[-1].phase if ended else None
    if last is RunPhase.SUCCEEDED and seen.still_s < LAG_S:
        return Decision(wait="the environment does not show yet")
    if last is not None and last is not RunPhase.SKIPPED:
        message = f"the controller's environment was not built: its job ended {last}"
        return stuck(End.FAILED, message, "correct what the log says; the same command again", log)
    starts = seen.times(Verb.START_RUN, job.id)
    if starts and seen.still_s < SETTLE_S:
        return Decision(wait="the new run is not in CML's list yet")
    if starts >= TRIES:
        message = "the controller's environment was not built, and no run of its job is seen"
        return stuck(End.FAILED, message, f"look at the job {JOB_NAME} in CML", log)
    return act(Verb.START_RUN, job.id, "run it: build the controller's environment")
