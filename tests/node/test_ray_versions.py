"""Differences between versions of Ray, where a process of Ray is not needed to see them."""

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from node_world import settings
from test_node_parts import POD, make_pod, option, worker

from controller.core.spec.ray import versions as spec_versions
from controller.node.pod import read_pod, read_settings
from controller.node.project_files import MemberFiles
from controller.node.ray import command, tokens, versions
from controller.node.ray.actors import GcsActors
from controller.node.ray.gcs import GcsSource
from controller.node.ray.run import TempDir
from controller.node.ray.versions import MATCH_LEVEL, habits, python_agrees, python_level


def test_spec_and_node_program_have_one_range_and_the_same_first_versions() -> None:
    assert (spec_versions.OLDEST, spec_versions.NEWEST) == (versions.OLDEST, versions.NEWEST)
    assert versions.SINCE["drains_at_term"] == spec_versions.DRAINS_AT_TERM
    assert versions.SINCE["match_level"] == spec_versions.MATCH_LEVEL
    assert versions.SINCE["tokens"] == spec_versions.TOKENS
    assert versions.SINCE["rocksdb"] <= spec_versions.REMEMBERS
    assert spec_versions.LEVEL_VARIABLE == MATCH_LEVEL


def test_every_first_version_is_in_the_range_and_changes_something() -> None:
    for name, first in versions.SINCE.items():
        assert versions.OLDEST < first <= versions.NEWEST, name


@pytest.mark.parametrize(
    ("version", "pairs"),
    [("2.44.1", False), ("2.45.0", True), ("2.45.0rc1", True), ("2.9.3", False), ("2.100.0", True)],
)
def test_a_version_is_compared_by_its_numbers(version: str, *, pairs: bool) -> None:
    assert habits(version).label_pairs is pairs


def test_an_old_ray_takes_labels_as_json_and_a_new_one_as_pairs() -> None:
    old = json.loads(option(worker(ray_version="2.44.1"), "labels"))
    new = dict(
        pair.split("=") for pair in option(worker(ray_version="2.45.0"), "labels").split(",")
    )
    assert old == new
    assert old["raycml.member"] == "cpu-2"


def test_a_worker_names_a_folder_only_where_its_ray_takes_one() -> None:
    assert option(worker(ray_version="2.55.0"), "temp-dir") == "/tmp/t"
    assert not [a for a in worker(ray_version="2.54.1") if a.startswith("--temp-dir")]


def test_a_head_of_any_version_names_its_folder() -> None:
    values = read_settings(settings(group="head", ray_version="2.10.0"))
    where = read_pod(values, {**POD, "RAYCML_MEMBER": "head"}, Path("/home/cdsw"))
    size, free = command.Sizes(memory=10, store=20), {"port": 6400}
    assert option(command.start_arguments(values, where, "/t", size, free), "temp-dir") == "/t"


@pytest.mark.parametrize(("version", "mode"), [("2.51.2", None), ("2.52.0", "disabled")])
def test_the_auth_mode_is_set_where_ray_has_one(version: str, mode: str | None) -> None:
    values = read_settings(settings(ray_version=version))
    files = MemberFiles(Path("/home/cdsw"), "demo")
    auth = tokens.variables("disabled", files, values.ray_version)
    variables = command.environment({}, values, make_pod(), "start", "/x/python", auth)
    assert variables.get("RAY_AUTH_MODE") == mode


@pytest.mark.parametrize(
    ("version", "variables", "level"),
    [
        ("2.60.0", {}, "patch"),
        ("2.60.0", {MATCH_LEVEL: "minor"}, "minor"),
        ("2.60.0", {MATCH_LEVEL: "major"}, "patch"),
        ("2.50.1", {MATCH_LEVEL: "minor"}, "patch"),
    ],
)
def test_pythons_are_compared_to_the_level_that_ray_reads(
    version: str, variables: dict[str, str], level: str
) -> None:
    assert python_level(version, variables) == level


def test_pythons_agree_to_a_level() -> None:
    assert python_agrees("3.11.7", "3.11.7", "patch")
    assert not python_agrees("3.11.7", "3.11.9", "patch")
    assert python_agrees("3.11.7", "3.11.9", "minor")
    assert not python_agrees("3.1.7", "3.11.7", "minor")


