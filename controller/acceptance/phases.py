"""What each phase of an acceptance test does and demands.

A worker is killed as nodes die: a Ray task, sent through the head, ends the node program above it
with SIGKILL.  That goes the whole way (job, task, launcher, CML's FAILED, our `:restart`), where a
stop through the API only looks like a person's, and the death of a raylet alone would be repaired
by the node program before anybody saw it.  Where no job can do it, the application is stopped.
"""

import json
from collections.abc import Mapping

from controller.acceptance.context import Passed, PhaseError, Trial, why_not
from controller.acceptance.jobs import JobError
from controller.acceptance.programs import KILL, MARKER, TASKS
from controller.acceptance.report import (
    Node,
    Nodes,
    changed,
    repair_fault,
    runs,
    task_faults,
)
from controller.acceptance.spec import GROUP, choose_runtime, runtime_fault
from controller.core.model.desired import LAUNCHERS
from controller.core.model.member import Member
from controller.core.model.observed import LauncherFile, ObservedApplication, Phase, key_of
from controller.core.spec.text import counted
from controller.core.status.goal import Goal, Verdict

VICTIM = str(Member(GROUP, 0))
TASKS_S = 180.0
KILL_S = 120.0
DEATH_S = 60.0  # until CML notices that a pod died


def preflight(trial: Trial) -> Passed:
    """Everything that can be known before something is created."""
    session = trial.session
    seen = session.world.look([session.project], {})
    listed = seen.projects[session.project]
    if not listed.complete:
        raise PhaseError("the list of applications was torn: its pages did not fit together")
    files = session.world.files([session.project])
    trial.runtime = _runtime(trial)
    ours = [key_of(app).cluster for app in seen.owned(session.owner)]
    launchers = files.launchers.get(session.project, ())
    left = runs([*ours, *(_cluster(file) for file in launchers)])
    return Passed(
        f"{counted(len(listed.applications), 'application')} in the project; "
        f"runtime {trial.runtime}",
        tuple(f"left by an earlier run: {name}; try: {trial.removal(name)}" for name in left),
    )


def _cluster(file: LauncherFile) -> str:
    return file.path.removeprefix(f"{LAUNCHERS}/").partition("/")[0]


def _runtime(trial: Trial) -> str:
    offered = trial.session.client.list_runtimes()
    wanted = trial.shape.runtime
    if wanted is None:
        chosen = choose_runtime(offered, gpu=trial.shape.gpu > 0)
        if chosen is None:
            raise PhaseError("the workspace offers no runtime with Python; name one with --runtime")
        return chosen.identifier
    if fault := runtime_fault(wanted, offered):
        raise PhaseError(f"{fault}; name another one with --runtime")
    return wanted


def create(trial: Trial) -> Passed:
    trial.begun, trial.certain = True, False
    trial.reach(trial.drive(trial.shape.workers), Goal.APPLIED)
    trial.certain = True
    made = trial.nodes()
    if len(made) != trial.shape.workers + 1:
        raise PhaseError(f"{len(made)} of {trial.shape.workers + 1} applications exist")
    details = tuple(f"{name}: application {node.application}" for name, node in made.items())
    return Passed(counted(len(made), "application"), details)


def join(trial: Trial) -> Passed:
    """CML runs all, Ray has all, and then nothing changes for a while."""
    clock, drive = trial.session.clock, trial.drive(trial.shape.workers)
    started = clock.monotonic()
    trial.reach(drive, Goal.RUNNING)
    running_s = clock.monotonic() - started
    end = trial.reach(drive, Goal.READY)
    joined_s = clock.monotonic() - started
    report = end.last.observed.reports.get(trial.name)
    if report is not None:
        trial.versions.update(ray=report.ray_version, python=report.python_version)
    _watch(trial)
    return Passed(
        f"all run after {running_s:.0f} s, all in Ray after {joined_s:.0f} s, "
        f"and then unchanged for {trial.wait_s:.0f} s",
        _described(trial.nodes()),
    )


def _watch(trial: Trial) -> None:
    clock, drive = trial.session.clock, trial.drive(trial.shape.workers)
    before = trial.nodes()
    until = clock.monotonic() + trial.wait_s
    while (left_s := until - clock.monotonic()) > 0:
        if not trial.left_s:
            raise PhaseError("the time is up while it was watched; it was ready so far")
        clock.wait(min(trial.session.settings.pass_pause_s, left_s), trial.interrupts.stop)
        end = drive.once(Goal.READY, trial.left_s)
        trial.last = end.last
        if end.verdict is not Verdict.REACHED:
            raise trial.unwell(end, f"it was ready and did not stay so: {why_not(end.last.plan)}")
    if faults := changed(before, trial.nodes()):
        raise PhaseError(f"it was ready and did not stay so: {'; '.join(faults)}")


