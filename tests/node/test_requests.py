"""Requests as files, and the head's answers to them, with a stand-in for Ray at the outer edge."""

import json
import os
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import pytest
from test_head_report import member_document, node
from test_node_parts import NOTE, HandClock

from controller.core.model.ray import requests as core
from controller.core.model.ray.report import HeadReport
from controller.files.port import kept_path
from controller.files.reports import parse_report
from controller.node.project_files import MemberFiles, read_json, write_json
from controller.node.ray.actors import Actor
from controller.node.ray.gcs import DrainReply, RayNode, Reading
from controller.node.reach import REACHED, Reach
from controller.node.report import Reporter
from controller.node.requests.request import (
    DRAIN,
    DRAIN_IF_IDLE,
    MOST_REQUESTS,
    read_requests,
    request_id,
)


def request(
    action: str = DRAIN, engine: str = "e1", member: str = "cpu/0", **changes: object
) -> dict[str, object]:
    values: dict[str, object] = {
        "schema": "raycml.request/v1",
        "id": request_id(action, member, engine),
        "cluster": "demo",
        "action": action,
        "member": member,
        "engine_id": engine,
        "incarnation": NOTE.incarnation,
        "timeout_s": 300.0,
        "reason": "scaled down",
        "requested_at": "2026-01-31T09:00:00Z",
    }
    return {**values, **changes}


def ask(files: MemberFiles, values: dict[str, object]) -> Path:
    path = files.request(str(values["id"]))
    write_json(path, values)
    return path


class Ray:
    """A Ray that drains: busy nodes end when the test says so, idle ones at once."""

    def __init__(self, *nodes: RayNode) -> None:
        self.nodes = {one.instance_id: one for one in nodes}
        self.error = ""
        self.asked: list[tuple[str, bool]] = []
        self.deadlines_ms: list[int] = []
        self.failures: list[str] = []
        self.frozen: dict[str, threading.Event] = {}
        self.actors: list[Actor] = []
        self.restarted: list[str] = []
        self.restarts = True

    def read(self) -> Reading:
        nodes = () if self.error else tuple(self.nodes.values())
        return Reading(nodes, None, "", self.error)

    def drain_node(
        self, node_id: str, message: str, deadline_ms: int, *, if_idle: bool
    ) -> DrainReply:
        if node_id in self.frozen:
            self.frozen[node_id].wait(20)
        self.asked.append((node_id, if_idle))
        self.deadlines_ms.append(deadline_ms)
        if self.failures:
            return DrainReply(False, self.failures.pop(), failed=True)
        [one] = [n for n in self.nodes.values() if n.node_id == node_id]
        if if_idle and not one.idle_s:
            return DrainReply(False, "The node to be idle terminated is no longer idle.")
        self.nodes[one.instance_id] = replace(one, draining=True, alive=not one.idle_s)
        return DrainReply(True)

    def movable_actors(self, node_ids: Collection[str]) -> list[Actor]:
        return [actor for actor in self.actors if actor.node_id in node_ids]

    def restart_actor(self, actor_id: str) -> bool:
        """Its method goes on for a while: it stays in the table."""
        if self.restarts:
            self.restarted.append(actor_id)
        return self.restarts

    def end(self, engine: str) -> None:
        self.nodes[engine] = replace(self.nodes[engine], alive=False)


class Head:
    """A reporter and the clock that the test moves between its looks."""

    def __init__(self, home: Path, ray: Ray, clock: HandClock | None = None) -> None:
        self.files, self.ray, self.clock = MemberFiles(home, "demo"), ray, clock or HandClock()
        self.restart()

    def restart(self) -> None:
        self.reporter = Reporter(NOTE, self.files, self.ray, self.clock, lambda *_: Reach(REACHED))

    def look(self, seconds: float = 0.75) -> dict[str, core.HeadAnswer]:
        self.clock.seconds += seconds
        self.reporter.look()
        return dict(self.report().answers or {})

    def report(self) -> HeadReport:
        report = parse_report(self.files.report.read_bytes(), "demo")
        assert report is not None
        return report

    def sequence(self) -> object:
        return (read_json(self.files.report) or {})["sequence"]


def busy(engine: str = "e1") -> RayNode:
    return replace(node(engine, node_id=f"n-{engine}"), idle_s=0.0)


def idle(engine: str = "e1") -> RayNode:
    return replace(node(engine, node_id=f"n-{engine}"), idle_s=12.5)


def state(answers: dict[str, core.HeadAnswer], values: dict[str, object]) -> str:
    answer = answers.get(str(values["id"]))
    return "" if answer is None else answer.state.value


