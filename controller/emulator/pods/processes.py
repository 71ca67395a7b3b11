"""The port to the processes of pods.

`pods.py` runs them on this machine; tests and simulations script them.  The workspace learns in no
other way how a pod ended.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from controller.emulator.state.trees import Tree


@dataclass(frozen=True, slots=True)
class PodOrder:
    """One pod to start: one engine of one application, or one run of a job.

    Memory is in GB, as the API says it.  That of a run has `run_id`, which is its engine's id too,
    and neither application nor subdomain; `answered` then means that the script has begun.
    """

    engine_id: str
    application_id: str
    subdomain: str
    project_id: str
    project_name: str
    project_number: int
    username: str
    ip_address: str
    home: Path
    script: str
    cpu: float
    memory: float
    gpu: int
    runtime_identifier: str
    environment: Mapping[str, str] = field(repr=False)
    run_id: str = ""
    arguments: str = field(default="", repr=False)

    @property
    def kind(self) -> str:
        """As CDSW_ENGINE_TYPE says it."""
        return "job" if self.run_id else "application"


@dataclass(frozen=True, slots=True)
class CloneOrder:
    """A repository to fetch into a new, empty home; `ref` is a branch or a tag, or empty."""

    engine_id: str
    project_id: str
    url: str = field(repr=False)
    ref: str
    tree: Tree


@dataclass(frozen=True, slots=True)
class Ending:
    """How a pod ended.  `exit_code` is as Kubernetes says it: 128 + n for signal n."""

    exit_code: int
    oom_killed: bool = False

    @property
    def signal(self) -> int:
        return self.exit_code - 128 if 128 < self.exit_code < 193 else 0


@dataclass(frozen=True, slots=True)
class Sight:
    """What a look at a pod shows.  `answered`: its polling endpoint has said 200 at least once."""

    answered: bool
    ending: Ending | None = None


class Processes(Protocol):
    """Runs pods.  None of these calls may wait for a pod."""

    def start(self, order: PodOrder, now: datetime) -> None:
        """Begin; OSError when the machine refuses."""

    def clone(self, order: CloneOrder, now: datetime) -> None:
        """Begin; OSError when the machine refuses.  `look` and `stop` go for it as for a pod."""

    def look(self, engine_id: str, now: datetime) -> Sight:
        """How the pod is; once an ending was told, the engine is forgotten."""

    def stop(self, engine_id: str, now: datetime) -> None:
        """Begin the stop ladder; `look` tells when it is done."""

    def port(self, engine_id: str) -> int | None:
        """Where on 127.0.0.1 the application answers; None when nothing is there."""