def task(trial: Trial) -> Passed:
    """A Ray task on each node, through the head, ran in the pod that the node is of."""
    nodes = trial.nodes()
    ran = _texts(_ask(trial, "tasks", TASKS, timeout_s=TASKS_S))
    if faults := task_faults(ran, nodes):
        raise PhaseError("; ".join(faults))
    details = tuple(f"{name}: ran in engine {engine}" for name, engine in sorted(ran.items()))
    return Passed(f"a task ran on each of {counted(len(ran), 'node')}", details)


def kill(trial: Trial) -> Passed:
    """One worker dies, and CML says so."""
    victim = trial.nodes()[VICTIM]
    try:
        _ask(trial, "kill", KILL, victim.node, timeout_s=KILL_S)
    except (JobError, PhaseError) as error:
        how = f"stopped through the API, since no job could kill it: {error}"
    else:
        if (state := _death(trial, victim)) is not None:
            return Passed(f"{VICTIM} was killed by a task on it, and CML says {state}")
        how = "stopped through the API, since its application outlived the kill"
    trial.session.world.stop(trial.session.project, victim.application)
    state = _death(trial, victim)
    if state is None:
        raise PhaseError(f"{VICTIM} lives on; {how}")
    return Passed(f"{VICTIM}: CML says {state}; {how}")


def _death(trial: Trial, victim: Node) -> Phase | None:
    """What CML says of the application once it does not run; None where it goes on running."""
    clock = trial.session.clock
    deadline = clock.monotonic() + min(DEATH_S, trial.left_s)
    while True:
        app = _application(trial, victim.application)
        if app.phase is not Phase.RUNNING:
            return app.phase
        if clock.monotonic() >= deadline:
            return None
        clock.wait(trial.session.settings.pass_pause_s, trial.interrupts.stop)
        trial.interrupts.check()


def _application(trial: Trial, application_id: str) -> ObservedApplication:
    return trial.session.world.fetch(trial.session.project, application_id)


def repair(trial: Trial) -> Passed:
    """The same application, another process; and nothing else was touched."""
    before = trial.nodes()
    trial.reach(trial.drive(trial.shape.workers), Goal.READY)
    after = trial.nodes()
    fault = repair_fault(VICTIM, before[VICTIM], after.get(VICTIM))
    if faults := [*([fault] if fault else []), *changed(before, after, but=[VICTIM])]:
        raise PhaseError("; ".join(faults), _described(after))
    old, new = before[VICTIM], after[VICTIM]
    return Passed(
        f"{VICTIM} is back in the same application {new.application}",
        (f"engine {old.engine} -> {new.engine}", f"Ray node {old.node} -> {new.node}"),
    )


def scale_up(trial: Trial) -> Passed:
    before, after = _scale(trial, trial.shape.workers + 1)
    new = sorted(set(after) - set(before))
    if len(new) != 1:
        raise PhaseError(f"{counted(len(new), 'member')} came, not one", _described(after))
    return Passed(f"{new[0]} came, and no other member changed", _described(after))


def scale_down(trial: Trial) -> Passed:
    before, after = _scale(trial, trial.shape.workers)
    gone = sorted(set(before) - set(after))
    if len(gone) != 1:
        raise PhaseError(f"{counted(len(gone), 'member')} left, not one", _described(after))
    return Passed(f"{gone[0]} left, and no other member changed", _described(after))


def _scale(trial: Trial, workers: int) -> tuple[Nodes, Nodes]:
    before = trial.nodes()
    trial.certain = False
    trial.reach(trial.drive(workers), Goal.READY)
    trial.certain = True
    after = trial.nodes()
    stayed = [name for name in before if name in after]
    if faults := changed({name: before[name] for name in stayed}, after):
        raise PhaseError("; ".join(faults), _described(after))
    return before, after


# Jobs


def _ask(
    trial: Trial, what: str, program: str, *arguments: str, timeout_s: float
) -> Mapping[str, object]:
    """What the program answered.  JobError, or PhaseError where it ran and did not answer."""
    page = trial.page(trial.name)
    command = ["python", "-c", program, *arguments]
    seconds = min(timeout_s, trial.left_s)
    well, printed = page.run(f"{trial.name}-{what}", command, seconds, trial.interrupts.stop)
    found = [line for line in printed.splitlines() if line.startswith(MARKER)]
    if not well or not found:
        ended = "ended without an answer" if well else "failed"
        raise PhaseError(f"the job {ended}", [f"| {x[:400]}" for x in printed.splitlines()[-20:]])
    return _object(found[-1].removeprefix(MARKER))


def _object(text: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise PhaseError("the job's answer cannot be read")
    return found


def _texts(found: Mapping[str, object]) -> Mapping[str, str]:
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _described(nodes: Nodes) -> tuple[str, ...]:
    return tuple(
        f"{name}: application {node.application}, engine {node.engine or '-'}, "
        f"Ray node {node.node or '-'}"
        for name, node in nodes.items()
    )
