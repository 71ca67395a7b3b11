"""Scripted heads: the part of a cluster's head in requests, without Ray.

Reads the request files of a project and answers them as the node program does: each by what it
asks of one engine, its time counted from the first look at it, until its file is gone.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from controller.emulator.state.file_tree import Parts
from tests.memory_tree import MemoryTree

CLUSTERS = (".raycml", "clusters")


@dataclass(slots=True)
class ScriptedHeads:
    """All heads of one project.

    `work` says when the work of an engine will have ended, in seconds of `passed`; nodes are idle
    by default.  `ended` are engines whose nodes were drained, with the request of each, and `begun`
    the first looks at requests, by path.
    """

    passed: Callable[[], float]
    work: Callable[[str], float] = field(default=lambda _: 0.0)
    begun: dict[Parts, float] = field(default_factory=dict)
    refused: set[Parts] = field(default_factory=set)
    ended: dict[str, Parts] = field(default_factory=dict)

    def copy(self) -> "ScriptedHeads":
        """One that goes on by itself."""
        return replace(
            self, begun=dict(self.begun), refused=set(self.refused), ended=dict(self.ended)
        )

    def look(
        self, tree: MemoryTree, cluster: str, engines: Mapping[str, str], incarnation: str
    ) -> dict[str, dict[str, object]]:
        """The answers of the head of a cluster; `engines` are those of its nodes, by member."""
        standing = dict(_requests(tree, cluster))
        for path in [*self.begun]:
            if path[: len(CLUSTERS) + 1] == (*CLUSTERS, cluster) and path not in standing:
                del self.begun[path]
                self.refused.discard(path)
        for engine, path in [*self.ended.items()]:
            if path[: len(CLUSTERS) + 1] == (*CLUSTERS, cluster) and path not in standing:
                del self.ended[engine]  # it was withdrawn: the node joins again
        return {
            path[-1].removesuffix(".json"): self._answer(path, request, engines)
            for path, request in sorted(standing.items())
            if request["incarnation"] == incarnation
        }

    def answer_in(
        self,
        tree: MemoryTree,
        cluster: str,
        members: dict[str, dict[str, object]],
        incarnation: str,
    ) -> dict[str, dict[str, object]]:
        """The answers; the rows of members whose nodes have ended say so afterwards."""
        engines = {name: str(row["engine_id"]) for name, row in members.items() if row["alive"]}
        answers = self.look(tree, cluster, engines, incarnation)
        for row in members.values():
            if row["engine_id"] in self.ended:
                row.update(alive=False, state="drained")
        return answers

    def _answer(
        self, path: Parts, request: Mapping[str, object], engines: Mapping[str, str]
    ) -> dict[str, object]:
        engine, member = str(request["engine_id"]), str(request["member"])
        since = self.begun.setdefault(path, self.passed())
        left = max(since + float(str(request["timeout_s"])) - self.passed(), 0.0)
        lives = engines.get(member) == engine and engine not in self.ended
        state = "drained"
        if lives and request["action"] == "drain_if_idle" and self.is_busy(engine):
            self.refused.add(path)
        if path in self.refused:
            state = "refused"
        elif lives and self.is_busy(engine):
            state = "draining" if left else "expired"
        elif lives:
            self.ended[engine] = path
        return {
            **{name: request[name] for name in ("action", "member", "engine_id")},
            "state": state,
            "message": "",
            "remaining_s": left,
        }

    def is_busy(self, engine: str) -> bool:
        return self.work(engine) > self.passed()

    def use(self, engine: str) -> dict[str, object]:
        """Rows of a report on the work of a node."""
        idle_s = max(self.passed() - self.work(engine), 0.0)
        busy = self.is_busy(engine)
        return {"idle_s": 0.0 if busy else idle_s, "used": {"CPU": 1.0} if busy else {}}


def _requests(tree: MemoryTree, cluster: str) -> list[tuple[Parts, dict[str, object]]]:
    folder = (*CLUSTERS, cluster, "requests")
    found = []
    for path, data in tree.contents.items():
        if path[:-1] == folder and not path[-1].startswith("."):
            try:
                request = json.loads(data)
            except ValueError:  # half an upload
                continue
            found.append((path, request))
    return found
