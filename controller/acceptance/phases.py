"""The phases of an acceptance test: each acts on the cluster and checks the effect.

A worker is killed as nodes die: a Ray task, sent through the head, ends the node program above it
with SIGKILL.  That tests the whole way (job, task, launcher, CML's FAILED, the restart), where a
stop through the API looks like a user's, and the node program itself would repair the death of a
raylet.  If no job can do it, the application is stopped.
"""

import json
from collections.abc import Mapping

from controller.acceptance.context import AcceptanceContext, PhaseError, PhaseSummary
from controller.acceptance.jobs import JobError
from controller.acceptance.nodes import (
    NodeIdentity,
    Nodes,
    changes,
    described,
    repair_fault,
    task_faults,
)
from controller.acceptance.programs import KILL, MARKER, TASKS
from controller.acceptance.spec import GROUP, choose_runtime, of_acceptance_tests, runtime_fault
from controller.core.model.desired import LAUNCHERS
from controller.core.model.member import Member
from controller.core.model.observed import Phase, key_of
from controller.core.model.plan import Plan
from controller.core.spec.text import counted
from controller.core.status.goal import Goal, Verdict

VICTIM = str(Member(GROUP, 0))
TASKS_S = 180.0
KILL_S = 120.0
DEATH_S = 60.0  # until CML notices that a pod died


# Create


def preflight(context: AcceptanceContext) -> PhaseSummary:
    """Check everything that can be known before something is created."""
    session = context.session
    observed = context.look()
    files = session.world.files([session.project])
    context.runtime = _runtime(context)
    clusters = [key_of(app).cluster for app in observed.owned(session.owner)]
    launchers = files.launchers.get(session.project, ())
    clusters += [f.path.removeprefix(f"{LAUNCHERS}/").partition("/")[0] for f in launchers]
    applications = observed.projects[session.project].applications
    return PhaseSummary(
        f"{counted(len(applications), 'application')} in the project; runtime {context.runtime}",
        tuple(
            f"left by an earlier run: {name}; try: {context.deletion(name)}"
            for name in of_acceptance_tests(clusters)
        ),
    )


def _runtime(context: AcceptanceContext) -> str:
    offered = context.session.client.list_runtimes()
    chosen = context.shape.runtime
    if chosen is None:
        newest = choose_runtime(offered, gpu=context.shape.gpu > 0)
        if newest is None:
            raise PhaseError("the workspace offers no suitable runtime; choose one with --runtime")
        return newest.identifier
    if fault := runtime_fault(chosen, offered):
        raise PhaseError(f"{fault}; choose another one with --runtime")
    return chosen


def create(context: AcceptanceContext) -> PhaseSummary:
    context.created, context.listed = True, False
    context.reach(context.drive(), Goal.APPLIED)
    context.listed = True
    nodes = context.nodes()
    if len(nodes) != context.shape.workers + 1:
        raise PhaseError(f"{len(nodes)} of {context.shape.workers + 1} applications exist")
    details = tuple(f"{name}: application {node.application}" for name, node in nodes.items())
    if way := context.session.files(context.session.project).way:
        details = (f"files: {way}", *details)
    return PhaseSummary(counted(len(nodes), "application"), details)


def join(context: AcceptanceContext) -> PhaseSummary:
    """Ray lists all, and then nothing changes for a while."""
    clock, drive = context.session.clock, context.drive()
    started = clock.monotonic()
    end = context.reach(drive, Goal.READY)
    joined_s = clock.monotonic() - started
    report = end.last.observed.reports.get(context.name)
    if report is not None:
        context.versions.update(ray=report.ray_version, python=report.python_version)
    _watch(context)
    return PhaseSummary(
        f"joined after {joined_s:.0f} s, stable for {context.options.stable_s:.0f} s",
        described(context.nodes()),
    )


def _watch(context: AcceptanceContext) -> None:
    clock, drive = context.session.clock, context.drive()
    before = context.nodes()
    until = clock.monotonic() + context.options.stable_s
    while (left_s := until - clock.monotonic()) > 0:
        if not context.left_s:
            raise PhaseError("timed out while the cluster was watched; it was ready so far")
        clock.wait(min(context.session.settings.pass_pause_s, left_s), context.interrupts.stop)
        end = drive.once(Goal.READY, context.left_s)
        context.last = end.last
        if end.verdict is not Verdict.REACHED:
            message = f"the cluster did not stay ready: {_first_problem(end.last.plan)}"
            raise PhaseError(message, context.diagnosis(end))
    if faults := changes(before, context.nodes()):
        raise PhaseError(f"the cluster did not stay ready: {'; '.join(faults)}")


def _first_problem(plan: Plan) -> str:
    problems = [(s.member, s.reason.title, s.message) for s in plan.steps]
    problems += [(w.member, w.reason.title, w.message) for w in plan.waits]
    return next((f"{member or 'all'}: {title}: {text}" for member, title, text in problems), "")


