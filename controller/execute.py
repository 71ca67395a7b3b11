"""Execution of a plan: steps in, outcomes out.  Decides nothing.

Steps of a member run in order, and a failed step skips the later ones; members run in parallel, in
a bounded pool, clusters in turn.  Launchers are written before their applications are changed, and
removed at the end.  Before an application is stopped, restarted, changed or deleted, it is
fetched again and its mark is checked.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest

from controller.core.model.faults import Fault, FaultKind, Result
from controller.core.model.jobs import built_by_application, environment_built_by, is_our_job
from controller.core.model.json_object import json_of
from controller.core.model.observed import ObservedApplication, Phase, fills
from controller.core.model.plan import (
    ApplicationAction,
    BuilderAction,
    Create,
    CreateBuilder,
    CreateJob,
    Delete,
    DeleteBuilder,
    DeleteJob,
    FileAction,
    FileRemoval,
    FileWrite,
    JobAction,
    OfEnvironment,
    Outcome,
    Plan,
    RemoveEnvironment,
    RemoveFolder,
    RemoveLauncher,
    RequireSignIn,
    Restart,
    StartRun,
    Step,
    Stop,
    StopRun,
    Update,
    WriteBuilder,
    WriteLauncher,
)
from controller.core.model.project import (
    CreateProject,
    DeleteProject,
    ProjectAction,
    RaiseSharedMemory,
    RemoveFile,
    WriteFile,
)
from controller.core.model.ray.requests import Drain, Withdraw
from controller.core.model.reasons import Reason
from controller.effects import Effects


@dataclass(frozen=True, slots=True)
class Execution:
    """The execution of a plan.

    `on_outcome` is called with each outcome, from any thread.  `permission` is called before the
    first effect, not for a plan without steps; it raises Fault to refuse.  `expired` is called
    before each step: True leaves the rest to the next pass.  `stopped` ends a pass between calls.
    """

    effects: Effects
    owner: str
    threads: int = 8
    on_outcome: Callable[[Outcome], None] = field(default=lambda _: None)
    permission: Callable[[], None] = field(default=lambda: None)
    expired: Callable[[], bool] = field(default=lambda: False)
    stopped: threading.Event = field(default_factory=threading.Event)


def execute(plan: Plan, run: Execution) -> tuple[Outcome, ...]:
    """The outcome of every step, in the plan's order."""
    if plan.steps:
        run.permission()
    outcomes: dict[int, Outcome] = {}
    refused = _Refused()
    for chains in _stages(plan.steps):
        unready = _Unready(_unwritten(outcomes.values()), _unraised(outcomes.values()))
        work = partial(_chain, run=run, unready=unready, refused=refused)
        for done in _each(work, chains, run):
            outcomes.update(done)
    return tuple(outcomes[id(step)] for step in plan.steps)


def _stages(steps: Sequence[Step]) -> list[list[list[Step]]]:
    """Settings and scripts, then a chain for each member's application, then removals."""
    writes = [[s] for s in steps if _is_first(s)]
    removals = [[s] for s in steps if isinstance(s.action, FileRemoval)]
    chains: dict[object, list[Step]] = {}
    for step in steps:
        if not isinstance(step.action, FileAction) and not _is_first(step):
            chains.setdefault((step.key, step.application_id, step.build), []).append(step)
    return [writes, _in_turn(list(chains.values())), removals]


def _is_first(step: Step) -> bool:
    limit = isinstance(step.action, RaiseSharedMemory) and step.member is None
    return limit or isinstance(step.action, FileWrite)


def _in_turn(chains: Sequence[list[Step]]) -> list[list[Step]]:
    """Chains of all clusters in turn, so that a large or slow cluster does not delay the others."""
    clusters: dict[str, list[list[Step]]] = {}
    for chain in chains:
        clusters.setdefault(chain[0].cluster, []).append(chain)
    rounds = zip_longest(*clusters.values())
    return [chain for turn in rounds for chain in turn if chain is not None]


def _unwritten(outcomes: Iterable[Outcome]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (o.step.project, o.step.action.path)
        for o in outcomes
        if isinstance(o.step.action, FileWrite) and o.result is not Result.DONE
    )


def _unraised(outcomes: Iterable[Outcome]) -> frozenset[str]:
    """Projects whose shared memory the next try may raise."""
    fixed = (FaultKind.FIELD_NOT_APPLIED, FaultKind.UNAUTHORIZED)
    tried = (o for o in outcomes if isinstance(o.step.action, RaiseSharedMemory))
    failed = (o for o in tried if o.result in (Result.FAILED, Result.UNKNOWN))
    return frozenset(o.step.project for o in failed if o.fault not in fixed)