# The head's folder on a worker's disk.


@pytest.fixture
def temp_dir() -> Iterator[Callable[[bool], TempDir]]:
    """Makes folders, which lie in /tmp since their paths are short; gone at the end."""
    with contextlib.ExitStack() as stack:

        def make(adopts: bool) -> TempDir:
            made = TempDir(adopts=adopts)
            stack.callback(shutil.rmtree, made.path, ignore_errors=True)
            return made

        yield make


def test_a_folder_that_ray_chose_by_the_heads_is_removed_with_its_own(
    tmp_path: Path, temp_dir: Callable[[bool], TempDir]
) -> None:
    other = tmp_path / "raycml-of-the-head"
    other.mkdir()
    folder = temp_dir(True)
    folder.adopt(["raylet", f"--temp_dir={other}", "--x"])
    folder.remove()
    assert not other.exists()
    assert not Path(folder.path).exists()


def test_the_heads_own_folder_on_a_shared_disk_is_not_removed(
    tmp_path: Path, temp_dir: Callable[[bool], TempDir]
) -> None:
    logs = tmp_path / "raycml-of-the-head" / "session_1" / "logs"
    logs.mkdir(parents=True)
    (logs / "gcs_server.out").touch()
    folder = temp_dir(True)
    folder.adopt(["raylet", f"--temp_dir={logs.parents[1]}"])
    folder.remove()
    assert logs.exists()


@pytest.mark.parametrize(("name", "adopts"), [("raycml-x", False), ("somebodys", True)])
def test_no_other_folder_is_removed(
    tmp_path: Path, temp_dir: Callable[[bool], TempDir], name: str, *, adopts: bool
) -> None:
    other = tmp_path / name
    other.mkdir()
    folder = temp_dir(adopts)
    folder.adopt(["raylet", f"--temp_dir={other}"])
    folder.remove()
    assert other.exists()


# The state of Ray, by an old one's tables.


class OldClient:
    """Ray 2.10: rows as dicts with bytes, everything else in the cluster status."""

    def __init__(self, reply: bytes) -> None:
        self.reply = reply
        self.drained: list[tuple[object, ...]] = []

    def get_all_node_info(self, timeout: float) -> dict[bytes, dict[str, object]]:
        row = {
            "node_name": b"cpu/0",
            "state": 0,
            "labels": {b"raycml.fingerprint": b"v1.0123456789abcdef"},
            "resources": {"CPU": 1.0, "node:10.0.0.7": 1.0},
        }
        return {b"\x01\x02": row}

    def get_cluster_status(self, timeout_s: float) -> bytes:
        return self.reply

    def drain_node(self, *request: object) -> tuple[bool, str]:
        self.drained.append(request)
        return True, ""


@pytest.fixture
def client() -> OldClient:
    messages = pytest.importorskip("ray.core.generated.autoscaler_pb2")
    reply = messages.GetClusterStatusReply()
    reply.cluster_resource_state.cluster_session_name = "session_1"
    node = reply.cluster_resource_state.node_states.add()
    node.node_id, node.instance_id, node.node_ip_address = b"\x01\x02", "engine", "10.0.0.7"
    node.status, node.idle_duration_ms = messages.NodeStatus.IDLE, 1500
    return OldClient(reply.SerializeToString())


@pytest.fixture
def source(client: OldClient) -> GcsSource:
    return GcsSource(client, pytest.importorskip("ray.core.generated.autoscaler_pb2"))


def test_an_old_rays_rows_are_joined_with_its_cluster_status(source: GcsSource) -> None:
    (node,) = source.read().nodes
    assert (node.node_id, node.instance_id, node.node_ip) == ("0102", "engine", "10.0.0.7")
    assert (node.node_name, node.alive, node.idle_s) == ("cpu/0", True, 1.5)
    assert node.fingerprint == "v1:0123456789abcdef"
    assert node.resources == {"CPU": 1.0}


