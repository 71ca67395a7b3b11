"""Two controllers of one installation: one leads, the other one stands by."""

import httpx
from controlled import Controlled, controlled
from stage import Stage

from controller.files.leases import FOLDER


def creates(stage: Stage) -> int:
    return sum(m == "POST" and p.endswith("/applications") for m, p in stage.wire.writes())


def test_a_controller_in_a_long_call_or_idle_keeps_its_lease(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as first, controlled(stage, "specs", dice=8) as second:
        first.settle()
        for _ in range(6):  # idle, for more than the duration of a lease
            stage.clock.wait(45)
            assert second.loop.turn()
            assert "holds the lease" in second.loop.state.holder
        stage.spec("one", replicas=5)

        def slow(request: httpx.Request) -> httpx.Response | None:
            if request.method == "POST" and request.url.path.endswith("/applications"):
                stage.clock.wait(25)
                stage.wire.instead = lambda _: None
                second.loop.turn()
                stage.wire.instead = slow
            return None

        stage.wire.instead = slow
        first.turn()
        stage.wire.instead = lambda _: None
        assert first.snapshot.loop.leads
        assert not second.snapshot.loop.leads
        assert second.running.epoch == 0
        assert creates(stage) == 6
        first.turn()
        assert len(stage.files(FOLDER)) == 2


def test_a_second_controller_stands_by_and_says_who_leads(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as first, controlled(stage, "specs", dice=8) as second:
        first.settle()
        second.turn(2)
        assert shown(second) == (False, True, "one Ready", first.source.revision)
        stage.clock.beats.remove(first.running.session.lease.renew)  # it hangs, unseen
        second.turn(12)
        assert shown(second) == (True, False, "one Ready", first.source.revision)
        first.turn()
        assert shown(first) == (False, True, "one Ready", first.source.revision)
        stage.clock.beats.append(first.running.session.lease.renew)
    assert second.running.epoch == 2


def test_a_pass_ends_in_bounded_time_when_cml_does_not_answer(stage: Stage) -> None:
    for n in range(12):
        project = stage.workspace.create_project(stage.user, {"name": f"p{n}"}).id
        stage.spec(f"c{n}", replicas=0, extra=f"project: {project}")
    with controlled(stage, "specs") as controller:
        controller.turn(3)

        def silent(request: httpx.Request) -> httpx.Response:
            stage.clock.wait(request.extensions["timeout"]["read"])
            raise httpx.ReadTimeout("no answer")

        stage.wire.instead = silent
        before = stage.clock.elapsed
        controller.loop.turn()
        assert controller.loop.state.failures == 1
        assert stage.clock.elapsed - before < 360  # twelve lists, three tries of 30 s: 1080 s


def shown(controller: Controlled) -> tuple[bool, bool, str, str]:
    """Whether its page says that it leads and that another one does, its cluster, its revision."""
    board = controller.snapshot
    assert board.status is not None
    (cluster,) = board.status.clusters
    revision = board.source.revision
    named = "holds the lease" in board.loop.holder
    return board.loop.leads, named, f"{cluster.name} {cluster.word}", revision
