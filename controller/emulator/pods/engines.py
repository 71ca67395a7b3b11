"""Life cycle of pods: start, readiness, end, and CML's reactions.

An application changes by itself only in `tick`, which checks the injected processes and never
waits.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from datetime import datetime, timedelta

from controller.emulator.api.errors import ApiError, Code
from controller.emulator.api.files import ProjectFiles
from controller.emulator.nodes import choose_node
from controller.emulator.options import Capacity, Options
from controller.emulator.places import Places
from controller.emulator.pods.lifecycle import Event, Status, after
from controller.emulator.pods.processes import PodExit, PodRequest, Processes
from controller.emulator.pods.run_status import RunStatus
from controller.emulator.state.ids import Ids
from controller.emulator.state.records import Application, Definition, Engine, Workload, resources
from controller.emulator.state.state import State

FilesOf = Callable[[str], ProjectFiles]
"""The files of a project, by its ID, also while the project is being deleted."""


def move(app: Application, event: Event, now: datetime) -> None:
    """Take a step of the state machine; a step that is not in the table is a bug."""
    status = after(app.status, event)
    if status is None:
        raise AssertionError(f"{event} of an application that is {app.status}")
    app.status = status
    if status is Status.STARTING:
        app.starting_at = now
    elif status is Status.RUNNING:
        app.running_at = now
    elif status is Status.STOPPED:
        app.stopped_at = now
    app.updated_at = now


def _fits(room: Capacity, pods: Iterable[Engine | Workload]) -> bool:
    amounts = zip(astuple(resources(pods)), astuple(room), strict=True)
    return all(bound is None or amount <= bound for amount, bound in amounts)


@dataclass(slots=True)
class Engines:
    """Starts, observes and stops the pods of all applications.

    Pods of runs are started and stopped for `runs.py`, and observed once their run is deleted.
    """

    state: State
    processes: Processes
    ids: Ids
    options: Options
    files_of: FilesOf
    _places: Places = field(init=False)

    def __post_init__(self) -> None:
        self._places = Places.of(self.options)

    def tick(self, now: datetime) -> None:
        runs = self.state.runs
        for engine in list(self.state.engines.values()):
            if engine.id not in runs:
                self._observe(engine, now)
        for app in list(self.state.applications.values()):
            self._advance(app, now)
        self._start_waiting(now)

    # calls of the API

    def queue(self, app: Application, now: datetime) -> None:
        """Start `app` once its old pod has ended, in its turn, and with free capacity."""
        app.queued = self.state.next_number()
        app.due = now + timedelta(seconds=self.options.start_s)
        self.state.changes += 1

    def release(self, app: Application, now: datetime) -> None:
        """Start to stop the pod of `app`, if it has one."""
        if app.engine_id:
            self.stop(self.state.engines[app.engine_id], now)
            app.stopping_id, app.engine_id = app.engine_id, ""
        self.state.changes += 1

    def stop_orphans(self, project_id: str, now: datetime) -> None:
        for engine in self.state.engines.values():
            if engine.project_id == project_id and engine.status != "stopping":
                self.stop(engine, now)

    def stop(self, engine: Engine, now: datetime) -> None:
        engine.status = "stopping"
        self.processes.stop(engine.id, now)

    # changes over time

    def _observe(self, engine: Engine, now: datetime) -> None:
        status = self.processes.look(engine.id, now)
        app = self.state.applications.get(engine.application_id)
        current = app if app is not None and app.engine_id == engine.id else None
        if status.answered and engine.status == "starting":
            engine.status = "running"
            self.state.changes += 1
            if current is not None:
                current.auto_restarts_done = 0
                move(current, Event.ANSWERED, now)
        if status.ending is not None:
            self.end(engine, status.ending, now)
            if current is not None:
                self._fail(current, now)
            elif app is not None and app.stopping_id == engine.id:
                app.stopping_id = ""

    def end(self, engine: Engine, ending: PodExit, now: datetime) -> None:
        engine.status = "stopped" if engine.status == "stopping" else "failed"
        engine.ended_at = now
        engine.exit_code, engine.signal = ending.exit_code, ending.signal
        engine.oom_killed = ending.oom_killed
        self.state.engines.pop(engine.id, None)
        self.state.history.append(engine)
        self.state.changes += 1

    def _fail(self, app: Application, now: datetime) -> None:
        """Fail the application, since its script has ended, with any exit code."""
        app.engine_id = ""
        move(app, Event.ENDED, now)
        retry = app.auto_restarts_done < self.options.auto_restarts
        app.due = now + timedelta(seconds=self.options.auto_restart_s) if retry else None

    def _advance(self, app: Application, now: datetime) -> None:
        if app.due is None or now < app.due:
            return
        if app.status is Status.STOPPING and not app.stopping_id:
            self._finish_stop(app, now)
        elif app.status is Status.FAILED:
            app.auto_restarts_done += 1
            move(app, Event.RESTART, now)
            self.queue(app, now)

    def _finish_stop(self, app: Application, now: datetime) -> None:
        app.due = None
        if app.deleting:
            del self.state.applications[app.id]
        else:
            move(app, Event.GONE, now)
        self.state.changes += 1

    def _start_waiting(self, now: datetime) -> None:
        """Start waiting applications, the longest waiting first.

        One without capacity is skipped, as by the scheduler of Kubernetes: a pod that is too large
        does not block the others.
        """
        waiting = [
            app
            for app in self.state.applications.values()
            if app.status is Status.STARTING
            and not (app.engine_id or app.stopping_id)
            and app.due is not None
            and now >= app.due
        ]
        for app in sorted(waiting, key=lambda app: app.queued):
            if self.fits(app):
                self._start(app, now)

    def fits(self, workload: Workload) -> bool:
        """True if a node is large enough for a pod of this workload, and there is quota for it."""
        pods: list[Engine | Workload] = [*self.state.engines.values(), workload]
        sizes = _fits(self.options.node, [workload]) and not self._exceeded(pods)
        return sizes and self._node(workload) is not None

    def _node(self, workload: Workload) -> int | None:
        """The node for a pod of this workload; None if none of the right kind has room."""
        if not self._places.nodes:
            return 0
        project = self.state.projects[workload.project_id]
        wanted = self._places.requirements(
            workload, {**project.environment, **workload.environment}
        )
        used = [
            (pod.node, pod.cpu, pod.memory, pod.nvidia_gpu) for pod in self.state.engines.values()
        ]
        return choose_node(self._places.nodes, wanted, used)

    def _exceeded(self, pods: Sequence[Engine | Workload]) -> str:
        """The limit that these pods together exceed; empty if they exceed none."""
        options = self.options
        if options.most_pods and len(pods) > options.most_pods:
            return "pod"
        if _fits(options.capacity, pods):
            return ""
        names = ("CPU request", "memory request", "GPU request")
        amounts = zip(names, astuple(resources(pods)), astuple(options.capacity), strict=True)
        return next(name for name, amount, bound in amounts if bound is not None and amount > bound)

    def check_quota(self, workload: Definition) -> None:
        """Refuse a start that no quota is left for, if this workspace refuses such calls.

        What waits for its pod counts; the pod of an application that is restarted does not.
        """
        if self.options.over_quota == "pending":
            return
        pods: list[Engine | Workload] = [
            engine for engine in self.state.engines.values() if engine.application_id != workload.id
        ]
        pods += [
            app
            for app in self.state.applications.values()
            if app.status is Status.STARTING and not app.engine_id and app.id != workload.id
        ]
        pods += [run for run in self.state.runs.values() if run.status is RunStatus.SCHEDULING]
        if limit := self._exceeded([*pods, workload]):
            raise ApiError(Code.RESOURCE_EXHAUSTED, f"out of quota: {limit} limit reached")

    def _start(self, app: Application, now: datetime) -> None:
        engine = self.new_engine(app, self.ids.engine(), app.name, now)
        engine.application_id, engine.subdomain = app.id, app.subdomain
        app.engine_id, app.due = engine.id, None
        if self.launch(engine, app.script, app.runtime_identifier, app.environment, now):
            self._observe(engine, now)
        else:
            self._fail(app, now)

    def new_engine(self, workload: Workload, engine_id: str, name: str, now: datetime) -> Engine:
        """An engine with an address that no pod has or recently had."""
        pods = (*self.state.engines.values(), *self.state.history)
        project = self.state.projects.get(workload.project_id)
        return Engine(
            id=engine_id,
            project_id=workload.project_id,
            project_name=project.name if project else "",
            name=name,
            creator=workload.creator,
            cpu=workload.cpu,
            memory=workload.memory,
            nvidia_gpu=workload.nvidia_gpu,
            ip_address=self.ids.address(
                {pod.ip_address for pod in pods}, loopback=self.options.mesh == "off"
            ),
            created_at=now,
            node=self._node(workload) or 0,
        )

    def launch(
        self,
        engine: Engine,
        script: str,
        runtime_identifier: str,
        environment: Mapping[str, str],
        now: datetime,
        arguments: str = "",
    ) -> bool:
        """True if the pod has started; else the engine has ended, with the reason in `message`."""
        self.state.engines[engine.id] = engine
        self.state.changes += 1
        project = self.state.projects[engine.project_id]
        files = self.files_of(project.id)
        request = PodRequest(
            engine=engine,
            project=project,
            home=files.tree.home,
            script=script,
            runtime_identifier=runtime_identifier,
            environment={**project.environment, **environment},
            arguments=arguments,
        )
        if not files.has_script(script):
            engine.message = f"script {script} not found in project directory"
        elif not all(isinstance(value, str) for value in request.environment.values()):
            engine.message = "a variable of the project is no text"
        else:
            try:
                self.processes.start(request, now)
            except OSError as error:
                engine.message = f"the pod could not be started: {error}"
        if engine.message:
            self.end(engine, PodExit(1), now)
        return not engine.message
