"""What bootstrap decides where lists lag or are torn, and where CML is not as one would like it."""

from dataclasses import replace

import pytest

from controller.bootstrap.application import configuration
from controller.bootstrap.decide import decide
from controller.bootstrap.environment import job_configuration
from controller.bootstrap.facts import (
    LAG_S,
    SETTLE_S,
    Answer,
    Decision,
    End,
    Seen,
    SeenProject,
    Stage,
    Verb,
    Wanted,
)
from controller.bootstrap.removal import Removal, decide_removal
from controller.core.model.jobs import ObservedJob, ObservedRun, RunPhase
from controller.core.model.observed import ObservedApplication, Phase

PROJECT = SeenProject("abcd", "demo", shared_memory_mb=4096, made="git")
FILES = {"wheel": b"w", "build.py": b"b", "run.py": b"r"}
WANTED = Wanted(
    project="demo",
    git_url="https://git.example.com/x.git",
    git_ref="",
    path="specs",
    shared_memory_mb=4096,
    runtime="image",
    cpu=1.0,
    memory=2.0,
    owner="",
    environment="e" * 24,
    builder="build.py",
    keeper="run.py",
    files=FILES,
)


def job() -> ObservedJob:
    asked = job_configuration(WANTED, "abcd")
    return ObservedJob(
        id="job",
        project="abcd",
        name=asked.name,
        script=asked.script,
        runtime=asked.runtime,
        cpu=asked.cpu,
        memory=asked.memory,
        environment=asked.environment,
    )


def app(phase: Phase = Phase.RUNNING) -> ObservedApplication:
    asked = configuration(WANTED, "abcd")
    return ObservedApplication(
        id="app",
        project="abcd",
        name=asked.name,
        subdomain=asked.subdomain,
        phase=phase,
        script=asked.script,
        cpu=asked.cpu,
        memory=asked.memory,
        runtime=asked.runtime,
        environment=asked.environment,
    )


PREPARED = Seen(projects=(PROJECT,), specs=True, files={p: len(d) for p, d in FILES.items()})
WITH_JOB = replace(PREPARED, jobs=(job(),))
READY = replace(WITH_JOB, is_built=True, applications=(app(),), answer=Answer(ready=True))


def run(phase: RunPhase) -> ObservedRun:
    return ObservedRun("run", "abcd", "job", phase, environment={"RAYCML_ENVIRONMENT": "e" * 24})


def verbs(decision: Decision) -> list[Verb]:
    return [step.verb for step in decision.steps]


def test_a_workspace_that_is_as_asked_for_needs_nothing() -> None:
    assert decide(WANTED, READY).done


CREATES = [
    (Verb.CREATE_PROJECT, "", Seen()),
    (Verb.CREATE_JOB, "", PREPARED),
    (Verb.START_RUN, "job", WITH_JOB),
    (Verb.CREATE_APPLICATION, "", replace(READY, applications=(), answer=None)),
]


@pytest.mark.parametrize(("verb", "target", "seen"), CREATES)
def test_what_was_made_and_is_not_in_a_list_yet_is_waited_for_and_not_made_twice(
    verb: Verb, target: str, seen: Seen
) -> None:
    assert verbs(decide(WANTED, seen)) == [verb]
    told = replace(seen, tried={(verb, target): 1})
    assert decide(WANTED, told).wait
    assert verbs(decide(WANTED, replace(told, still_s=SETTLE_S))) == [verb]


@pytest.mark.parametrize("seen", [PREPARED, replace(READY, applications=(), answer=None)])
def test_nothing_is_made_on_the_word_of_a_torn_list(seen: Seen) -> None:
    assert decide(WANTED, replace(seen, complete=False)).wait
    removal = Removal("demo", "", everything=False)
    assert decide_removal(removal, replace(READY, complete=False)).wait


def test_several_projects_of_the_name_are_for_a_person_to_tell_apart() -> None:
    other = replace(PROJECT, id="efgh", owner="jdoe")
    for decision in (
        decide(WANTED, Seen(projects=(PROJECT, other))),
        decide_removal(Removal("demo", "", everything=False), Seen(projects=(PROJECT, other))),
    ):
        assert decision.stuck is not None
        assert decision.stuck.end is End.USAGE
        assert "efgh" in decision.stuck.message


def test_a_stage_that_nobody_knows_is_told_by_the_files() -> None:
    unknown = replace(PROJECT, stage=Stage.UNKNOWN)
    assert decide(WANTED, replace(READY, projects=(unknown,))).done
    empty = replace(READY, projects=(unknown,), specs=False)
    assert decide(WANTED, empty).wait
    late = decide(WANTED, replace(empty, still_s=LAG_S))
    assert late.stuck is not None
    assert late.stuck.end is End.SOURCE


def test_a_run_of_another_environment_is_waited_for_and_is_no_failure_of_ours() -> None:
    other = replace(run(RunPhase.RUNNING), environment={"RAYCML_ENVIRONMENT": "old"})
    assert decide(WANTED, replace(WITH_JOB, runs=(other,))).wait
    ended = replace(other, phase=RunPhase.FAILED)
    seen = replace(WITH_JOB, runs=(ended,), watched=frozenset({"run"}))
    assert verbs(decide(WANTED, seen)) == [Verb.START_RUN]


def test_a_run_that_was_skipped_is_no_failure() -> None:
    seen = replace(WITH_JOB, runs=(run(RunPhase.SKIPPED),), watched=frozenset({"run"}))
    assert verbs(decide(WANTED, seen)) == [Verb.START_RUN]


def test_a_failure_of_before_is_tried_again_and_one_that_we_saw_is_not() -> None:
    failed = replace(WITH_JOB, runs=(run(RunPhase.FAILED),))
    assert verbs(decide(WANTED, failed)) == [Verb.START_RUN]
    seen = decide(WANTED, replace(failed, watched=frozenset({"run"})))
    assert seen.stuck is not None
    assert seen.stuck.log.endswith(".log")


def test_half_a_file_is_written_anew() -> None:
    torn = replace(READY, files={**READY.files, "wheel": 0})
    assert [s.target for s in decide(WANTED, torn).steps] == ["wheel"]


def test_a_status_that_nobody_knows_is_never_acted_on() -> None:
    changed = replace(app(Phase.UNKNOWN), memory=1.0)
    assert decide(WANTED, replace(READY, applications=(changed,))).wait


def test_what_another_application_runs_is_not_swept() -> None:
    old = {".raycml/controller/run-old.py": 1, ".raycml/controller/run-used.py": 1}
    other = replace(app(), id="x", subdomain="x", name="x", script=".raycml/controller/run-used.py")
    seen = replace(READY, files={**READY.files, **old}, applications=(app(), other))
    assert [s.target for s in decide(WANTED, seen).steps] == [".raycml/controller/run-old.py"]


def test_old_files_stay_until_the_new_controller_is_ready() -> None:
    old = {**READY.files, ".raycml/controller/run-old.py": 1}
    waiting = replace(READY, files=old, answer=Answer(ready=False, why="no pass yet"))
    assert decide(WANTED, waiting).wait
