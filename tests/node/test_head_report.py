"""The head report: Ray's node table joined to what members say of themselves."""

import contextlib
import json
import socket
import threading
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pytest
from node_world import wait_for
from test_node_parts import NOTE, HandClock

from controller.core.model.member import Member
from controller.core.model.ray.report import MemberReport
from controller.files.reports import parse_report
from controller.node.clock import stamp
from controller.node.project_files import MemberFiles, read_json, write_head, write_json
from controller.node.ray.actors import Actor
from controller.node.ray.gcs import Demand, DrainReply, RayNode, Reading
from controller.node.reach import probe
from controller.node.report import Reporter, join


class Said:
    """A source that says what it was given."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading

    def read(self) -> Reading:
        return self.reading

    def drain_node(self, *_: object, if_idle: bool) -> DrainReply:
        return DrainReply(accepted=not if_idle)

    def movable_actors(self, node_ids: Collection[str]) -> list[Actor]:
        return []

    def restart_actor(self, actor_id: str) -> bool:
        return False


def node(engine: str, *, alive: bool = True, node_id: str = "aa", started_ms: int = 1) -> RayNode:
    return RayNode(
        node_id=node_id,
        node_ip="10.0.0.2",
        node_name="cpu/0",
        instance_id=engine,
        alive=alive,
        fingerprint="v1:abcd",
        resources={"CPU": 4.0},
        started_ms=started_ms,
        idle_s=12.5,
    )


def member_document(member: str, engine: str) -> dict[str, object]:
    return {
        "schema": "raycml.member/v1",
        "member": member,
        "engine_id": engine,
        "state": "joined",
        "message": "well",
        "since": "2026-01-31T09:00:00Z",
        "observed_at": stamp(HandClock().now()),
    }


def alive(joined: dict[str, object], member: str) -> object:
    members = joined["members"]
    assert isinstance(members, dict)
    return members[member]["alive"]


def test_a_node_is_a_members_by_the_engine_that_both_name() -> None:
    joined = join([member_document("cpu/0", "e1")], [node("e1")])
    assert joined["members"] == {
        "cpu/0": {
            "engine_id": "e1",
            "state": "joined",
            "message": "well",
            "since": "2026-01-31T09:00:00Z",
            "alive": True,
            "node_id": "aa",
            "node_ip": "10.0.0.2",
            "fingerprint": "v1:abcd",
            "resources": {"CPU": 4.0},
            "used": {},
            "idle_s": 12.5,
            "silent_s": None,
            "mesh": "",
            "to_head": "",
            "from_head": "",
            "pod_name": "",
            "host_name": "",
            "ray_version": "",
            "python_version": "",
        }
    }
    assert joined["unknown_nodes"] == []


def test_the_size_of_an_object_store_and_what_it_could_be_are_reported() -> None:
    sizes = {"store_bytes": 4, "store_asked_bytes": 19, "shm_bytes": 5}
    joined = join([{**member_document("cpu/0", "e1"), **sizes}], [node("e1")])
    members = joined["members"]
    assert isinstance(members, dict)
    assert {name: members["cpu/0"][name] for name in sizes} == sizes
    read = MemberReport(alive=True, **sizes)
    assert read.is_capped
    assert not replace(read, store_bytes=19, shm_bytes=20).is_capped
    assert replace(read, store_bytes=19).is_capped, "it is on disk"


def test_a_node_of_an_earlier_pod_does_not_make_a_member_alive() -> None:
    joined = join([member_document("cpu/0", "e2")], [node("e1")])
    assert alive(joined, "cpu/0") is False
    assert joined["unknown_nodes"] == [
        {
            "node_id": "aa",
            "node_ip": "10.0.0.2",
            "node_name": "cpu/0",
            "instance_id": "e1",
            "fingerprint": "v1:abcd",
        }
    ]


def test_a_member_without_an_engine_is_nobodys_node() -> None:
    joined = join([member_document("cpu/0", "")], [node("")])
    assert alive(joined, "cpu/0") is False


def test_after_a_head_that_remembers_came_back_the_dead_one_is_no_member() -> None:
    documents = [member_document("head", "h2"), member_document("cpu/0", "e1")]
    table = [node("h1", alive=False, node_id="a1"), node("e1", node_id="b1"), node("h2")]
    joined = join(documents, table)
    assert (alive(joined, "head"), alive(joined, "cpu/0")) == (True, True)
    assert joined["unknown_nodes"] == []


def test_the_living_node_counts_however_late_the_dead_one_started() -> None:
    dead = node("e1", alive=False, node_id="dead", started_ms=9)
    for nodes in ([dead, node("e1")], [node("e1"), dead]):
        assert alive(join([member_document("cpu/0", "e1")], nodes), "cpu/0") is True


def test_a_dead_node_is_neither_alive_nor_idle_nor_unknown() -> None:
    joined = join(
        [member_document("cpu/0", "e1")], [node("e1", alive=False), node("e9", alive=False)]
    )
    assert alive(joined, "cpu/0") is False
    assert joined["unknown_nodes"] == []
    assert '"idle_s": null' in json.dumps(joined)


def reporter(files: MemberFiles, reading: Reading, clock: HandClock) -> Reporter:
    return Reporter(NOTE, files, Said(reading), clock, probe)


class Answering:
    """A server in this process that answers as a gRPC server, or closes at once."""

    def __init__(self, *, answers: bool) -> None:
        self._answers = answers
        self._link = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._link.getsockname()[1]
        self.calls = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                with self._link.accept()[0] as link:
                    self.calls += 1
                    if self._answers:
                        link.recv(64)
                        link.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))

    def close(self) -> None:
        self._link.close()


def test_the_report_says_if_the_head_reaches_each_node(tmp_path: Path) -> None:
    """Also of a node that Ray then takes for dead, since that may be the cause."""
    files, clock = MemberFiles(tmp_path, "demo"), HandClock()
    servers = [Answering(answers=True), Answering(answers=False)]
    nodes = tuple(
        replace(node(f"e{n}", node_id=f"n{n}"), node_ip="127.0.0.1", port=n and server.port)
        for n, server in enumerate(servers)
    )
    for n in range(2):
        document = member_document(f"cpu/{n}", f"e{n}")
        # Ray 2.20 has no ports in its node table, so its member's counts.
        if n == 0:
            document["ports"] = {"node-manager-port": servers[0].port}
        write_json(files.member(f"cpu/{n}"), document)
    alive = Said(Reading(nodes, (), "", ""))
    writer = Reporter(NOTE, files, alive, clock, probe)

    def outcomes() -> list[str]:
        writer.report()
        read = parse_report(files.report.read_bytes(), "demo")
        assert read is not None
        return [read.members[f"cpu/{n}"].from_head for n in range(2)]

    assert outcomes() == ["", ""]
    wait_for(lambda: outcomes() == ["reached", "closed"], "the outcomes of both probes")
    asked = [server.calls for server in servers]
    clock.seconds += 11
    wait_for(lambda: outcomes() and servers[1].calls > asked[1], "a second probe of the second")
    assert servers[0].calls == asked[0]
    alive.reading = Reading(tuple(replace(n, alive=False) for n in nodes), (), "", "")
    assert outcomes() == ["reached", "closed"]
    for server in servers:
        server.close()


def test_the_mesh_of_the_head_is_that_of_the_report(tmp_path: Path) -> None:
    files = MemberFiles(tmp_path, "demo")
    for member, mesh in (("head", "istio"), ("cpu/0", "none")):
        write_json(files.member(member), {**member_document(member, "e1"), "mesh": mesh})
    reporter(files, Reading((), (), "", ""), HandClock()).report()
    read = parse_report(files.report.read_bytes(), "demo")
    assert read is not None
    assert (read.mesh, read.members["cpu/0"].mesh) == ("istio", "none")


def test_the_controller_reads_what_the_head_writes(tmp_path: Path) -> None:
    files, clock = MemberFiles(tmp_path, "demo"), HandClock()
    write_json(files.member("cpu/0"), member_document("cpu/0", "e1"))
    reading = Reading((node("e1"),), (Demand({"GPU": 1.0}, 3),), "session_1", "")
    reporter(files, reading, clock).report()
    read = parse_report(files.report.read_bytes(), "demo")
    assert read is not None
    assert read.observed_at.timestamp() == clock.now()
    assert read.incarnation == "one"
    assert read.members["cpu/0"].idle_s == 12.5
    body = read_json(files.report) or {}
    assert read.members.keys() == body["members"].keys()
    assert body["pending_demand"] == [{"resources": {"GPU": 1.0}, "count": 3}]
    assert Member("cpu", 0)


def test_reports_are_numbered_on_over_a_restart_of_the_reporter(tmp_path: Path) -> None:
    files = MemberFiles(tmp_path, "demo")
    for _ in range(2):
        reporter(files, Reading((), None, "", ""), HandClock()).report()
    assert (read_json(files.report) or {})["sequence"] == 2


def test_a_failure_of_ray_is_said_and_leaves_what_is_unknown_unknown(tmp_path: Path) -> None:
    files = MemberFiles(tmp_path, "demo")
    reporter(files, Reading((), None, "", "no GCS"), HandClock()).report()
    body = read_json(files.report) or {}
    assert (body["error"], body["pending_demand"]) == ("no GCS", None)


@pytest.mark.parametrize("started_at", ["2026-01-31T08:00:00Z", "2099-01-01T00:00:00Z", "", "x"])
def test_a_head_that_was_replaced_reports_no_more(tmp_path: Path, started_at: str) -> None:
    """And one that is not published yet does, whatever the times in the file say."""
    files = MemberFiles(tmp_path, "demo")
    other = replace(NOTE, incarnation="two", started_at=started_at)
    write_head(files, other)
    reporting = reporter(files, Reading((), None, "", ""), HandClock())
    reporting.report()
    assert files.report.exists()
    write_head(files, NOTE)
    reporting.report()
    files.report.unlink()
    write_head(files, other)
    reporting.report()
    assert not files.report.exists()


def members_after(
    files: MemberFiles, clock: HandClock, seconds: float, step_s: float = 30
) -> object:
    reporting = reporter(files, Reading((node("e1"),), None, "", ""), clock)
    for _ in range(int(seconds // step_s) + 1):
        reporting.report()
        clock.seconds += step_s
    return (read_json(files.report) or {})["members"]


def test_a_members_file_that_its_pod_left_a_day_ago_is_removed(tmp_path: Path) -> None:
    files, clock = MemberFiles(tmp_path, "demo"), HandClock()
    write_json(files.member("cpu/0"), member_document("cpu/0", "e1"))
    (files.members / "junk.json").write_text("junk")
    clock.seconds += 25 * 3600
    assert members_after(files, clock, 90) == {}
    assert [path.name for path in files.members.iterdir()] == ["junk.json"]


@pytest.mark.parametrize("text", ["2099-01-01T00:00:00Z", stamp(HandClock().now() + 7200)])
def test_a_file_from_the_future_is_removed_once_it_was_unchanged_for_a_day(
    tmp_path: Path, text: str
) -> None:
    files, clock = MemberFiles(tmp_path, "demo"), HandClock()
    write_json(files.member("cpu/0"), {**member_document("cpu/0", "e1"), "observed_at": text})
    assert members_after(files, clock, 23 * 3600, 3600) != {}
    assert members_after(files, clock, 25 * 3600, 3600) == {}
    assert list(files.members.iterdir()) == []


@pytest.mark.parametrize("ahead_s", [2 * 86_400, 3e9])
def test_a_head_whose_clock_is_ahead_removes_no_file_of_a_living_member(
    tmp_path: Path, ahead_s: float
) -> None:
    files, clock = MemberFiles(tmp_path, "demo"), HandClock()
    clock.seconds += ahead_s
    reporting = reporter(files, Reading((node("e1"),), None, "", ""), clock)
    for n in range(60):
        observed_at = stamp(HandClock().now() + 4 * n)
        write_json(
            files.member("cpu/0"), {**member_document("cpu/0", "e1"), "observed_at": observed_at}
        )
        reporting.report()
        clock.seconds += 4
        assert (read_json(files.report) or {})["members"]
