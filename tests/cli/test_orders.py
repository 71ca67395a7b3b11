"""`delete`, `adopt` and `release` while a controller leads: it carries them out and answers."""

import json
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest
from controlled import Controlled, controlled
from holding import hold_alive
from stage import Said, Stage

from controller.core.model.orders import Order, OrderKind
from controller.files.document import render
from controller.files.orders import FOLDER, order_path
from controller.run.orders.wake_ups import WakeUps

NEVER = "0" * 16


def command(stage: Stage, *arguments: str) -> Said:
    """By another process, with dice of its own."""
    stage.dice += 1
    return stage.run(*arguments)


def writes(stage: Stage) -> int:
    return sum("/files" not in path for _, path in stage.wire.writes())


def test_delete_is_carried_out_by_the_controller_that_leads(
    stage: Stage, leader: Callable[[Controlled], None]
) -> None:
    for name in ("one", "two", "three", "four"):
        stage.spec(name, replicas=1)
    with controlled(stage, "specs", no_prune=True) as controller:
        controller.settle()
        (stage.folder / "specs" / "two.yaml").unlink()
        controller.turn(2)
        leader(controller)
        said = command(stage, "delete", "two", "--yes")
        assert (said.code, said.out) == (0, "two  deleted\n")
        assert "delegated to the leading controller: jdoe" in said.err
        assert len(stage.applications()) == 6
        assert stage.files(FOLDER) == []
        controller.settle()
        assert len(stage.applications()) == 6
        assert controller.snapshot.loop.leads