# Files.


@pytest.mark.parametrize("action", [*core.RequestAction])
def test_controller_and_node_program_name_a_request_alike(action: core.RequestAction) -> None:
    files = MemberFiles(Path("/home/cdsw"), "demo")
    name = request_id(action.value, "gpu/2", "engine")
    assert name == core.request_id(action, "gpu/2", "engine")
    assert files.request(name) == Path("/home/cdsw") / core.request_path("demo", name)


def test_a_request_is_read_and_one_to_another_incarnation_is_not(tmp_path: Path) -> None:
    files, values = MemberFiles(tmp_path, "demo"), request()
    assert read_requests(files, "one") == {}
    ask(files, values)
    [(name, read)] = (read_requests(files, "one") or {}).items()
    assert (name, read.member, read.timeout_s) == (values["id"], "cpu/0", 300.0)
    assert read_requests(files, "two") == {}


def test_a_request_that_is_being_replaced_from_outside_stands(tmp_path: Path) -> None:
    files, values = MemberFiles(tmp_path, "demo"), request()
    path = ask(files, values)
    name = core.request_path("demo", str(values["id"]))
    path.rename(tmp_path / kept_path(name))
    assert [*(read_requests(files, "one") or {})] == [values["id"]]


GARBAGE: list[object] = [
    {"schema": "raycml.request/v2"},
    {"cluster": "other"},
    {"id": "0" * 16},
    {"id": None},
    {"action": "explode"},
    {"action": ["drain"]},
    {"member": "cpu/1"},
    {"member": "\ud800"},
    {"engine_id": "e" * 10_000},
    {"engine_id": {"a": 1}},
    {"incarnation": ""},
    {"incarnation": 7},
    {"timeout_s": "300"},
    {"timeout_s": True},
    {"timeout_s": float("nan")},
    {"timeout_s": -1},
    {"timeout_s": None},
]


@pytest.mark.parametrize("changes", GARBAGE, ids=str)
def test_a_request_of_other_content_is_ignored(tmp_path: Path, changes: dict[str, object]) -> None:
    head, values = Head(tmp_path, Ray(busy())), request()
    ask(head.files, values)
    assert state(head.look(), values) == "draining"
    files = MemberFiles(tmp_path / "other", "demo")
    path = files.request(str(values["id"]))
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**values, **changes}))
    assert read_requests(files, "one") == {}


def make_link(path: Path) -> None:
    target = path.with_name("target")
    target.write_text(json.dumps(request()))
    path.symlink_to(target)