@dataclass(frozen=True, slots=True)
class _Unready:
    """Scripts and projects that could not be prepared: the latter lack shared memory."""

    scripts: frozenset[tuple[str, str]]
    projects: frozenset[str]

    def why(self, step: Step) -> tuple[str, FaultKind | None]:
        if (step.project, step.launcher or "") in self.scripts:
            return "its launcher could not be written", FaultKind.UNWRITTEN
        if isinstance(step.action, Create) and step.project in self.projects:
            return "the project's shared memory could not be raised yet", None
        return "", None


Done = dict[int, Outcome]


def _each(
    work: Callable[[list[Step]], Done], chains: Sequence[list[Step]], run: Execution
) -> list[Done]:
    """Run all chains; with a single thread in the calling one, for deterministic simulations."""
    if run.threads <= 1 or len(chains) <= 1:
        return [work(chain) for chain in chains]
    with ThreadPoolExecutor(min(run.threads, len(chains)), "raycml-step") as pool:
        return list(pool.map(work, chains))


class _Refused:
    """Projects that refused a call in this pass; thread-safe.

    A refused call for applications ends the steps of its project.  Refused files end steps that
    need files, and refused jobs steps of jobs, since an application can be restarted without them.
    """

    def __init__(self) -> None:
        self._parts: set[tuple[str, str]] = set()

    def add(self, step: Step) -> None:
        self._parts.add((step.project, _part(step)))

    def __contains__(self, step: Step) -> bool:
        refused = {(step.project, "applications"), (step.project, _part(step))}
        return not refused.isdisjoint(self._parts)


def _part(step: Step) -> str:
    """The part of the project that a step changes."""
    if isinstance(step.action, FileAction):
        return "files"
    if isinstance(step.action, BuilderAction):
        return "builders"
    if isinstance(step.action, RaiseSharedMemory):
        return "settings"
    return "jobs" if isinstance(step.action, OfEnvironment) else "applications"


def _chain(chain: list[Step], run: Execution, unready: _Unready, refused: _Refused) -> Done:
    done: Done = {}
    halted, fault = "", None
    for step in chain:
        if not halted:
            halted, fault = unready.why(step)
        if not halted and run.stopped.is_set():
            halted = "the pass was interrupted"
        if not halted and step in refused:
            halted = "an earlier call to this project was refused"
        if not halted and run.expired():
            halted = "the time of the pass was over"
        outcome = (
            Outcome(step, Result.SKIPPED, halted, fault) if halted else _run(step, run, refused)
        )
        run.on_outcome(outcome)
        done[id(step)] = outcome
        if outcome.result is not Result.DONE and not halted:
            halted = f"{step.name} did not succeed"
    return done


def _run(step: Step, run: Execution, refused: _Refused) -> Outcome:
    try:
        app = None
        if (target := step.application_id or step.builder_id) is not None:
            app = run.effects.fetch(step.project, target)
        if change := _unfit(step, app, run):
            return Outcome(step, Result.FAILED, change, FaultKind.CHANGED)
        return _act(step, app, run.effects)
    except Fault as fault:
        if fault.aborts:
            refused.add(step)
        missing = fault.kind is FaultKind.NOT_FOUND
        if missing and isinstance(step.action, Delete | DeleteJob | DeleteBuilder):
            return Outcome(step, Result.DONE, "it was deleted already")
        kind = FaultKind.CHANGED if missing else fault.kind
        return Outcome(step, fault.result, str(fault), kind)


def _unfit(step: Step, app: ObservedApplication | None, run: Execution) -> str:
    """Reason why the step must not be taken in the current state; empty if it may be."""
    if step.job_id is not None:
        job = run.effects.fetch_job(step.project, step.job_id)
        build = (step.project, environment_built_by(job))
        if not is_our_job(job, run.owner) or step.build != build:
            return "the job no longer carries the mark"
    if app is None:
        return ""
    if not _carries_mark(app, step, run.owner):
        return "it no longer carries the mark"
    return f"it is now {app.phase}" if app.phase in _phases(step) else ""


def _carries_mark(app: ObservedApplication, step: Step, owner: str) -> bool:
    if isinstance(step.action, DeleteBuilder):
        built = built_by_application(app.environment, app.project, app.subdomain, owner)
        return built == step.action.hash
    return fills(app, owner, step.key)