def test_without_its_cluster_status_an_old_rays_rows_are_no_reading(
    source: GcsSource, client: OldClient
) -> None:
    client.reply = b"\xff"
    reading = source.read()
    assert reading.nodes == ()
    assert reading.error.startswith("Ray's cluster status: ")


def test_the_node_of_a_pod_is_drained_by_its_engine(source: GcsSource, client: OldClient) -> None:
    assert source.drain("engine", "stopped", 1000)
    ((node_id, _, message, deadline),) = client.drained
    assert (node_id, message, deadline) == ("0102", "stopped", 1000)
    assert not source.drain("another", "stopped", 1000)


# Actors.


class Actors:
    """The GCS's service for actors, with the messages of the installed Ray."""

    def __init__(self, messages: Any) -> None:
        self.reply = messages.GetAllActorInfoReply()
        self.killed: list[Any] = []

    def add(self, **fields: object) -> None:
        """An actor on node 0102 that may restart once, unless the fields say otherwise."""
        row = self.reply.actor_table_data.add()
        row.actor_id = f"a{len(self.reply.actor_table_data)}".encode()
        row.state, row.max_restarts, row.ray_namespace = 2, 1, "team"
        row.placement_group_id = b"\xff" * 18
        row.address.node_id = b"\x01\x02"
        for name, value in fields.items():
            setattr(row, name, value)

    def GetAllActorInfo(self, request: Any, timeout: float) -> Any:  # noqa: N802 - Ray's name
        return self.reply

    def KillActorViaGcs(self, request: Any, timeout: float) -> None:  # noqa: N802 - Ray's name
        self.killed.append(request)


@pytest.fixture
def messages() -> Any:
    return pytest.importorskip("ray.core.generated.gcs_service_pb2")


@pytest.mark.parametrize(
    ("fields", "moves"),
    [
        ({}, True),
        ({"max_restarts": -1, "num_restarts": 90}, True),
        ({"num_restarts": 1}, False),
        ({"num_restarts": 1, "num_restarts_due_to_node_preemption": 1}, True),
        ({"max_restarts": 0}, False),
        ({"state": 3}, False),
        ({"ray_namespace": "serve"}, False),
        ({"placement_group_id": b"\x01" * 18}, False),
    ],
)
def test_an_actor_moves_if_ray_would_restart_it_on_any_node(
    messages: Any, fields: dict[str, object], *, moves: bool
) -> None:
    service = Actors(messages)
    service.add(**fields)
    actors = GcsActors(service, messages)
    assert [one.node_id for one in actors.movable({"0102"})] == ["0102"] * moves
    assert actors.movable({"0304"}) == []


def test_an_actor_that_selects_nodes_by_label_stays(messages: Any) -> None:
    service = Actors(messages)
    service.add()
    service.reply.actor_table_data[0].label_selector["tier"] = "spot"
    assert GcsActors(service, messages).movable({"0102"}) == []


def test_the_node_of_an_actor_has_another_name_in_old_versions(messages: Any) -> None:
    address = SimpleNamespace(raylet_id=b"\x01\x02")
    row = SimpleNamespace(
        actor_id=b"a",
        state=2,
        max_restarts=1,
        num_restarts=0,
        ray_namespace="",
        placement_group_id=b"\xff",
        required_resources={"CPU": 1.0},
        address=address,
    )
    service = Actors(messages)
    service.reply = SimpleNamespace(actor_table_data=[row])
    [actor] = GcsActors(service, messages).movable({"0102"})
    assert (actor.actor_id, actor.resources) == ("61", {"CPU": 1.0})


def test_an_actor_restarts_after_the_method_that_it_runs(messages: Any) -> None:
    service = Actors(messages)
    GcsActors(service, messages).restart("6131")
    [request] = service.killed
    assert (request.actor_id, request.force_kill, request.no_restart) == (b"a1", False, False)


def test_without_an_answer_about_actors_they_stay(client: OldClient) -> None:
    messages = pytest.importorskip("ray.core.generated.autoscaler_pb2")
    for actors in (None, GcsActors(None, None)):
        source = GcsSource(client, messages, actors)
        assert source.movable_actors({"0102"}) == []
        assert not source.restart_actor("6131")