def make_loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize(
    "make",
    [
        make_link,
        make_loop,
        Path.mkdir,
        os.mkfifo,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff\xfe\x00"),
        lambda path: path.write_text("[" * 60_000),
        lambda path: path.write_text("9" * 60_000),
        lambda path: path.write_text(json.dumps(request(timeout_s=10**400))[:-1]),
        lambda path: path.write_text(json.dumps(request(reason="x" * 70_000))),
    ],
)
def test_a_file_that_is_no_request_stops_no_report(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    head, other = Head(tmp_path, Ray(busy("e2"))), request(engine="e2")
    path = head.files.request(str(request()["id"]))
    path.parent.mkdir(parents=True)
    make(path)
    ask(head.files, other)
    assert {name: a.state for name, a in head.look().items()} == {other["id"]: "draining"}


@pytest.mark.parametrize("make", [Path.touch, make_loop])
def test_a_folder_of_requests_that_is_none_stops_no_report(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    head = Head(tmp_path, Ray(busy()))
    head.files.folder.mkdir(parents=True)
    make(head.files.requests)
    assert head.look() == {}


def test_a_bounded_number_of_requests_is_read_and_each_of_them_answered(tmp_path: Path) -> None:
    head = Head(tmp_path, Ray())
    for number in range(MOST_REQUESTS + 20):
        ask(head.files, request(engine=f"e{number}"))
    answers = head.look()
    assert len(answers) == MOST_REQUESTS
    assert {answer.state for answer in answers.values()} == {core.AnswerState.DRAINED}


def test_a_reason_is_shown_in_one_line_and_a_time_without_end_has_one(tmp_path: Path) -> None:
    files = MemberFiles(tmp_path, "demo")
    values = request(reason="a\nb\x1b[31m" + "c" * 500, timeout_s=10**400)
    ask(files, values)
    [read] = (read_requests(files, "one") or {}).values()
    assert read.reason.startswith("a b [31mc")
    assert len(read.reason) == 200
    assert read.timeout_s == 30 * 86_400


# Answers.


def test_a_busy_node_is_drained_and_its_end_is_reported(tmp_path: Path) -> None:
    head, values = Head(tmp_path, Ray(busy())), request()
    head.look()
    ask(head.files, values)
    answer = head.look()[str(values["id"])]
    assert (answer.state, answer.remaining_s) == ("draining", 300.0)
    assert answer.message == "Ray drains this node: scaled down"
    assert head.ray.asked == [("n-e1", False)]
    assert head.ray.deadlines_ms == [int((head.clock.seconds + 300) * 1000)]
    assert state(head.look(), values) == "draining"
    head.ray.end("e1")
    assert state(head.look(), values) == "drained"
    assert len(head.ray.asked) == 1


def test_an_idle_node_is_removed_and_a_busy_one_is_refused_for_good(tmp_path: Path) -> None:
    head = Head(tmp_path, Ray(idle("e1"), busy("e2")))
    first, second = request(DRAIN_IF_IDLE), request(DRAIN_IF_IDLE, "e2", "cpu/1")
    ask(head.files, first)
    path = ask(head.files, second)
    answers = head.look()
    assert (state(answers, first), state(answers, second)) == ("draining", "refused")
    assert "no longer idle" in answers[str(second["id"])].message
    # Idle now: the controller has chosen another victim meanwhile.
    head.ray.nodes["e2"] = idle("e2")
    for seconds in (3, 400):
        answers = head.look(seconds)
        assert (state(answers, first), state(answers, second)) == ("drained", "refused")
    assert len(head.ray.asked) == 2
    path.unlink()
    assert state(head.look(3), second) == ""
    ask(head.files, second)
    assert state(head.look(), second) == "draining"


def test_a_node_that_ray_does_not_have_is_drained(tmp_path: Path) -> None:
    head = Head(tmp_path, Ray(busy("e2")))
    values = [request(DRAIN), request(DRAIN_IF_IDLE)]
    for one in values:
        ask(head.files, one)
    assert [state(head.look(), one) for one in values] == ["drained", "drained"]
    assert head.ray.asked == []
    head.ray.nodes["e1"] = busy("e1")  # it was joining
    answers = head.look(3)
    assert [state(answers, one) for one in values] == ["draining", "refused"]


def test_nothing_is_concluded_from_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    head, values, other = Head(tmp_path, Ray(busy())), request(), request(engine="e2")
    ask(head.files, values)
    assert state(head.look(), values) == "draining"
    head.ray.error = "Ray's node table: RpcError"
    ask(head.files, other)
    answers = head.look()
    assert (state(answers, values), state(answers, other)) == ("draining", "failed")
    assert answers[str(other["id"])].message == "Ray's node table: RpcError"
    head.ray.error = ""
    assert state(head.look(), other) == "drained"


def test_a_drain_that_ray_did_not_answer_is_asked_again(tmp_path: Path) -> None:
    head, values = Head(tmp_path, Ray(busy())), request()
    head.ray.failures = ["RpcError: Deadline Exceeded"]
    ask(head.files, values)
    answer = head.look()[str(values["id"])]
    assert (answer.state, answer.message) == ("failed", "RpcError: Deadline Exceeded; trying again")
    assert state(head.look(), values) == "draining"


def test_a_node_that_is_alive_when_its_time_is_over_is_expired(tmp_path: Path) -> None:
    head, values = Head(tmp_path, Ray(busy())), request(timeout_s=10)
    ask(head.files, values)
    assert state(head.look(), values) == "draining"
    assert head.look(9)[str(values["id"])].remaining_s == 1.0
    answer = head.look(3)[str(values["id"])]
    assert (answer.state, answer.remaining_s) == ("expired", 0.0)
    head.ray.end("e1")
    assert state(head.look(3), values) == "drained"


def test_an_idle_drain_that_was_never_accepted_does_not_expire(tmp_path: Path) -> None:
    """After `expired` the controller may stop the node, which could be busy."""
    head, values = Head(tmp_path, Ray(busy())), request(DRAIN_IF_IDLE, timeout_s=2)
    head.ray.failures = ["RpcError", "RpcError"]
    ask(head.files, values)
    assert state(head.look(), values) == "failed"
    assert state(head.look(3), values) == "refused"


def test_a_request_without_time_is_not_put_to_ray(tmp_path: Path) -> None:
    head, values = Head(tmp_path, Ray(busy())), request(timeout_s=0)
    ask(head.files, values)
    assert state(head.look(), values) == "expired"
    assert head.ray.asked == []


def test_a_node_that_drains_already_is_not_drained_again(tmp_path: Path) -> None:
    """Old versions of Ray refuse to drain an idle node that is draining."""
    head = Head(tmp_path, Ray(replace(busy(), draining=True)))
    values = request(DRAIN_IF_IDLE)
    ask(head.files, values)
    assert state(head.look(), values) == "draining"
    assert head.ray.asked == []


def test_a_node_that_joins_again_is_drained_again(tmp_path: Path) -> None:
    head, values = Head(tmp_path, Ray(busy())), request()
    ask(head.files, values)
    assert state(head.look(), values) == "draining"
    head.ray.nodes["e1"] = replace(busy(), node_id="another", started_ms=2)
    assert state(head.look(), values) == "draining"
    assert head.ray.asked == [("n-e1", False), ("another", False)]


def test_a_head_is_not_drained(tmp_path: Path) -> None:
    head = Head(tmp_path, Ray(replace(busy(), instance_id=NOTE.engine_id)))
    values = request(engine=NOTE.engine_id)
    ask(head.files, values)
    assert state(head.look(), values) == "refused"
    assert head.ray.asked == []


def test_a_restarted_reporter_goes_on_with_what_it_reported_last(tmp_path: Path) -> None:
    head = Head(tmp_path, Ray(busy("e1"), busy("e2")))
    values, refused = request(timeout_s=100), request(DRAIN_IF_IDLE, "e2")
    for one in (values, refused):
        ask(head.files, one)
    head.look()
    assert head.look(40)[str(values["id"])].remaining_s == 60.0
    head.restart()
    answers = head.look(0)
    assert answers[str(values["id"])].remaining_s == 60.0
    assert [state(answers, one) for one in (values, refused)] == ["draining", "refused"]
    assert len(head.ray.asked) == 2, "neither was asked again"
    assert state(head.look(61), values) == "expired"


def test_asking_twice_is_asking_once(tmp_path: Path) -> None:
    """The controller repeats a request with the time that is left by its own clock."""
    head, values = Head(tmp_path, Ray(busy())), request(timeout_s=100)
    ask(head.files, values)
    head.look()
    ask(head.files, {**values, "timeout_s": 60.0, "requested_at": "2026-01-31T09:00:40Z"})
    assert head.look(40)[str(values["id"])].remaining_s == 60.0
    assert len(head.ray.asked) == 1


@pytest.mark.parametrize("row", [7, {}, {"state": "x"}, {"state": "draining", "remaining_s": "1"}])
def test_a_last_report_of_other_content_is_ignored(tmp_path: Path, row: object) -> None:
    files, values = MemberFiles(tmp_path, "demo"), request()
    last = {"incarnation": "one", "sequence": 4, "answers": {values["id"]: row}}
    write_json(files.report, last)
    head = Head(tmp_path, Ray(busy()))
    ask(files, values)
    answer = head.look()[str(values["id"])]
    assert (answer.state, answer.remaining_s) == ("draining", 300.0)


def test_a_withdrawn_request_has_no_answer_and_a_moment_without_its_file_gives_no_time(
    tmp_path: Path,
) -> None:
    head, values = Head(tmp_path, Ray(busy())), request(timeout_s=100)
    path = ask(head.files, values)
    head.look()
    head.look(50)
    path.unlink()
    assert head.look(3) == {}
    ask(head.files, values)
    assert head.look(3)[str(values["id"])].remaining_s == 44.0
    path.unlink()
    head.look(3)
    head.look(11)
    ask(head.files, values)
    assert head.look(3)[str(values["id"])].remaining_s == 100.0
    assert len(head.ray.asked) == 1, "it drains already"


def test_requests_to_an_earlier_head_are_removed_and_nothing_else_is(tmp_path: Path) -> None:
    head = Head(tmp_path, Ray(busy("e1"), busy("e2")))
    earlier = ask(head.files, request(engine="e2", incarnation="before"))
    own, note = ask(head.files, request()), head.files.requests / "note.txt"
    note.write_text("keep")
    head.look()
    assert not earlier.exists()
    assert own.exists()
    assert note.exists()


def test_a_frozen_node_holds_neither_the_report_nor_another_answer(tmp_path: Path) -> None:
    head = Head(tmp_path, Ray(busy("e1"), busy("e2")))
    thawed = head.ray.frozen["n-e1"] = threading.Event()
    values = [request(engine="e1"), request(engine="e2")]
    for one in values:
        ask(head.files, one)
    try:
        answers = head.look()
        assert [state(answers, one) for one in values] == ["failed", "draining"]
        assert answers[str(values[0]["id"])].message == "Ray has not answered yet"
        head.look()
        assert head.ray.asked == [("n-e2", False)], "asked once at a time"
    finally:
        thawed.set()
    head.look()
    assert sorted(head.ray.asked) == [("n-e1", False), ("n-e2", False)]
    assert state(head.look(), values[0]) == "draining"


def test_an_answer_that_changes_is_reported_at_once_and_nothing_else_is(tmp_path: Path) -> None:
    head, values = Head(tmp_path, Ray(busy())), request()
    head.look()
    first = head.sequence()
    head.look()
    assert head.sequence() == first, "not due"
    ask(head.files, values)
    head.look()
    assert head.sequence() == 2
    head.look()
    assert head.sequence() == 2, "it still drains"
    head.ray.end("e1")
    head.look()
    assert head.sequence() == 3
    for _ in range(4):
        head.look()
    assert head.sequence() == 4, "one report in three seconds"


# Actors.


def actor(name: str, engine: str = "e1", **resources: float) -> Actor:
    return Actor(name, f"n-{engine}", resources)


def test_actors_of_a_draining_node_restart_elsewhere_as_far_as_there_is_room(
    tmp_path: Path,
) -> None:
    other = replace(busy("e2"), resources={"CPU": 4.0}, used={"CPU": 1.0})
    head, values = Head(tmp_path, Ray(busy(), other)), request()
    head.ray.actors = [
        actor("a", CPU=2.0),
        actor("b", CPU=2.0),
        actor("c", GPU=1.0),
        actor("d"),
        actor("e", "e2"),
    ]
    ask(head.files, values)
    assert state(head.look(), values) == "draining"
    assert head.ray.restarted == [], "Ray could restart them where they are"
    answer = head.look()[str(values["id"])]
    assert head.ray.restarted == ["a", "d"]
    assert answer.message == ("Ray drains this node: scaled down; 2 actors restart on other nodes")
    head.ray.actors = [one for one in head.ray.actors if one.actor_id != "d"]
    head.look(3)
    assert head.ray.restarted == ["a", "d", "b"], "each once, `b` once the others have begun"
    head.look(3)
    assert head.ray.restarted == ["a", "d", "b"]


@pytest.mark.parametrize(
    "other",
    [None, replace(busy("e2"), alive=False), replace(busy("e2"), draining=True)],
)
def test_an_actor_stays_where_no_other_node_can_take_it(
    tmp_path: Path, other: RayNode | None
) -> None:
    head = Head(tmp_path, Ray(busy(), *([] if other is None else [other])))
    head.ray.actors = [actor("a")]
    ask(head.files, request())
    for _ in range(3):
        head.look(3)
    assert head.ray.restarted == []


def test_actors_do_not_move_between_two_nodes_that_drain(tmp_path: Path) -> None:
    head = Head(tmp_path, Ray(busy("e1"), busy("e2")))
    head.ray.actors = [actor("a", "e1"), actor("b", "e2")]
    for engine in ("e1", "e2"):
        ask(head.files, request(engine=engine))
    for _ in range(3):
        head.look(3)
    assert head.ray.restarted == []


def test_an_actor_that_could_not_be_restarted_is_tried_again(tmp_path: Path) -> None:
    head = Head(tmp_path, Ray(busy("e1"), busy("e2")))
    head.ray.actors, head.ray.restarts = [actor("a")], False
    ask(head.files, request())
    head.look()
    head.look(3)
    head.ray.restarts = True
    head.look(3)
    assert head.ray.restarted == ["a"]


# The rest of the report.


def test_the_report_says_its_period_what_is_in_use_and_how_long_a_member_is_silent(
    tmp_path: Path,
) -> None:
    head = Head(tmp_path, Ray(replace(busy(), used={"CPU": 2.0})))

    def row() -> dict[str, object]:
        head.look(3)
        report = read_json(head.files.report) or {}
        assert report["period_s"] == 3.0
        assert report["answers"] == {}
        members = report["members"]
        assert isinstance(members, dict)
        return dict(members["cpu/0"])

    path = head.files.member("cpu/0")
    write_json(path, member_document("cpu/0", "e1"))
    assert (row()["silent_s"], row()["used"]) == (None, {"CPU": 2.0})
    write_json(path, {**member_document("cpu/0", "e1"), "observed_at": "2026-01-31T09:00:04Z"})
    assert [row()["silent_s"] for _ in range(3)] == [0.0, 3.0, 6.0]
    head.restart()
    assert [row()["silent_s"] for _ in range(5)] == [None, None, None, None, 12.0]
    head.ray.end("e1")
    assert row()["used"] == {}