def test_a_deleted_cluster_whose_spec_stays_is_not_repaired_meanwhile_and_comes_back_then(
    stage: Stage, leader: Callable[[Controlled], None]
) -> None:
    stage.spec("one", replicas=2)
    stage.spec("two", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        before, ids = creates_of(stage), ids_of(stage)
        leader(controller)
        said = command(stage, "delete", "one", "--yes")
        assert said.code == 0
        assert "one is still declared in specs/one.yaml" in said.err
        controller.settle()
        assert len(stage.applications()) == 5
        assert creates_of(stage) - before == 3, "each member once, when all were gone"
        assert len(ids & ids_of(stage)) == 2


def ids_of(stage: Stage) -> set[str]:
    return set(stage.workspace.state.applications)


def creates_of(stage: Stage) -> int:
    return sum(m == "POST" and p.endswith("/applications") for m, p in stage.wire.writes())


def test_release_and_adopt_are_carried_out_as_well(
    stage: Stage, leader: Callable[[Controlled], None]
) -> None:
    path = stage.spec("one", replicas=1)
    stage.spec("two", replicas=1)
    with controlled(stage, "specs", no_prune=True) as controller:
        controller.settle()
        text = path.read_text()
        path.unlink()
        controller.turn(2)
        leader(controller)
        said = command(stage, "release", "one", "--yes")
        assert said.code == 0, said.err
        assert said.out.count("released") == 2
        assert marks(stage, "one") == set()
        refused = command(stage, "adopt", "two", "--yes")
        assert refused.code == 0  # nothing to adopt
        path.write_text(text)
        controller.turn(2)
        said = command(stage, "adopt", "one", "--yes")
        assert said.code == 0, said.err
        assert marks(stage, "one") == {stage.project}
        assert "adopted" in said.out
        assert stage.files(FOLDER) == []


def marks(stage: Stage, cluster: str) -> set[str]:
    rows = [a.wire() for a in stage.workspace.state.applications.values()]
    found = [
        json.loads(str(r["environment"])) for r in rows if f"-{cluster}-" in str(r["subdomain"])
    ]
    return {each["RAYCML_OWNER"] for each in found if each.get("RAYCML_OWNER")}


@pytest.mark.parametrize(
    ("extra", "words"), [("protect: true", "is protected by its spec"), ("paused: true", "paused")]
)
def test_the_leader_obeys_its_own_specs_wherever_the_command_is_typed(
    stage: Stage, leader: Callable[[Controlled], None], extra: str, words: str
) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        stage.spec("one", replicas=1, extra=extra)
        controller.turn(3)
        leader(controller)
        before = writes(stage)
        stage.spec("other").rename(stage.folder / "other.yaml")
        said = command(stage, "delete", "one", "--yes", "--specs", "other.yaml")
        assert said.code == 6, said.err
        assert words in said.err
        assert writes(stage) == before
        assert stage.files(FOLDER) == []


def test_protection_that_comes_after_the_order_is_obeyed(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        stage.spec("one", replicas=1, extra="protect: true")
        controller.turn(3)
        put(stage, order(stage))
        before = writes(stage)
        controller.turn(2)
        assert writes(stage) == before
        (name,) = stage.files(FOLDER)
        assert "protected" in stage.tree().read((*FOLDER.split("/"), name)).decode()


def test_a_pause_that_comes_after_the_order_is_obeyed(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        put(stage, order(stage))
        assert stage.run("pause", "one", "--reason", "wait").code == 0
        before = writes(stage)
        controller.turn(2)
        assert writes(stage) == before
        (name,) = stage.files(FOLDER)
        assert "paused by jdoe" in stage.tree().read((*FOLDER.split("/"), name)).decode()


def order(stage: Stage, **changes: object) -> Order:
    fields: dict[str, object] = {
        "id": NEVER,
        "owner": stage.project,
        "project": stage.project,
        "kind": OrderKind.DELETE,
        "clusters": ("one",),
        "by": "jdoe",
        "at": stage.clock.now(),
        "timeout_s": 600.0,
    }
    return Order(**{**fields, **changes})  # type: ignore[arg-type]


def put(stage: Stage, made: Order) -> None:
    stage.write(order_path(made.id), render(made))


@pytest.mark.parametrize(
    ("changes", "stays"),
    [
        ({"owner": "another"}, True),
        ({"project": "aaaa-bbbb-cccc-dddd"}, False),
        ({"age_s": 3600.0}, False),
        ({"age_s": -3600.0}, False),
        ({"age_s": 7 * 86400.0, "timeout_s": 8 * 86400.0}, False),
    ],
)
def test_an_order_of_another_time_place_or_owner_is_not_carried_out(
    stage: Stage, changes: dict[str, object], stays: bool
) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        age_s = float(str(changes.pop("age_s", 0.0)))
        put(stage, order(stage, at=stage.clock.now() - timedelta(seconds=age_s), **changes))
        before = writes(stage)
        controller.turn(3)
        assert writes(stage) == before
        assert bool(stage.files(FOLDER)) is stays


def test_no_file_of_orders_stays_for_ever_and_none_holds_up_a_pass(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        stage.write(f"{FOLDER}/{'1' * 16}.json", b"{half")
        stage.write(f"{FOLDER}/{'2' * 16}.answer.json", b"[]")
        put(stage, order(stage, clusters=("no-such-cluster",)))
        controller.turn(10)
        assert controller.loop.state.failures == 0
        assert f"{NEVER}.json" not in stage.files(FOLDER), "answered"
        for _ in range(5):
            stage.clock.wait(1500)
            controller.turn()
        assert [name for name in stage.files(FOLDER) if name.startswith("1" * 16)] == []
        assert f"{NEVER}.answer.json" not in stage.files(FOLDER)


def test_an_order_that_was_answered_is_not_carried_out_again(
    stage: Stage, leader: Callable[[Controlled], None]
) -> None:
    """A controller that was killed between the answer and the removal of the order."""
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        put(stage, order(stage))

        def kept(request: httpx.Request) -> httpx.Response | None:
            gone = request.method == "DELETE" and request.url.path.endswith(f"{NEVER}.json")
            return httpx.Response(503, text="upstream") if gone else None

        stage.wire.instead = kept
        while f"{NEVER}.answer.json" not in stage.files(FOLDER):
            controller.turn()
        stage.wire.instead = lambda _: None
        controller.settle()
        assert set(stage.applications()) == {"ray-one-head", "ray-one-cpu-0"}
        assert f"{NEVER}.json" not in stage.files(FOLDER)


def test_a_command_acts_itself_when_the_leader_ends(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with suppress(StopIteration), controlled(stage, "specs") as controller:
        controller.settle()
        lease = controller.running.session.lease

        def ends() -> None:
            if stage.files(FOLDER):
                stage.clock.passing.remove(ends)
                lease.release()

        stage.clock.passing.append(ends)
        said = command(stage, "delete", "one", "--yes")
        assert (said.code, said.out) == (0, "one  deleted\n")
        assert stage.files(FOLDER) == []


def test_an_order_that_nobody_answers_ends_in_time_and_is_withdrawn(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    stage.run("reconcile")
    hold_alive(stage)
    before, started = writes(stage), stage.clock.elapsed
    said = command(stage, "delete", "one", "--yes", "--timeout", "90s")
    assert said.code == 7
    assert "no answer within 1m30s" in said.err
    assert stage.clock.elapsed - started == 90
    assert writes(stage) == before
    assert stage.files(FOLDER) == []


def test_an_order_a_pause_and_its_end_begin_a_pass(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as controller:
        wake = threading.Event()
        notices = WakeUps(controller.running, wake)
        notices.look()
        controller.settle()
        notices.look()
        assert not wake.is_set()
        for act in (
            lambda: stage.run("pause", "one", "--reason", "wait"),
            lambda: stage.run("unpause", "one"),
            lambda: put(stage, order(stage)),
        ):
            act()
            notices.look()
            assert wake.is_set()
            wake.clear()
            notices.look()
            assert not wake.is_set()
        stage.wire.instead = lambda _: httpx.Response(500, text="upstream")
        notices.look()
        assert not wake.is_set()


def test_a_pause_ends_the_pass_in_hand_before_its_next_step(stage: Stage) -> None:
    stage.spec("one", replicas=6)
    with controlled(stage, "specs") as controller:
        notices = WakeUps(controller.running, threading.Event())
        path = f"/api/v2/projects/{stage.project}/applications"

        def first_create(request: httpx.Request) -> None:
            if stage.wire.calls[-1] == ("POST", path):
                stage.wire.instead = lambda _: None
                notices.look()
                assert stage.run("pause", "one", "--reason", "wait").code == 0
                notices.look()

        stage.wire.instead = first_create
        controller.turn()
        assert len(stage.applications()) == 1
        controller.turn(3)
        assert len(stage.applications()) == 1
        assert list(controller.snapshot.pauses)


def test_an_interrupt_withdraws_an_order(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    stage.run("reconcile")
    hold_alive(stage)

    def press() -> None:
        if stage.files(FOLDER):
            stage.clock.passing.remove(press)
            signal.raise_signal(signal.SIGINT)

    stage.clock.passing.append(press)
    said = command(stage, "delete", "one", "--yes")
    assert said.code == 130
    assert said.err.endswith("the order is withdrawn; to see the current state: `raycml status`\n")
    assert stage.files(FOLDER) == []


def test_an_interrupt_of_a_release_says_how_to_go_on(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    stage.run("reconcile")

    def press(request: httpx.Request) -> None:
        if request.method == "PATCH":
            stage.wire.instead = lambda _: None
            signal.raise_signal(signal.SIGINT)

    stage.wire.instead = press
    said = stage.run("release", "one", "--yes")
    assert said.code == 130
    assert "run `raycml release one` to continue" in said.err
    assert stage.run("release", "one", "--yes").code == 0
