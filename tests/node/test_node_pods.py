"""Whole launchers in pods, with a stand-in for Ray at the outer edge that behaves as measured."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_world import PATIENCE_S, Pod, Project, fake_environment, wait_for

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_environment(tmp_path_factory.mktemp("fake") / "venv")


@pytest.fixture
def project(tmp_path: Path, environment: Path) -> Iterator[Project]:
    (tmp_path / ".venv").symlink_to(environment)
    project = Project(tmp_path)
    yield project
    project.end()


def test_a_worker_answers_before_there_is_a_head_and_joins_once_there_is(project: Project) -> None:
    worker = project.start("cpu/0")
    worker.wait("waiting-for-head")
    answer = worker.answers("/")
    assert answer is not None
    assert answer[0] == 200
    assert "no head has published its address yet" in answer[1]
    project.start("head").wait("joined")
    worker.wait("joined")
    health = worker.answers("/healthz")
    assert health is not None
    assert json.loads(health[1])["joined"] is True
    assert worker.member_document()["head_incarnation"] == project.head_note()["incarnation"]


def test_a_head_publishes_where_it_really_listens(project: Project) -> None:
    head = project.start("head")
    head.wait("joined")
    note = project.head_note()
    assert note["schema"] == "raycml.head/v1"
    assert str(note["address"]).startswith(f"{head.ip}:")
    assert note["dashboard_port"] == head.port
    assert note["engine_id"] == head.engine_id
    assert note["fingerprint"] == "v1:0123456789abcdef"
    assert note["python_version"] == ".".join(map(str, sys.version_info[:3]))


def test_a_head_whose_address_was_deleted_publishes_it_again(project: Project) -> None:
    project.start("head").wait("joined")
    note = project.head_note()
    path = project.home / ".raycml" / "clusters" / "demo" / "head.json"
    path.unlink()
    wait_for(path.exists, "the address again")
    assert project.head_note() == note


def test_two_heads_on_one_host_take_different_ports(project: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "other")
    other.home.mkdir()
    (other.home / ".venv").symlink_to(tmp_path / ".venv")
    try:
        heads = project.start("head"), other.start("head")
        for head in heads:
            head.wait("joined")
        notes = project.head_note(), other.head_note()
        assert len({str(note["address"]).rpartition(":")[2] for note in notes}) == 2
    finally:
        other.end()


def test_a_worker_follows_a_head_that_comes_back_elsewhere(project: Project) -> None:
    head, worker = project.start("head"), project.start("cpu/0")
    worker.wait("joined")
    before, first = worker.node_pid(), worker.member_document()["head_incarnation"]
    head.kill()
    second = project.start("head")
    second.wait("joined")
    wait_for(lambda: worker.member_document()["head_incarnation"] != first, "a new incarnation")
    worker.wait("joined")
    assert worker.node_pid() == before
    assert second.ip != head.ip
    assert worker.part("raylet")


def test_ray_of_a_worker_outlives_a_head_that_remembers_until_its_store_is_lost(
    project: Project,
) -> None:
    memory = {"gcs_storage": "rocksdb"}
    head, worker = project.start("head", **memory), project.start("cpu/0", **memory)
    worker.wait("joined")
    raylet, note = worker.part("raylet"), project.head_note()
    store = project.home / ".raycml/stores/demo"
    assert any(
        argument.startswith("--address=127.0.0.2:")
        for pid in worker.processes()
        for argument in arguments_of(pid)
    )
    head.kill()
    head = project.start("head", **memory)
    head.wait("joined")
    follows_head(project, worker)
    assert worker.part("raylet") == raylet
    assert project.head_note()["store_generation"] == note["store_generation"]
    head.kill()
    shutil.rmtree(store)
    project.start("head", **memory).wait("joined")
    follows_head(project, worker)
    assert worker.part("raylet") != raylet
    assert project.head_note()["store_generation"] != note["store_generation"]


def follows_head(project: Project, worker: Pod) -> None:
    incarnation = project.head_note()["incarnation"]
    wait_for(
        lambda: worker.member_document()["head_incarnation"] == incarnation, "a new incarnation"
    )
    worker.wait("joined")


def test_a_head_whose_store_is_damaged_says_so_and_the_next_begins_a_new_one(
    project: Project,
) -> None:
    head = project.start("head", gcs_storage="rocksdb")
    head.wait("joined")
    generation = str(project.head_note()["store_generation"])
    head.kill()
    store = project.home / ".raycml/stores/demo"
    (store / generation / "db" / "tables" / "DAMAGED").touch()
    head = project.start("head", gcs_storage="rocksdb")
    assert head.kernel.wait(PATIENCE_S) == 1
    assert head.is_("failed")
    assert head.member_document()["message"] == (
        "Ray cannot open its store: Corruption: no entry; the next start begins a new one"
    )
    head = project.start("head", gcs_storage="rocksdb")
    head.wait("joined")
    assert project.head_note()["store_generation"] != generation
    assert "cannot be used: Corruption: no entry" in head.log()
    wait_for(lambda: len([*store.iterdir()]) == 1, "the damaged store is gone")


def test_a_second_head_waits_for_the_store_of_the_first(project: Project) -> None:
    first = project.start("head", gcs_storage="rocksdb")
    first.wait("joined")
    note = project.head_note()
    second = project.start("head", gcs_storage="rocksdb")
    said = "another process, perhaps the last head, has locked the head's store"
    wait_for(lambda: said in second.log(), "the reason")
    assert project.head_note() == note
    first.kill()
    second.wait("joined")
    assert project.head_note()["store_generation"] == note["store_generation"]


def test_a_worker_whose_raylet_is_killed_joins_again_in_the_same_application(
    project: Project,
) -> None:
    project.start("head")
    worker = project.start("cpu/0")
    worker.wait("joined")
    before = worker.node_pid()
    os.kill(worker.part("raylet"), signal.SIGKILL)
    said = "retrying: `ray start` exited with code 1"
    wait_for(lambda: said in worker.log(), "it says why it starts Ray again")
    worker.wait("joined")
    assert worker.node_pid() == before


def test_a_drained_worker_is_not_taken_for_a_living_one(project: Project) -> None:
    project.start("head")
    worker = project.start("cpu/0")
    worker.wait("joined")
    os.kill(worker.part("raylet"), signal.SIGUSR1)
    worker.wait("retrying")
    assert worker.member_document()["message"] == "Ray drained this node; joining again in 30 s"


def test_a_worker_that_was_drained_by_request_stays_up_until_it_may_join_again(
    project: Project,
) -> None:
    project.start("head")
    worker = project.start("cpu/0")
    worker.wait("joined")
    path = project.request("drain", worker)
    os.kill(worker.part("raylet"), signal.SIGUSR1)
    worker.wait("drained")
    assert not worker.part("raylet")
    page, health = worker.answers("/"), worker.answers("/healthz")
    assert page is not None
    assert f"stays away by request {path.stem} (scaled down)" in page[1]
    assert health is not None
    assert json.loads(health[1])["state"] == "drained"
    path.unlink()
    worker.wait("joined")


@pytest.mark.parametrize("part", ["gcs_server", "dashboard.py", "raylet"])
def test_a_head_that_loses_a_part_fails_and_takes_its_address_back(
    project: Project, part: str
) -> None:
    head = project.start("head")
    head.wait("joined")
    os.kill(head.part(part), signal.SIGKILL)
    assert head.kernel.wait(PATIENCE_S) == 1
    assert head.is_("failed")
    assert project.head_note() == {}
    assert head.processes() == []


@pytest.mark.parametrize("member", ["head", "cpu/0"])
def test_a_stop_leaves_no_process_and_no_file(project: Project, member: str) -> None:
    pod = project.start("head")
    pod.wait("joined")
    if member != "head":
        pod = project.start(member)
        pod.wait("joined")
    assert len(pod.processes()) > 3
    assert pod.terminate() == 0
    assert pod.is_("ended")
    assert pod.processes() == []
    assert list(pod.scratch.iterdir()) == []
    assert (project.head_note() == {}) is (member == "head")


def test_a_second_stop_ends_what_does_not_listen_to_the_first(project: Project) -> None:
    head = project.start("head", environ={"FAKE_RAY_STUBBORN": "1"})
    head.wait("joined")
    head.kernel.send_signal(signal.SIGTERM)
    head.wait("stopping")

    def asked_again_and_over() -> bool:
        # A signal that comes together with the first is the same stop told twice.
        head.kernel.send_signal(signal.SIGTERM)
        return head.kernel.poll() is not None

    wait_for(asked_again_and_over, "the head ended before its ten seconds", 9)
    assert head.processes() == []


def test_the_node_ends_with_its_kernel(project: Project) -> None:
    head = project.start("head")
    head.wait("joined")
    head.kernel.kill()
    head.kernel.wait(PATIENCE_S)
    wait_for(lambda: head.processes() == [], "no process is left")
    assert head.is_("ended")


def test_a_node_program_that_is_killed_takes_ray_along(project: Project) -> None:
    project.start("head")
    worker = project.start("cpu/0")
    worker.wait("joined")
    ray = worker.part("raylet")
    os.kill(worker.node_pid(), signal.SIGKILL)
    assert worker.kernel.wait(PATIENCE_S) == 128 + signal.SIGKILL
    assert ray
    assert not any("start" in arguments_of(pid) for pid in worker.processes())


def arguments_of(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def test_a_worker_gives_up_on_a_head_that_never_comes(project: Project) -> None:
    worker = project.start("cpu/0", environ={"RAYCML_HEAD_WAIT_S": "0.8"})
    assert worker.kernel.wait(PATIENCE_S) == 1
    assert worker.is_("failed")
    assert "no head has published" in str(worker.member_document()["message"])


def test_a_head_that_lost_its_pod_is_not_joined(project: Project) -> None:
    head = project.start("head")
    head.wait("joined")
    head.kill()
    assert project.head_note()["engine_id"] == head.engine_id
    worker = project.start("cpu/0")
    worker.wait("waiting-for-head")
    wait_for(
        lambda: "the head is not running" in str(worker.member_document()["message"]), "the reason"
    )


def test_a_head_with_another_ray_is_waited_out(project: Project) -> None:
    head = project.start("head")
    head.wait("joined")
    path = project.home / ".raycml/clusters/demo/head.json"
    path.write_text(json.dumps({**project.head_note(), "ray_version": "2.59.0"}))
    worker = project.start("cpu/0")
    wait_for(
        lambda: "runs Ray 2.59.0" in str(worker.member_document().get("message")), "the reason"
    )
    assert worker.is_("waiting-for-head")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"python": "nowhere/bin/python"}, "cannot run the interpreter"),
        ({"python": sys.base_prefix + "/bin/python3"}, "has no Ray; install ray[default]==2.60.0"),
        ({"ray_version": "2.61.0"}, "has Ray 2.60.0, but the spec says 2.61.0"),
    ],
)
def test_an_interpreter_that_cannot_run_the_node_is_named(
    project: Project, changes: dict[str, object], message: str
) -> None:
    pod = project.start("cpu/0", **changes)
    assert pod.kernel.wait(PATIENCE_S) == 3
    assert pod.is_("failed")
    assert message in str(pod.member_document()["message"])
    assert message in project.output(pod)
    assert message in pod.log()


def test_a_launcher_outside_of_its_application_says_so(project: Project) -> None:
    pod = project.start("cpu/0", environ={"RAYCML_MEMBER": "gpu/0"})
    assert pod.kernel.wait(PATIENCE_S) == 3
    assert "RAYCML_MEMBER is gpu/0, but the launcher is of cpu" in project.output(pod)


def test_the_kernel_shows_what_the_node_says(project: Project) -> None:
    head = project.start("head")
    head.wait("joined")
    assert head.terminate() == 0
    assert "joined: Ray's head answers at" in project.output(head)
    assert "ended: stopped" in project.output(head)