# Use and repair


def task(context: AcceptanceContext) -> PhaseSummary:
    """A Ray task on each node, through the head, runs in the pod of that node."""
    answer = _run_job(context, "tasks", TASKS, timeout_s=TASKS_S)
    engines = {name: engine for name, engine in answer.items() if isinstance(engine, str)}
    if faults := task_faults(engines, context.nodes()):
        raise PhaseError("; ".join(faults))
    details = tuple(f"{name}: ran in engine {engine}" for name, engine in sorted(engines.items()))
    return PhaseSummary(f"a task ran on each of {counted(len(engines), 'node')}", details)


def kill(context: AcceptanceContext) -> PhaseSummary:
    """One worker dies, and CML reports it."""
    victim = context.nodes()[VICTIM]
    try:
        _run_job(context, "kill", KILL, victim.node, timeout_s=KILL_S)
    except (JobError, PhaseError) as error:
        how = f"stopped through the API, because no job could kill it: {error}"
    else:
        if (phase := _phase_after_death(context, victim)) is not None:
            return PhaseSummary(f"{VICTIM} was killed by a task on it; CML reports {phase}")
        how = "stopped through the API, because its application survived the kill"
    context.session.world.stop(context.session.project, victim.application)
    phase = _phase_after_death(context, victim)
    if phase is None:
        raise PhaseError(f"{VICTIM} is still running; {how}")
    return PhaseSummary(f"{VICTIM}: CML reports {phase}; {how}")


def _phase_after_death(context: AcceptanceContext, victim: NodeIdentity) -> Phase | None:
    """The application's phase once it does not run; None if it keeps running."""
    session = context.session
    deadline = session.clock.monotonic() + min(DEATH_S, context.left_s)
    while True:
        app = session.world.fetch(session.project, victim.application)
        if app.phase is not Phase.RUNNING:
            return app.phase
        if session.clock.monotonic() >= deadline:
            return None
        session.clock.wait(session.settings.pass_pause_s, context.interrupts.stop)
        context.interrupts.check()


def repair(context: AcceptanceContext) -> PhaseSummary:
    """The same application, if CML restarts it, and another process; and nothing else changed."""
    before = context.nodes()
    last = context.reach(context.drive(), Goal.READY).last
    replaced = Phase.STOPPED in last.history.no_restart
    after = context.nodes()
    fault = repair_fault(VICTIM, before[VICTIM], after.get(VICTIM), replaced=replaced)
    if faults := [*filter(None, [fault]), *changes(before, after, but=[VICTIM])]:
        raise PhaseError("; ".join(faults), described(after))
    old, new = before[VICTIM], after[VICTIM]
    where = (
        "a new application, as CML restarts only what runs," if replaced else "the same application"
    )
    return PhaseSummary(
        f"{VICTIM} recovered in {where} {new.application}",
        (f"engine {old.engine} -> {new.engine}", f"Ray node {old.node} -> {new.node}"),
    )


# Scale


def scale_up(context: AcceptanceContext) -> PhaseSummary:
    before, after = _scale(context, more=1)
    return _only_change("joined", sorted(set(after) - set(before)), after)


def scale_down(context: AcceptanceContext) -> PhaseSummary:
    before, after = _scale(context, more=0)
    return _only_change("left", sorted(set(before) - set(after)), after)


def _only_change(verb: str, members: list[str], after: Nodes) -> PhaseSummary:
    if len(members) != 1:
        message = f"{counted(len(members), 'member')} {verb} instead of one"
        raise PhaseError(message, described(after))
    return PhaseSummary(f"{members[0]} {verb}; nothing else changed", described(after))


def _scale(context: AcceptanceContext, more: int) -> tuple[Nodes, Nodes]:
    before = context.nodes()
    context.listed = False
    context.reach(context.drive(more), Goal.READY)
    context.listed = True
    after = context.nodes()
    if faults := changes(before, after, but=set(before) - set(after)):
        raise PhaseError("; ".join(faults), described(after))
    return before, after


# Jobs


def _run_job(
    context: AcceptanceContext, suffix: str, program: str, *arguments: str, timeout_s: float
) -> Mapping[str, object]:
    """The program's answer.  JobError, or PhaseError if it ran without an answer."""
    job, command = f"{context.name}-{suffix}", ["python", "-c", program, *arguments]
    seconds, stop = min(timeout_s, context.left_s), context.interrupts.stop
    succeeded, output = context.jobs.run(job, command, seconds, stop)
    answers = [line for line in output.splitlines() if line.startswith(MARKER)]
    if not succeeded or not answers:
        end = "ended without an answer" if succeeded else "failed"
        raise PhaseError(f"the job {end}", [f"| {x[:400]}" for x in output.splitlines()[-20:]])
    try:
        answer = json.loads(answers[-1].removeprefix(MARKER))
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise PhaseError("the answer of the job is unreadable")
    return answer
