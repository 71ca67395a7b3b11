"""State of a workspace on disk: a JSON file, replaced as a whole, readable by its owner only.

Variables may be secret, hence the mode.  Pods do not survive the emulator; `recover` applies
this to each application.
"""

import json
import os
import types
import typing
from collections import deque
from dataclasses import MISSING, asdict, fields
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from controller.emulator.options import User
from controller.emulator.pods.lifecycle import Status
from controller.emulator.pods.run_status import RunStatus
from controller.emulator.state.job_records import Job, JobRun
from controller.emulator.state.records import Application, Engine, Project
from controller.emulator.state.state import HISTORY, State

Row = TypeVar("Row", Project, Application, Engine, Job, JobRun)
LOST = 137
"""Exit code of a pod that ended with the emulator: killed."""


def save(state: State, path: Path) -> None:
    """Save atomically, also across a crash of the machine."""
    text = json.dumps(
        {
            "projects": [_plain(row) for row in state.projects.values()],
            "applications": [_plain(row) for row in state.applications.values()],
            "engines": [_plain(row) for row in state.engines.values()],
            "jobs": [_plain(row) for row in state.jobs.values()],
            "runs": [_plain(row) for row in state.runs.values()],
            "history": [_plain(row) for row in state.history],
            "count": state.count,
        }
    )
    write_private(path, text)


def write_private(path: Path, text: str) -> None:
    """Replace `path`, mode 0600 from the first byte on."""
    new = path.with_name(f".{path.name}.new")
    with open(new, "w", encoding="utf-8", opener=_private) as file:
        file.write(text)
    new.replace(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def load(path: Path) -> State:
    """The saved state, or a new one."""
    if not path.exists():
        return State()
    raw = json.loads(path.read_text(encoding="utf-8"))
    return State(
        projects={row["id"]: _row(Project, row) for row in raw["projects"]},
        applications={row["id"]: _row(Application, row) for row in raw["applications"]},
        engines={row["id"]: _row(Engine, row) for row in raw["engines"]},
        jobs={row["id"]: _row(Job, row) for row in raw.get("jobs", [])},
        runs={row["id"]: _row(JobRun, row) for row in raw.get("runs", [])},
        history=deque((_row(Engine, row) for row in raw["history"]), maxlen=HISTORY),
        count=raw["count"],
    )


def recover(state: State, now: datetime) -> set[str]:
    """Remove pods and clones, which ended with the emulator, and return their IDs.

    Starting and running applications start again, as after a restart of a workspace; stopping ones
    have stopped, deleted ones are removed, failed ones keep their failure and their next automatic
    restart.  Runs and clones have failed.
    """
    lost_ids = set(state.engines)
    for engine in state.engines.values():
        engine.status = "stopped" if engine.status == "stopping" else "failed"
        engine.ended_at, engine.exit_code, engine.signal = now, LOST, LOST - 128
        state.history.append(engine)
    state.engines.clear()
    for app in state.applications.values():
        app.engine_id = app.stopping_id = ""
        if app.status in {Status.STARTING, Status.RUNNING}:
            app.status, app.starting_at, app.due = Status.STARTING, now, now
            app.queued = app.queued or state.next_number()
            app.touch(now)
    for run in state.runs.values():
        _end_run(run, now)
    lost_ids |= {project.cloning for project in state.projects.values() if project.cloning}
    for project in state.projects.values():
        project.creation_failed = project.creation_failed or bool(project.cloning)
        project.cloning = ""
    state.changes += 1
    return lost_ids


def _end_run(run: JobRun, now: datetime) -> None:
    """Fail a run with a pod; a waiting run keeps waiting."""
    if run.status is RunStatus.STOPPING:
        run.move(RunStatus.TIMEDOUT if run.timed_out else RunStatus.STOPPED, now)
    elif run.status in {RunStatus.STARTING, RunStatus.RUNNING}:
        run.move(RunStatus.FAILED, now)


def _plain(row: Project | Application | Engine | Job | JobRun) -> dict[str, object]:
    values = asdict(row)
    values.pop("rendered", None)
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in values.items()
    }


def _row(kind: type[Row], raw: dict[str, object]) -> Row:
    hints = typing.get_type_hints(kind)
    row = kind.__new__(kind)
    for field in fields(kind):
        if field.name in raw:
            value = _value(hints[field.name], raw[field.name])
        elif field.default_factory is not MISSING:
            value = field.default_factory()
        else:
            value = field.default
        setattr(row, field.name, value)
    return row


def _value(hint: object, value: object) -> object:
    if hint is User and isinstance(value, dict):
        return User(**value)
    if hint in {Status, RunStatus}:
        return Status(str(value)) if hint is Status else RunStatus(str(value))
    times = (datetime, datetime | None)
    if isinstance(hint, type | types.UnionType) and hint in times and value is not None:
        return datetime.fromisoformat(str(value))
    return value