def _phases(step: Step) -> frozenset[Phase]:
    """Phases in which the step is pointless; a list may lag, and show a running one as down."""
    phases = _UNFIT.get(type(step.action), frozenset())
    if isinstance(step.action, Restart) and step.reason not in _OF_WHAT_RUNS:
        return phases | {Phase.RUNNING}
    if isinstance(step.action, Stop | Delete) and step.reason in _OF_WHAT_IS_DOWN:
        return phases | {Phase.RUNNING, Phase.STARTING}
    return phases


_OF_WHAT_RUNS = frozenset({Reason.STALE, Reason.NOT_JOINED, Reason.NODE_LOST, Reason.REPORT_LOST})
_OF_WHAT_IS_DOWN = frozenset({Reason.DOWN, Reason.RESUMED})
# Phases in which a call would be refused, pointless or harmful; the next pass decides again.
_UNFIT: dict[type, frozenset[Phase]] = {
    Stop: frozenset({Phase.STOPPING, Phase.STOPPED, Phase.UNKNOWN}),
    Restart: frozenset({Phase.STARTING, Phase.STOPPING, Phase.UNKNOWN}),
    Update: frozenset({Phase.STARTING, Phase.RUNNING, Phase.STOPPING, Phase.UNKNOWN}),
    Delete: frozenset({Phase.UNKNOWN}),
    DeleteBuilder: frozenset({Phase.UNKNOWN}),
}


def _act(step: Step, app: ObservedApplication | None, effects: Effects) -> Outcome:
    action = step.action
    if isinstance(action, ApplicationAction):
        return _change_application(step, action, app, effects)
    if isinstance(action, ProjectAction):
        return _change_project(step, action, effects)
    if isinstance(action, JobAction | BuilderAction):
        _build(step.project, action, effects)
    else:
        _store(step.project, action, effects)
    return Outcome(step, Result.DONE)


def _change_application(
    step: Step, action: ApplicationAction, app: ObservedApplication | None, effects: Effects
) -> Outcome:
    match action:
        case Create(configuration):
            created = effects.create(step.project, configuration)
            return Outcome(step, Result.DONE, application_id=created)
        case Update(target):
            fields = action.merged_into({} if app is None else app.environment)
            return _updated(step, effects.update(step.project, target, fields))
        case RequireSignIn(target):
            return _updated(step, effects.update(step.project, target, {"public": False}))
        case Restart(target):
            effects.restart(step.project, target)
        case Stop(target):
            effects.stop(step.project, target)
        case Delete(target):
            effects.delete(step.project, target)
    return Outcome(step, Result.DONE)


def _store(project: str, action: FileAction, effects: Effects) -> None:
    match action:
        case WriteLauncher(path, settings):
            effects.write_launcher(project, path, settings)
        case WriteBuilder(path, settings):
            effects.write_builder(project, path, settings)
        case WriteFile(path, data):
            effects.write_file(project, path, data)
        case Drain(request):
            effects.write_file(project, request.path, json_of(request))
        case RemoveLauncher(path):
            effects.remove_launcher(project, path)
        case RemoveEnvironment(path):
            effects.remove_environment(project, path)
        case RemoveFolder(path):
            effects.remove_folder(project, path)
        case RemoveFile(path) | Withdraw(path):
            effects.remove_file(project, path)


def _build(project: str, action: JobAction | BuilderAction, effects: Effects) -> None:
    match action:
        case CreateBuilder(_, configuration):
            effects.create(project, configuration)
        case DeleteBuilder(_, application):
            effects.delete(project, application)
        case CreateJob(_, configuration):
            effects.create_job(project, configuration)
        case StartRun(_, job):
            effects.start_run(project, job)
        case StopRun(_, job, run):
            effects.stop_run(project, job, run)
        case DeleteJob(_, job):
            effects.delete_job(project, job)


def _change_project(step: Step, action: ProjectAction, effects: Effects) -> Outcome:
    match action:
        case CreateProject(project):
            effects.create_project(project)
        case RaiseSharedMemory(limit_mb):
            return _updated(step, effects.raise_shared_memory(step.project, limit_mb))
        case DeleteProject():
            effects.delete_project(step.project)
    return Outcome(step, Result.DONE)


def _updated(step: Step, unapplied: tuple[str, ...]) -> Outcome:
    if not unapplied:
        return Outcome(step, Result.DONE)
    message = f"CML accepted but ignored: {', '.join(unapplied)}"
    return Outcome(step, Result.FAILED, message, FaultKind.FIELD_NOT_APPLIED, unapplied)
