"""The port to the processes of pods.

`pods.py` runs them on this machine; tests and simulations script them.  The workspace learns in no
other way how a pod ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from controller.emulator.state.file_tree import Tree
from controller.emulator.state.records import Engine, Project


@dataclass(frozen=True, slots=True)
class PodRequest:
    """A pod to start, for an application or a run of a job, with the resources of its engine.

    In the pod of a run, `answered` means that the script has started.
    """

    engine: Engine
    project: Project = field(repr=False)
    home: Path
    script: str
    runtime_identifier: str
    environment: Mapping[str, str] = field(repr=False)
    arguments: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CloneRequest:
    """A repository to fetch into a new, empty home; `ref` is a branch or a tag, or empty."""

    engine_id: str
    project_id: str
    url: str = field(repr=False)
    ref: str
    tree: Tree


@dataclass(frozen=True, slots=True)
class PodExit:
    """End of a pod.  `exit_code` is as in Kubernetes: 128 + n for signal n."""

    exit_code: int
    oom_killed: bool = False

    @property
    def signal(self) -> int:
        return self.exit_code - 128 if 128 < self.exit_code < 193 else 0


@dataclass(frozen=True, slots=True)
class PodStatus:
    """State of a pod.  `answered`: its polling endpoint has answered 200 at least once."""

    answered: bool
    ending: PodExit | None = None


class Processes(Protocol):
    """Runs pods.  No call may wait for a pod."""

    def start(self, order: PodRequest, now: datetime) -> None:
        """Start a pod; OSError on failure."""

    def clone(self, order: CloneRequest, now: datetime) -> None:
        """Start a clone; OSError on failure.  `look` and `stop` work as for a pod."""

    def look(self, engine_id: str, now: datetime) -> PodStatus:
        """The state of a pod; after its end was reported, the engine is unknown."""

    def stop(self, engine_id: str, now: datetime) -> None:
        """Start to stop a pod; `look` shows its end."""

    def port(self, engine_id: str) -> int | None:
        """The application's port on 127.0.0.1; None without one."""
