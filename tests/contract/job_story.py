"""The second story told to every CML: a job, its runs, one that follows it, a project of its own.

As in `story.py`: through the production client, every body judged, nothing left behind.
"""

from collections.abc import Callable
from contextlib import suppress

import pytest
from story import NOWHERE, World

from controller.cml.errors import CmlError, NotFound, Rejected
from controller.cml.translate import unapplied
from controller.cml.values import Creation
from controller.core.model.jobs import JobConfiguration, ObservedJob, ObservedRun, RunPhase
from controller.core.model.project import NewProject

DONE, BROKEN, SLEEPER = "done.py", "broken.py", "sleeper.py"
SCRIPTS = {
    DONE: b"print('done')\n",
    BROKEN: b"raise ValueError('as it was meant to')\n",
    SLEEPER: b"import time\ntime.sleep(3600)\n",
}


def tell_of_jobs(world: World) -> None:
    """AssertionError or CmlError where this CML is not as we take it to be."""
    try:
        for name, data in SCRIPTS.items():
            world.files.write_new(f"{world.folder}/{name}", data)
        first = _a_job(world)
        _its_runs(world, first)
        _its_changes(world, first)
        _one_that_follows(world, first)
        _one_that_never_ends(world)
        _refusals(world, first)
        _the_end(world, first)
        _a_project(world)
    finally:
        _clean_up(world)


def _wanted(world: World, name: str, script: str, **changes: object) -> JobConfiguration:
    values: dict[str, object] = {
        "name": f"{world.folder}-{name}",
        "script": f"{world.folder}/{script}",
        "runtime": world.runtime(),
        "cpu": 0.5,
        "memory": 1.0,
        "environment": {"PLAIN": "1", "PATHS": "/a/b", "TEXT": 'a "b" \\ \u00e9\n'},
    }
    return JobConfiguration(**(values | changes))  # type: ignore[arg-type]  # a table of fields


def _a_job(world: World) -> ObservedJob:
    wanted = _wanted(world, "first", DONE)
    made = world.client.jobs.create(world.project, wanted)
    assert made.environment.items() >= wanted.environment.items()
    assert (made.name, made.script, made.cpu, made.kind) == (
        *(wanted.name, wanted.script, 0.5),
        "manual",
    )
    assert world.client.jobs.get(world.project, made.id) == made
    assert made in world.client.jobs.list(world.project).items
    assert world.client.jobs.list_runs(world.project, made.id).items == ()
    return made


def _its_runs(world: World, job: ObservedJob) -> None:
    jobs, project = world.client.jobs, world.project
    run = jobs.create_run(project, job.id, {"OF_THE_RUN": "/x"})
    assert not run.phase.is_over
    ended = _end_of(world, run)
    assert ended.phase is RunPhase.SUCCEEDED
    assert ended.finished_at is not None
    assert ended.environment["OF_THE_RUN"] == "/x"
    with pytest.raises(Rejected):
        jobs.stop_run(project, job.id, run.id)
    second = jobs.create_run(project, job.id)
    _end_of(world, second)
    listed = jobs.list_runs(project, job.id)
    assert listed.complete
    assert [one.id for one in listed.items] == [run.id, second.id]


def _end_of(world: World, run: ObservedRun) -> ObservedRun:
    def now() -> ObservedRun:
        return world.client.jobs.get_run(world.project, run.job, run.id)

    world.wait_for(f"the end of run {run.id}", lambda: now().phase.is_over)
    return now()


def _its_changes(world: World, job: ObservedJob) -> None:
    """PATCH: some fields, and the environment as a whole; the next run goes by them."""
    kept = dict(job.environment)
    del kept["PLAIN"]
    fields: dict[str, object] = {
        "script": f"{world.folder}/{BROKEN}",
        "timeout": 3600,
        "environment": {**kept, "NEW": "/x"},
    }
    answered = world.client.jobs.update(world.project, job.id, fields)
    assert unapplied(fields, answered, before=job.environment) == ()
    assert (answered.memory, answered.name) == (job.memory, job.name)
    run = world.client.jobs.create_run(world.project, job.id)
    assert _end_of(world, run).phase is RunPhase.FAILED
    back = {"script": job.script}
    assert unapplied(back, world.client.jobs.update(world.project, job.id, back)) == ()


def _one_that_follows(world: World, parent: ObservedJob) -> None:
    jobs, project = world.client.jobs, world.project
    child = jobs.create(project, _wanted(world, "second", DONE, parent=parent.id))
    assert (child.parent, child.kind) == (parent.id, "dependent")
    run = jobs.create_run(project, parent.id)
    assert _end_of(world, run).phase is RunPhase.SUCCEEDED
    world.wait_for("the run that follows", lambda: bool(jobs.list_runs(project, child.id).items))
    (follower,) = jobs.list_runs(project, child.id).items
    assert _end_of(world, follower).phase is RunPhase.SUCCEEDED


def _one_that_never_ends(world: World) -> None:
    jobs, project = world.client.jobs, world.project
    job = jobs.create(project, _wanted(world, "endless", SLEEPER))
    run = jobs.create_run(project, job.id)

    def works() -> bool:
        return jobs.get_run(project, job.id, run.id).phase is RunPhase.RUNNING

    world.wait_for("the sleeper works", works)
    jobs.stop_run(project, job.id, run.id)
    assert _end_of(world, run).phase is RunPhase.STOPPED


def _refusals(world: World, job: ObservedJob) -> None:
    jobs, project = world.client.jobs, world.project
    for strange in (
        _wanted(world, "third", "absent.py"),
        _wanted(world, "third", DONE, runtime="no-such-image:0"),
    ):
        with pytest.raises(Rejected):
            jobs.create(project, strange)
    absent: list[Callable[[], object]] = [
        lambda: jobs.get(project, NOWHERE),
        lambda: jobs.get_run(project, job.id, "z" * 16),
        lambda: jobs.create_run(project, NOWHERE),
        lambda: jobs.stop_run(project, job.id, "z" * 16),
    ]
    for call in absent:
        with pytest.raises(NotFound):
            call()


def _the_end(world: World, job: ObservedJob) -> None:
    jobs, project = world.client.jobs, world.project
    for _ in range(2):
        jobs.delete(project, job.id)
    assert job.id not in {one.id for one in jobs.list(project).items}
    with pytest.raises(NotFound):
        jobs.list_runs(project, job.id)


def _a_project(world: World) -> None:
    projects = world.client.projects
    wanted = NewProject(f"{world.folder}-own", environment={"A": "/x"}, shared_memory_limit_mb=128)
    made = projects.create(wanted)
    try:
        world.wait_for(
            "the project is made", lambda: projects.get(made.id).creation is not Creation.CREATING
        )
        seen = projects.get(made.id)
        assert seen.creation in (Creation.READY, Creation.UNKNOWN)  # some workspaces say nothing
        assert seen.shared_memory_limit_mb == 128
        assert seen.environment["A"] == "/x"
        assert [one.id for one in projects.named(wanted.name)] == [made.id]
        changed = projects.update(made.id, shared_memory_limit_mb=4096)
        assert (changed.shared_memory_limit_mb, changed.environment["A"]) == (4096, "/x")
    finally:
        projects.delete(made.id)
    world.wait_for("the project goes", lambda: projects.named(wanted.name) == ())
    projects.delete(made.id)


def _clean_up(world: World) -> None:
    """Only what carries this run's name."""
    client, project = world.client, world.project
    for job in client.jobs.list(project).items:
        if job.name.startswith(f"{world.folder}-"):
            with suppress(CmlError):
                client.jobs.delete(project, job.id)
    client.delete_file(project, world.folder)
