"""State of a workspace on disk: a JSON file, replaced as a whole, readable by its owner only.

Variables may be secret, hence the mode.  Pods do not survive the emulator; `recover` applies
this to each application.
"""

import json
import os
import typing
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from controller.emulator.options import User
from controller.emulator.pods.lifecycle import Status
from controller.emulator.pods.run_status import RunStatus
from controller.emulator.state.catalogue import Runtime
from controller.emulator.state.job_records import Job, JobRun
from controller.emulator.state.records import Application, Engine, Project
from controller.emulator.state.state import State

LOST = 137
"""Exit code of a pod that ended with the emulator: killed."""
_TABLES = {
    "projects": Project,
    "applications": Application,
    "engines": Engine,
    "jobs": Job,
    "runs": JobRun,
    "runtimes": Runtime,
}


def save(state: State, path: Path) -> None:
    """Save atomically, also across a crash of the machine."""
    tables = {name: getattr(state, name).values() for name in _TABLES} | {"history": state.history}
    rows = {name: [_plain(row) for row in table] for name, table in tables.items()}
    write_private(path, json.dumps({**rows, "count": state.count}))


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
    state = State(count=raw["count"])
    state.history.extend(_row(Engine, row) for row in raw["history"])
    for name, kind in _TABLES.items():
        rows = [_row(kind, row) for row in raw.get(name, [])]
        getattr(state, name).update({row.id: row for row in rows})
    return state


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
            app.updated_at = now
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


def _plain(row: Any) -> dict[str, object]:
    values = asdict(row)
    values.pop("rendered", None)
    return {
        key: value.isoformat() if isinstance(value, datetime) else value
        for key, value in values.items()
    }


def _row(kind: Callable[..., Any], raw: Mapping[str, object]) -> Any:
    """A saved row of this dataclass; fields of another version of the emulator are ignored."""
    hints = typing.get_type_hints(kind)
    return kind(**{key: _value(hints[key], value) for key, value in raw.items() if key in hints})


def _value(hint: object, value: Any) -> object:
    if hint is User:
        return User(**value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(value)
    if hint in (datetime, datetime | None) and value is not None:
        return datetime.fromisoformat(value)
    return value
