"""Scripted pods, which start, answer and end by the injected clock.

For tests and simulations.  Without processes, threads and wall clock; cheap to create and copy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.emulator.pods.processes import CloneRequest, PodExit, PodRequest, PodStatus

FAILURE = PodExit(1)
NO_REPOSITORY = PodExit(128)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Script of a pod, in seconds after its start; None is never.

    `answers_after` of a run is the start of its script.
    """

    answers_after: float | None = 1.0
    ends_after: float | None = None
    ending: PodExit = FAILURE
    stop_takes: float | None = 0.0


@dataclass(slots=True)
class ScriptedPod:
    """A running pod; `stop_at` is the time of a requested stop."""

    order: PodRequest | CloneRequest
    behaviour: Behaviour
    started_at: datetime
    stop_at: datetime | None = None

    def answered(self, now: datetime) -> bool:
        """True if it answered before `now` and before its end."""
        after, ends = self.behaviour.answers_after, self.behaviour.ends_after
        if after is None or (ends is not None and ends < after):
            return False
        return (now - self.started_at).total_seconds() >= after

    def ending(self, now: datetime) -> PodExit | None:
        takes = self.behaviour.stop_takes
        if self.stop_at is not None and takes is not None and _since(self.stop_at, now) >= takes:
            return PodExit(143)
        ends = self.behaviour.ends_after
        if ends is not None and _since(self.started_at, now) >= ends:
            return self.behaviour.ending
        return None


def _since(start: datetime, now: datetime) -> float:
    return (now - start).total_seconds()


def answer_at_once(order: PodRequest) -> Behaviour:
    return Behaviour(answers_after=0.0)


class ScriptedProcesses:
    """Pods with scripts from `story(order)`.  `pods` are the running ones, by engine ID.

    `repositories` are the repositories for clones: files by path, by URL.  A clone takes `clone_s`
    seconds, and fails for an unknown URL.
    """

    def __init__(
        self,
        story: Callable[[PodRequest], Behaviour] = answer_at_once,
        repositories: Mapping[str, Mapping[str, bytes]] | None = None,
        clone_s: float = 2.0,
    ) -> None:
        self.story = story
        self.repositories = repositories or {}
        self.clone_s = clone_s
        self.pods: dict[str, ScriptedPod] = {}

    def start(self, order: PodRequest, now: datetime) -> None:
        self.pods[order.engine.id] = ScriptedPod(order, self.story(order), now)

    def clone(self, order: CloneRequest, now: datetime) -> None:
        known = order.url in self.repositories
        told = Behaviour(None, self.clone_s, PodExit(0) if known else NO_REPOSITORY)
        self.pods[order.engine_id] = ScriptedPod(order, told, now)

    def look(self, engine_id: str, now: datetime) -> PodStatus:
        pod = self.pods.get(engine_id)
        if pod is None:
            return PodStatus(answered=False, ending=PodExit(137))
        ending = pod.ending(now)
        if ending is not None:
            del self.pods[engine_id]
            if isinstance(pod.order, CloneRequest) and ending.exit_code == 0:
                self._fill(pod.order)
        return PodStatus(pod.answered(now), ending)

    def _fill(self, order: CloneRequest) -> None:
        for path, data in self.repositories[order.url].items():
            order.tree.write(tuple(path.split("/")), data)

    def stop(self, engine_id: str, now: datetime) -> None:
        pod = self.pods.get(engine_id)
        if pod is not None and pod.stop_at is None:
            pod.stop_at = now

    def port(self, engine_id: str) -> int | None:
        return None

    def kill(self, engine_id: str) -> None:
        """End a pod, as by a lost node; the workspace detects it at its next check."""
        self.pods.pop(engine_id, None)
