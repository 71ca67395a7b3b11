"""`rotate-token`: another token at the next start of the head, and a restart of the head alone."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
import pytest
from controlled import Controlled, controlled
from stage import Stage

from controller.core.model.orders import Order, OrderKind
from controller.files.document import render
from controller.files.orders import FOLDER, order_path

CLUSTERS = (".raycml", "clusters")


@dataclass
class Heads:
    """What the node programs of heads do about tokens: at the outer edge, by what CML runs.

    A head that is not `able` starts, and leaves its token as it is.
    """

    stage: Stage
    able: bool = True
    engines: dict[str, str] = field(default_factory=dict)
    starts: int = 0

    def __post_init__(self) -> None:
        self.stage.clock.passing.append(self.act)

    def act(self) -> None:
        for row in self.stage.workspace.state.applications.values():
            shown = row.wire()
            mark = json.loads(str(shown["environment"]))
            if mark.get("RAYCML_MEMBER") != "head" or shown["status"] != "APPLICATION_RUNNING":
                continue
            cluster, engine = mark["RAYCML_CLUSTER"], str(row.engine_id)
            if self.engines.get(cluster) != engine:
                self.engines[cluster] = engine
                self._start(cluster, mark.get("RAYCML_AUTH_MODE", ""))

    def _start(self, cluster: str, mode: str) -> None:
        tree, request = self.stage.tree(), (*CLUSTERS, cluster, "token.rotate")
        token = (*CLUSTERS, cluster, "token")
        if self.able and mode == "token" and (tree.exists(request) or not tree.exists(token)):
            self.starts += 1
            tree.write(token, f"zQ8-token-{self.starts}-of-{cluster}".encode())
            if tree.exists(request):
                tree.remove(request)

    def token(self, cluster: str) -> str:
        return self.stage.tree().read((*CLUSTERS, cluster, "token")).decode()

    def is_requested(self, cluster: str) -> bool:
        return self.stage.tree().exists((*CLUSTERS, cluster, "token.rotate"))


@pytest.fixture
def heads(stage: Stage) -> Heads:
    heads = Heads(stage)
    stage.spec("one", replicas=1)
    stage.spec("two", replicas=1)
    assert stage.run("reconcile").code == 0
    return heads


def restarts(stage: Stage) -> list[str]:
    return [path for _, path in stage.wire.writes() if path.endswith(":restart")]


def engines(stage: Stage) -> dict[str, str]:
    rows = stage.workspace.state.applications.values()
    return {row.subdomain: str(row.engine_id) for row in rows}


def test_a_rotation_restarts_the_head_of_that_cluster_alone(stage: Stage, heads: Heads) -> None:
    before, old, other = engines(stage), heads.token("one"), heads.token("two")
    said = stage.run("rotate-token", "one", "--yes")
    assert (said.code, said.out) == (0, "one  token rotated\n"), said.err
    assert heads.token("one") != old
    assert (heads.token("two"), heads.is_requested("one")) == (other, False)
    after = engines(stage)
    assert {name for name in before if before[name] != after[name]} == {"ray-one-head"}
    assert "zQ8-token" not in said.out + said.err
    assert stage.run("plan", "--exit-code").code == 0


def test_a_rotation_is_not_begun_without_a_confirmation(stage: Stage, heads: Heads) -> None:
    writes = len(stage.wire.writes())
    said = stage.run("rotate-token", "one")
    assert said.code == 6
    assert len(stage.wire.writes()) == writes
    assert not heads.is_requested("one")


@pytest.mark.parametrize("point", ["before the request", "before the restart", "after the restart"])
def test_a_rotation_that_is_killed_leaves_the_old_token_or_the_next(
    stage: Stage, heads: Heads, point: str
) -> None:
    """What is killed at a call has done what came before it; the same command completes it."""
    old = heads.token("one")

    def killed(request: httpx.Request) -> httpx.Response | None:
        path = request.url.path
        restart = path.endswith(":restart")
        writes = request.method in ("POST", "PUT") and "/files" in path
        if (point == "before the request" and writes) or (
            point == "before the restart" and restart
        ):
            raise KeyboardInterrupt
        if point == "after the restart" and restarts(stage) and not restart:
            raise KeyboardInterrupt
        return None

    stage.wire.instead = killed
    assert stage.run("rotate-token", "one", "--yes").code == 130
    stage.wire.instead = lambda _: None
    assert heads.token("one") == old or restarts(stage)
    assert heads.is_requested("one") == (point != "before the request")
    said = stage.run("rotate-token", "one", "--yes")
    assert said.code == 0, said.err
    assert heads.token("one") != old
    assert not heads.is_requested("one")


def test_a_cluster_without_a_token_is_refused_with_the_remedy(stage: Stage) -> None:
    stage.spec("one", replicas=1, extra="authOptions: {mode: disabled}")
    assert stage.run("reconcile").code == 0
    said = stage.run("rotate-token", "one", "--yes")
    assert said.code == 6
    assert "one has no token: its Ray does not ask for one" in said.err
    assert "authOptions: {mode: token}" in said.err
    assert restarts(stage) == []


def test_a_protected_cluster_is_refused(stage: Stage, heads: Heads) -> None:
    stage.spec("one", replicas=1, extra="protect: true")
    said = stage.run("rotate-token", "one", "--yes")
    assert said.code == 6
    assert "one is protected by its spec" in said.err
    assert restarts(stage) == []


def test_an_unknown_cluster_is_named(stage: Stage, heads: Heads) -> None:
    said = stage.run("rotate-token", "ona", "--yes")
    assert said.code == 64
    assert "no managed cluster `ona`" in said.err


def test_a_head_that_does_not_run_gets_its_token_when_it_starts(stage: Stage, heads: Heads) -> None:
    stage.spec("one", replicas=1, extra="suspend: true")
    assert stage.run("reconcile").code == 0
    old = heads.token("one")
    said = stage.run("rotate-token", "one", "--yes")
    assert (said.code, said.out) == (0, "one  gets another token when its head starts\n")
    assert heads.token("one") == old, "it is valid until then"
    assert restarts(stage) == []
    stage.spec("one", replicas=1)
    assert stage.run("reconcile").code == 0
    assert heads.token("one") != old


def without_reports(stage: Stage) -> Callable[[httpx.Request], httpx.Response | None]:
    """Reports of heads cannot be read until an application is restarted."""

    def instead(request: httpx.Request) -> httpx.Response | None:
        hidden = request.url.path.endswith("/ray.json:download") and not restarts(stage)
        return httpx.Response(503) if hidden else None

    return instead


def test_a_head_that_starts_with_its_old_token_is_not_called_rotated(
    stage: Stage, heads: Heads
) -> None:
    heads.able = False
    said = stage.run("rotate-token", "one", "--yes", "--timeout", "60s")
    assert (said.code, said.out) == (5, "")
    assert "does not report a start with another token: run it again" in said.err
    heads.able = True
    assert stage.run("rotate-token", "one", "--yes").code == 0


def test_a_head_that_started_again_by_itself_is_not_called_rotated(
    stage: Stage, heads: Heads
) -> None:
    """It did so just after the command was typed, so nothing is requested of it."""
    report = stage.tree().read((*CLUSTERS, "one", "ray.json"))
    reads: list[str] = []

    def instead(request: httpx.Request) -> httpx.Response | None:
        if request.url.path.endswith("/one/ray.json:download"):
            reads.append(request.url.path)
            if len(reads) == 2:
                other = re.sub(rb'"incarnation": ?"[^"]*"', b'"incarnation": "by-itself"', report)
                stage.write(".raycml/clusters/one/ray.json", other)
        return None

    stage.wire.instead = instead
    said = stage.run("rotate-token", "one", "--yes", "--timeout", "60s")
    assert (said.code, said.out, restarts(stage)) == (5, "", [])
    assert "run it again" in said.err


def test_a_report_that_cannot_be_read_is_no_other_start(stage: Stage, heads: Heads) -> None:
    old = heads.token("one")
    stage.wire.instead = without_reports(stage)
    said = stage.run("rotate-token", "one", "--yes")
    assert (said.code, said.out) == (0, "one  token rotated\n"), said.err
    assert (len(restarts(stage)), heads.token("one") != old) == (1, True)


def test_a_leader_that_cannot_read_a_report_rotates_all_the_same(
    stage: Stage, heads: Heads, leader: Callable[[Controlled], None]
) -> None:
    with controlled(stage, "specs") as controller:
        controller.settle()
        old, before = heads.token("one"), f"of-{engines(stage)['ray-one-head']}"
        stage.wire.instead = without_reports(stage)
        stage.write(*ordered(stage, before))
        controller.settle()
        assert (len(restarts(stage)), heads.token("one") != old) == (1, True)


def ordered(stage: Stage, incarnation: str) -> tuple[str, bytes]:
    """The file of an order to rotate the token of `one`."""
    project, now = stage.project, stage.clock.now()
    order = Order(
        *("5" * 16, project, project, OrderKind.ROTATE, ("one",), "jdoe", now, 600.0),
        incarnation=incarnation,
    )
    return order_path(order.id), render(order)


def test_the_leading_controller_rotates_and_an_order_that_is_repeated_restarts_nothing(
    stage: Stage, heads: Heads, leader: Callable[[Controlled], None]
) -> None:
    with controlled(stage, "specs") as controller:
        controller.settle()
        old, before = heads.token("one"), f"of-{engines(stage)['ray-one-head']}"
        leader(controller)
        stage.dice += 1
        said = stage.run("rotate-token", "one", "--yes")
        assert said.code == 0, said.err
        assert "delegated to the leading controller" in said.err
        assert heads.token("one") != old
        assert stage.files(FOLDER) == []
        token, count = heads.token("one"), len(restarts(stage))
        stage.write(*ordered(stage, before))
        controller.settle()
        assert (heads.token("one"), len(restarts(stage)), heads.is_requested("one")) == (
            token,
            count,
            False,
        )
