"""The node program's parts that need no process: settings, command line, files, log, page."""

import http.client
import http.server
import json
import os
import socket
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from node_world import settings

from controller.node import ports
from controller.node.clock import Clock, parse_stamp, stamp
from controller.node.log import Log
from controller.node.member_state import MemberState, Versions
from controller.node.page import serve
from controller.node.pod import Pod, PodError, read_pod, read_settings
from controller.node.project_files import (
    HeadRecord,
    MemberFiles,
    host_port,
    read_head,
    read_json,
    remove_head,
    write_head,
    write_json,
)
from controller.node.ray import command, fixed_ports, tokens
from controller.node.server import Server

GIB = 1024**3
POD = {
    "CDSW_ENGINE_ID": "engine",
    "CDSW_IP_ADDRESS": "10.0.0.7",
    "CDSW_APP_PORT": "8100",
    "RAYCML_CLUSTER": "demo",
    "RAYCML_MEMBER": "cpu/2",
}


class HandClock(Clock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds


def make_pod(**changes: str) -> Pod:
    return read_pod(read_settings(settings()), {**POD, **changes}, Path("/home/cdsw"))


def option(arguments: list[str], name: str) -> str:
    values = [a.partition("=")[2] for a in arguments if a.startswith(f"--{name}=")]
    assert len(values) == 1, f"{name} is said {len(values)} times"
    return values[0]


def worker(where: Pod | None = None, **changes: object) -> list[str]:
    size = command.Sizes(memory=10, store=20)
    values = read_settings(settings(**changes))
    some = {"dashboard-agent-listen-port": 52400}
    return command.start_arguments(
        values, where or make_pod(), "/tmp/t", size, some, "10.0.0.1:6379"
    )


def head(where: Pod, **changes: object) -> list[str]:
    values = read_settings(settings(group="head", **changes))
    size = command.Sizes(memory=10, store=20)
    some = {"dashboard-agent-listen-port": 52400, "port": 6400, "ray-client-server-port": 10050}
    return command.start_arguments(values, where, "/t", size, some)


# Settings and pod.


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("cluster", "../up"),
        ("cluster", None),
        ("group", ""),
        ("fingerprint", "0123"),
        ("launcher", ""),
        ("python", "a\0b"),
        ("ray_version", 2.6),
        ("cpu", 0),
        ("cpu", True),
        ("memory_gib", "4"),
        ("memory_gib", float("inf")),
        ("gpu", -1),
        ("gpu", 0.5),
        ("ray_start_params", []),
        ("ray_start_params", {"num-cpus": 1}),
    ],
)
def test_a_wrong_setting_is_named(key: str, value: object) -> None:
    with pytest.raises(PodError, match=f"`{key}`"):
        read_settings(settings(**{key: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CDSW_ENGINE_ID", ""),
        ("CDSW_IP_ADDRESS", ""),
        ("CDSW_APP_PORT", "http"),
        ("CDSW_APP_PORT", "70000"),
        ("RAYCML_CLUSTER", "other"),
        ("RAYCML_MEMBER", "head"),
        ("RAYCML_MEMBER", "gpu/0"),
        ("RAYCML_MEMBER", "cpu/../../x"),
        ("RAYCML_HEAD_WAIT_S", "nan"),
        ("RAYCML_HEAD_WAIT_S", "soon"),
    ],
)
def test_a_wrong_variable_is_named(name: str, value: str) -> None:
    with pytest.raises(PodError, match=name):
        make_pod(**{name: value})


def test_the_second_port_serves_where_there_is_no_first() -> None:
    assert make_pod(CDSW_APP_PORT="", CDSW_READONLY_PORT="8200").port == 8200


# The dashboard.


class Dashboard(http.server.BaseHTTPRequestHandler):
    """As Ray's up to 2.50: a request needs a `User-Agent`."""

    def do_GET(self) -> None:
        self.send_response(200 if self.headers.get("User-Agent") else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_dashboard_that_asks_for_a_name_answers() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Dashboard) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            assert ports.answers(server.server_port, "/api/gcs_healthz")
        finally:
            server.shutdown()
            thread.join()


# The command line.


def test_ray_is_told_the_sizes_and_the_names() -> None:
    arguments = worker(gpu=2, cpu=3.5)
    assert option(arguments, "address") == "10.0.0.1:6379"
    assert option(arguments, "node-ip-address") == "10.0.0.7"
    assert option(arguments, "node-name") == "cpu/2"
    assert option(arguments, "num-cpus") == "4"
    assert option(arguments, "num-gpus") == "2"
    assert option(arguments, "memory") == "10"
    assert option(arguments, "object-store-memory") == "20"
    assert option(arguments, "dashboard-agent-listen-port") == "52400"
    assert {"--block", "--disable-usage-stats"} <= {*arguments}


def test_labels_are_words_that_ray_accepts_and_lead_back_to_the_fingerprint() -> None:
    labels = dict(pair.split("=") for pair in option(worker(), "labels").split(","))
    assert labels["raycml.member"] == "cpu-2"
    assert ":" not in labels["raycml.fingerprint"]
    assert command.fingerprint_of(labels["raycml.fingerprint"]) == settings()["fingerprint"]


def test_labels_of_the_spec_join_those_of_raycml() -> None:
    own = dict(pair.split("=") for pair in option(worker(), "labels").split(","))
    labels = dict(
        pair.split("=")
        for pair in option(worker(labels={"tier": "spot", "a.b/c": ""}), "labels").split(",")
    )
    assert labels == {**own, "tier": "spot", "a.b/c": ""}


@pytest.mark.parametrize("labels", [["tier"], {"tier": 1}, {"tier": "\0"}, None])
def test_labels_that_are_no_texts_are_refused(labels: object) -> None:
    with pytest.raises(PodError, match="`labels`"):
        read_settings(settings(labels=labels))


def test_start_parameters_of_the_spec_win() -> None:
    arguments = worker(ray_start_params={"num-cpus": "0", "resources": '{"a": 1}'})
    assert option(arguments, "num-cpus") == "0"
    assert option(arguments, "resources") == '{"a": 1}'


@pytest.mark.parametrize(
    ("cpu", "expected"), [(0.1, "1"), (0.5, "1"), (1, "1"), (1.5, "2"), (4, "4")]
)
def test_a_fraction_of_a_core_is_rounded_up(cpu: float, expected: str) -> None:
    assert option(worker(cpu=cpu), "num-cpus") == expected


def test_the_dashboard_is_the_page_of_the_application() -> None:
    arguments = head(make_pod())
    assert option(arguments, "dashboard-host") == "127.0.0.1"
    assert option(arguments, "dashboard-port") == "8100"
    assert option(arguments, "port") == "6400"
    assert option(arguments, "ray-client-server-port") == "10050"
    assert "--head" in arguments


def test_workers_of_a_pod_have_a_range_below_the_ports_of_a_sidecar() -> None:
    arguments = worker()
    assert option(arguments, "min-worker-port") == "10002"
    assert option(arguments, "max-worker-port") == "14999"
    arguments = head(replace(make_pod(), port=12000))
    assert option(arguments, "min-worker-port") == "12001"
    one_end = worker(ray_start_params={"min-worker-port": "16000"})
    assert option(one_end, "max-worker-port") == "19999"


def test_pods_that_share_a_host_do_not_share_a_range_of_ports() -> None:
    assert option(worker(replace(make_pod(), ip="127.0.0.9")), "min-worker-port") == "0"
    mine = {"min-worker-port": "20000", "max-worker-port": "20100"}
    chosen = worker(replace(make_pod(), ip="127.0.0.9"), ray_start_params=mine)
    assert option(chosen, "min-worker-port") == "20000"


@pytest.mark.parametrize(
    ("written", "page", "ports"),
    [
        (("20000", "20100"), 8100, ("20000", "20100")),
        (("20000", "20100"), 20010, ("20011", "20100")),
        (("20000", "20100"), 20099, ("20000", "20098")),
        (("20000", "60000"), 30000, ("30001", "52399")),
        (("20000", "20001"), 20000, ("0", "0")),
    ],
)
def test_a_range_of_the_spec_leaves_out_ports_that_are_taken(
    written: tuple[str, str], page: int, ports: tuple[str, str]
) -> None:
    mine = dict(zip(("min-worker-port", "max-worker-port"), written, strict=True))
    arguments = worker(replace(make_pod(), port=page), ray_start_params=mine)
    assert option(arguments, "min-worker-port") == ports[0]
    assert option(arguments, "max-worker-port") == ports[1]


def test_a_list_of_the_spec_leaves_out_ports_that_are_taken() -> None:
    mine = {"worker-port-list": "20000,20001"}
    arguments = worker(replace(make_pod(), port=20001), ray_start_params=mine)
    assert option(arguments, "worker-port-list") == "20000"
    mine = {"worker-port-list": "20001"}
    arguments = worker(replace(make_pod(), port=20001), ray_start_params=mine)
    assert option(arguments, "min-worker-port") == "0"
    assert not [argument for argument in arguments if "worker-port-list" in argument]


def test_a_port_that_another_part_of_ray_has_is_not_claimed() -> None:
    mine = {"metrics-export-port": "46399", "min-worker-port": "30000", "max-worker-port": "30009"}
    values = read_settings(settings(ray_start_params=mine))
    avoided = command.avoided_ports(values, make_pod())
    assert avoided == {46399, 8100, 8265, 10001, *range(30000, 30010)}
    claimed = ports.claim(46_399, "127.0.0.1", avoided)
    assert claimed.port not in avoided
    claimed.release()
    head_values = read_settings(settings(group="head"))
    assert command.avoided_ports(head_values, make_pod()) == {8100, *range(10002, 15000)}


def test_every_port_of_the_table_is_claimed_but_those_that_the_spec_sets() -> None:
    on_worker = {row.option: row.port for row in fixed_ports.wanted(head=False, params={})}
    assert on_worker == {
        "node-manager-port": 6380,
        "object-manager-port": 6381,
        "runtime-env-agent-port": 6382,
        "dashboard-agent-grpc-port": 6383,
        "dashboard-agent-listen-port": 52365,
        "metrics-export-port": 9090,
    }
    on_head = {row.option: row.port for row in fixed_ports.wanted(head=True, params={})}
    assert on_head == {**on_worker, "port": 6379, "ray-client-server-port": 10001}
    mine = {"metrics-export-port": "0", "node-manager-port": "7000"}
    rest = {row.option for row in fixed_ports.wanted(head=False, params=mine)}
    assert rest == on_worker.keys() - mine.keys()


def test_a_port_of_the_table_gives_way_to_the_same_port_elsewhere_in_the_spec() -> None:
    values = read_settings(settings(ray_start_params={"object-manager-port": "6380"}))
    avoided = command.avoided_ports(values, make_pod())
    claimed = ports.claim(6380, "127.0.0.1", avoided)
    assert claimed.port in ports.FALLBACK
    claimed.release()


def test_a_range_of_the_spec_that_holds_every_other_port_still_leaves_some() -> None:
    params = {"min-worker-port": "5000", "max-worker-port": "60000"}
    avoided = command.avoided_ports(read_settings(settings(ray_start_params=params)), make_pod())
    claimed = ports.claim(6380, "127.0.0.1", avoided)
    assert claimed.port not in range(5000, 60001)
    claimed.release()


def test_a_large_store_is_cut_to_what_ray_accepts() -> None:
    asked = read_settings(
        settings(memory_gib=64.0, ray_start_params={"object-store-memory": str(20 * GIB)})
    )
    assert command.sizes(asked, 30 * GIB).store == 20 * GIB
    assert command.sizes(asked, 64 * 1024**2).store == 10**10
    assert command.sizes(asked, 19 * GIB).store == 19 * GIB * 19 // 20
    assert command.sizes(asked, 64 * 1024**2, slow_storage=True).store == 20 * GIB
    params = {"object-store-memory": str(20 * GIB), "plasma-directory": "/mnt"}
    elsewhere = read_settings(settings(memory_gib=64.0, ray_start_params=params))
    assert command.sizes(elsewhere, 64 * 1024**2).store == 20 * GIB


def test_the_object_store_takes_a_third_or_what_shared_memory_offers() -> None:
    values = read_settings(settings(memory_gib=10.0))
    plenty, little = command.sizes(values, 100 * GIB), command.sizes(values, 64 * 1024**2)
    assert plenty.store == 3 * GIB
    assert little.store == 80 * 1024**2
    for size in (plenty, little):
        assert size.memory + size.store == 10 * GIB - GIB // 2


def test_a_size_says_what_it_would_be_with_enough_shared_memory() -> None:
    values = read_settings(settings(memory_gib=10.0))
    assert command.sizes(values, 100 * GIB).asked == 3 * GIB
    assert command.sizes(values, 64 * 1024**2).asked == 3 * GIB


def test_a_pod_of_the_emulator_has_the_shared_memory_of_its_project() -> None:
    machine = command.shm_free({})
    assert command.shm_free({"CML_EMULATOR_SHM_MB": "1"}) == min(machine, 1024**2)
    assert command.shm_free({"CML_EMULATOR_SHM_MB": "99999999"}) == machine
    assert command.shm_free({"CML_EMULATOR_SHM_MB": "much"}) == machine


def test_a_store_that_the_spec_chose_is_taken_off_the_memory() -> None:
    chosen = read_settings(settings(ray_start_params={"object-store-memory": str(GIB)}))
    size = command.sizes(replace(chosen, memory_gib=4.0), 100 * GIB)
    assert (size.store, size.memory) == (GIB, 4 * GIB - GIB - GIB // 2)


def test_a_tiny_pod_still_has_memory_to_hand_out() -> None:
    assert command.sizes(read_settings(settings(memory_gib=0.1)), GIB).memory > 0


def test_ray_is_told_how_members_trust_each_other_and_who_it_is() -> None:
    values = read_settings(settings())
    environ = {
        "RAY_ADDRESS": "elsewhere:1",
        "RAY_AUTH_MODE": "disabled",
        "RAY_AUTH_TOKEN": "of the project",
        "RAY_ENABLE_K8S_TOKEN_AUTH": "true",
        "MINE": "kept",
        "PATH": "/usr/bin",
    }
    auth = tokens.variables("token", MemberFiles(Path("/home/x"), "demo"), "2.60.0")
    python = "/home/x/.venv/bin/python"
    variables = command.environment(environ, values, make_pod(), "abc", python, auth)
    assert not {"RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_ENABLE_K8S_TOKEN_AUTH"} & variables.keys()
    assert variables["RAY_AUTH_MODE"] == "token"
    assert variables["RAY_AUTH_TOKEN_PATH"] == "/home/x/.raycml/clusters/demo/token"
    assert variables["RAY_CLOUD_INSTANCE_ID"] == "engine"
    assert variables["RAY_NODE_TYPE_NAME"] == "cpu"
    assert variables["MINE"] == "kept"
    assert variables["PATH"] == "/home/x/.venv/bin:/usr/bin"
    assert variables["RAYCML_START"] == "abc"


# Ports.


def test_a_port_is_given_to_one_only_until_it_is_released() -> None:
    first = ports.claim(46_379, "127.0.0.1")
    second = ports.claim(first.port, "127.0.0.1")
    assert second.port != first.port
    first.release()
    third = ports.claim(first.port, "127.0.0.1")
    assert third.port == first.port
    second.release()
    third.release()


@pytest.mark.parametrize("ip", ["127.0.0.1", "::1"])
def test_a_port_that_anything_listens_on_is_not_claimed(ip: str) -> None:
    """On either family, on the pod's own address as on all."""
    for host in ("127.0.0.1", "0.0.0.0", "::1", "::"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as taken:
            if family == socket.AF_INET6:
                taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            taken.bind((host, 0))
            taken.listen()
            port = taken.getsockname()[1]
            other = ports.claim(port, ip)
            assert other.port != port, host
            other.release()
        again = ports.claim(port, ip)
        assert again.port == port, host
        again.release()


@pytest.mark.parametrize("ip", ["192.0.2.7", "2001:db8::7"])
def test_an_address_that_is_not_the_pods_is_named(ip: str) -> None:
    with pytest.raises(OSError, match=f"{ip} .CDSW_IP_ADDRESS. cannot be listened on"):
        ports.claim(46_380, ip)


@pytest.mark.parametrize("ip", ["10.0.0.7", "fd00::7", "[fd00::7]"])
def test_an_address_of_either_family_is_written_as_ray_reads_it(ip: str, tmp_path: Path) -> None:
    pod = make_pod(CDSW_IP_ADDRESS=ip)
    address = host_port(pod.ip, 6379)
    assert address == ("10.0.0.7:6379" if "." in ip else "[fd00::7]:6379")
    files = MemberFiles(tmp_path, "demo")
    write_head(files, replace(NOTE, address=address))
    note = read_head(files)
    assert note is not None
    assert (note.address, note.host_and_port()) == (address, (ip.strip("[]"), 6379))
    assert option(worker(pod), "node-ip-address") == ip.strip("[]")


def test_a_pod_on_loopback_of_either_family_shares_its_host() -> None:
    shared = [make_pod(CDSW_IP_ADDRESS=ip).shares_host for ip in ("127.3.0.1", "::1", "fd00::1")]
    assert shared == [True, True, False]


# What Ray's processes inherit.

CREDENTIALS = {
    "CDSW_API_KEY": "v1-key",
    "CDSW_APIV2_KEY": "v2-key",
    "CML_API_KEY": "own-key",
    "RAYCML_GIT_TOKEN": "git",
    "RAYCML_HOOK_SECRET": "hook",
    "RAYCML_SOURCE": "https://me:token@git.example.com/x",
    "RAYCML_WEB_TOKEN": "web",
    "RAY_ADDRESS": "10.9.9.9:6379",
}


@pytest.mark.parametrize("group", ["head", "cpu"])
@pytest.mark.parametrize("access", [False, True, "true", 1])
def test_rays_processes_inherit_no_credential_but_a_key_that_the_spec_asked_for(
    group: str, access: object
) -> None:
    values = read_settings(settings(group=group, api_key_access=access))
    pod = {**POD, **CREDENTIALS, "PATH": "/bin", "MY_TOKEN": "mine", "HADOOP_CONF_DIR": "/etc/h"}
    variables = command.environment(pod, values, make_pod(), "mark", "/x/bin/python", {})
    keys = {"CDSW_API_KEY", "CDSW_APIV2_KEY", "CML_API_KEY"} if access is True else set()
    assert CREDENTIALS.keys() & variables.keys() == keys
    assert (variables["MY_TOKEN"], variables["HADOOP_CONF_DIR"]) == ("mine", "/etc/h")
    assert (variables["RAYCML_CLUSTER"], variables["RAYCML_MEMBER"]) == ("demo", "cpu/2")
    assert variables["CDSW_ENGINE_ID"] == "engine"


# Files.

NOTE = HeadRecord(
    cluster="demo",
    incarnation="one",
    engine_id="engine",
    address="10.0.0.1:6379",
    dashboard_port=8100,
    ray_version="2.60.0",
    python_version="3.11.7",
    fingerprint="v1:abcd",
    started_at="2026-01-31T09:00:00Z",
)


@pytest.mark.parametrize("mode", ["", "token", "disabled"])
def test_a_head_reads_back_as_it_was_written(tmp_path: Path, mode: str) -> None:
    files, note = MemberFiles(tmp_path, "demo"), replace(NOTE, auth_mode=mode)
    write_head(files, note)
    assert read_head(files) == note
    assert stat.S_IMODE(files.head.stat().st_mode) == 0o644
    assert [path.name for path in files.folder.iterdir()] == ["head.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "[" * 100_000,
        "{}",
        json.dumps({"schema": "raycml.head/v2", **vars(NOTE)}),
        json.dumps({"schema": "raycml.head/v1", **vars(NOTE), "cluster": "other"}),
        json.dumps({"schema": "raycml.head/v1", **vars(NOTE), "address": "10.0.0.1"}),
        json.dumps({"schema": "raycml.head/v1", **vars(NOTE), "address": "10.0.0.1:99999"}),
        json.dumps({"schema": "raycml.head/v1", **vars(NOTE), "incarnation": 5}),
    ],
)
def test_a_file_that_is_no_heads_is_no_head(tmp_path: Path, text: str) -> None:
    files = MemberFiles(tmp_path, "demo")
    files.folder.mkdir(parents=True)
    files.head.write_text(text)
    assert read_head(files) is None


def test_a_head_takes_back_only_its_own_address(tmp_path: Path) -> None:
    files = MemberFiles(tmp_path, "demo")
    write_head(files, NOTE)
    remove_head(files, "another")
    assert read_head(files) == NOTE
    remove_head(files, "one")
    assert read_head(files) is None


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.json"
    write_json(path, {"a": 1})
    (tmp_path / "folder" / f".file.json.{os.getpid()}").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_json(path, {"a": 2})
    assert read_json(path) == {"a": 1}


def test_times_go_through_files_unharmed() -> None:
    assert parse_stamp(stamp(1_800_000_000.9)) == 1_800_000_000.0
    assert [parse_stamp(bad) for bad in ("", "yesterday", None, 5)] == [None] * 4


# Log and state.


@pytest.fixture
def member_state(tmp_path: Path) -> MemberState:
    files, clock = MemberFiles(tmp_path, "demo"), HandClock()
    log = Log(files.log("cpu/2"), clock)
    return MemberState(files, make_pod(), Versions("2.60.0", "3.11.7"), clock, log)


def test_a_log_keeps_one_older_file(tmp_path: Path) -> None:
    log = Log(tmp_path / "logs" / "x.log", HandClock(), limit=200)
    for number in range(100):
        log.write(f"line {number}")
    files = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert files == ["x.log", "x.log.1"]
    assert all(path.stat().st_size < 260 for path in (tmp_path / "logs").iterdir())
    assert (tmp_path / "logs" / "x.log").read_text().endswith("line 99\n")
    assert log.tail()[-1] == "2027-01-15T08:00:00Z line 99"


def test_a_log_that_cannot_be_written_is_still_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    Log(tmp_path / "file" / "x.log", HandClock()).write("hello")
    assert capsys.readouterr().out.endswith("hello\n")


def test_a_state_is_kept_fresh_and_said_once(tmp_path: Path) -> None:
    files, clock = MemberFiles(tmp_path, "demo"), HandClock()
    log = Log(files.log("cpu/2"), clock)
    member_state = MemberState(files, make_pod(), Versions("2.60.0", "3.11.7"), clock, log)
    member_state.become("joining", "one")
    clock.seconds += 10
    member_state.become("joining", "two")
    member_state.become("joining", "two")
    document = read_json(files.member("cpu/2")) or {}
    assert (document["since"], document["observed_at"]) == (
        "2027-01-15T08:00:00Z",
        "2027-01-15T08:00:10Z",
    )
    clock.seconds += 5
    member_state.beat()
    assert (read_json(files.member("cpu/2")) or {})["observed_at"] == "2027-01-15T08:00:15Z"
    assert len(log.tail()) == 2


class SkewedClock(HandClock):
    """The clock of a pod whose host's time is off."""

    def __init__(self, truth: HandClock, ahead_s: float) -> None:
        super().__init__()
        self.truth, self.ahead_s = truth, ahead_s

    def now(self) -> float:
        return self.truth.now() + self.ahead_s

    def monotonic(self) -> float:
        return self.truth.monotonic()


SKEWS = [-1e9, -7200.0, -1.0, 0.0, 1.0, 7200.0, 3e9]
VERSIONS = Versions("2.60.0", "3.11.7")


def started_member(files: MemberFiles, engine: str, clock: HandClock) -> MemberState:
    """A pod of cpu/2 that has begun."""
    log = Log(files.log("cpu/2"), clock)
    member_state = MemberState(files, make_pod(CDSW_ENGINE_ID=engine), VERSIONS, clock, log)
    member_state.become("starting", engine)
    return member_state


def writer(files: MemberFiles) -> object:
    return (read_json(files.member("cpu/2")) or {})["engine_id"]


@pytest.mark.parametrize("engines", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("first_s", SKEWS)
@pytest.mark.parametrize("second_s", SKEWS)
def test_the_later_pod_owns_the_file_whatever_the_clocks_say(
    tmp_path: Path, first_s: float, second_s: float, engines: tuple[str, str]
) -> None:
    files, truth = MemberFiles(tmp_path, "demo"), HandClock()
    old = started_member(files, engines[0], SkewedClock(truth, first_s))
    truth.seconds += 1
    new = started_member(files, engines[1], SkewedClock(truth, second_s))
    for _ in range(20):
        truth.seconds += 4
        new.beat()
        old.beat()
        assert writer(files) == engines[1]
    old.become("stopping", "asked to")
    assert writer(files) == engines[1]


@pytest.mark.parametrize("ahead_s", SKEWS)
def test_a_pod_that_outlives_the_later_one_owns_the_file_again(
    tmp_path: Path, ahead_s: float
) -> None:
    files, truth = MemberFiles(tmp_path, "demo"), HandClock()
    old = started_member(files, "a", truth)
    started_member(files, "b", SkewedClock(truth, ahead_s))
    for _ in range(12):
        truth.seconds += 4
        old.beat()
    assert writer(files) == "a"


@pytest.mark.parametrize(
    "leftover",
    [
        {"engine_id": "z", "started_at": 4e9, "observed_at": "2099-01-01T00:00:00Z"},
        {"engine_id": "z", "generation": 2**80},
        {"engine_id": "z", "generation": True},
        {"engine_id": "z", "generation": "9"},
        {"engine_id": ["z"], "generation": 7},
        {},
    ],
)
def test_no_file_that_was_left_silences_a_pod(tmp_path: Path, leftover: dict[str, object]) -> None:
    files, truth = MemberFiles(tmp_path, "demo"), HandClock()
    write_json(files.member("cpu/2"), leftover)
    started_member(files, "a", truth)
    assert writer(files) == "a"


def test_a_pod_clears_what_killed_writers_of_its_file_left(tmp_path: Path) -> None:
    files = MemberFiles(tmp_path, "demo")
    files.members.mkdir(parents=True)
    for name in (".cpu-2.json.17", ".cpu-2.json.4242", ".cpu-21.json.17", ".cpu-2.json.notes"):
        (files.members / name).write_text("{")
    started_member(files, "a", HandClock())
    names = sorted(path.name for path in files.members.iterdir())
    assert names == [".cpu-2.json.notes", ".cpu-21.json.17", "cpu-2.json"]


# The page.


@pytest.fixture
def page(member_state: MemberState) -> Iterator[Server]:
    page = serve(0, member_state.view, lambda: ["<script>alert(1)</script>"])
    yield page
    page.close()


def get(page: Server, path: str, method: str = "GET") -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=60)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response, response.read().decode()
    finally:
        connection.close()


def test_the_page_escapes_all_it_shows(page: Server, member_state: MemberState) -> None:
    member_state.become("waiting-for-head", 'no "<head>" & more')
    response, body = get(page, "/?x=1")
    assert response.status == 200
    assert "no &quot;&lt;head&gt;&quot; &amp; more" in body
    assert "<script" not in body
    assert "default-src 'none'" in str(response.getheader("Content-Security-Policy"))


def test_health_is_json(page: Server, member_state: MemberState) -> None:
    member_state.become("joined", "well")
    body = json.loads(get(page, "/healthz")[1])
    assert (body["state"], body["joined"], body["member"]) == ("joined", True, "cpu/2")


def test_other_paths_and_methods_are_refused(page: Server) -> None:
    assert get(page, "/etc/passwd")[0].status == 404
    assert get(page, "/", "POST")[0].status == 501
    response, body = get(page, "/", "HEAD")
    assert (response.status, body) == (200, "")
