"""The network of real pods: the proxy before an application, and a mesh between pods."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_emulated_pods import Local, until

from controller.emulator import daemon
from controller.emulator.daemon import EmulatorError
from controller.emulator.network.mesh import MeshError
from controller.emulator.network.networks import Networks
from controller.emulator.pods import supervisor

pytestmark = pytest.mark.slow

SHOW = """
import errno, http.client, http.server, json, os, socket, threading, urllib.request
IP, PORT = os.environ["CDSW_IP_ADDRESS"], int(os.environ["CDSW_APP_PORT"])
PREFACE = b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
def bound(host):
    try:
        with socket.create_server((host, PORT)):
            return "free"
    except OSError as error:
        return errno.errorcode[error.errno]
BOUND = {"own": bound(IP), "all": bound("")}
def serve_ray(link):
    while True:
        one = link.accept()[0]
        if one.recv(64):
            one.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        one.close()
try:
    threading.Thread(target=serve_ray, args=(socket.create_server(("", 6380)),)).start()
except OSError:
    pass
def probe(host, port):
    try:
        with socket.create_connection((host, port), 3) as link:
            link.settimeout(3)
            try:
                link.sendall(PREFACE)
                return "answered" if link.recv(9) else "closed"
            except TimeoutError:
                return "silent"
            except OSError:
                return "closed"
    except OSError as error:
        return type(error).__name__
def health(host):
    try:
        link = http.client.HTTPConnection(host, 15021, timeout=3)
        link.request("GET", "/healthz/ready")
        return link.getresponse().status
    except OSError:
        return 0
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        words = self.path.strip("/").split("/")
        told = {"ip": IP, "bound": BOUND, "health": [health(IP), health("127.0.0.1")],
                "ports": [os.environ[f"CDSW_{n}_PORT"] for n in ("APP", "READONLY", "PUBLIC")]}
        if len(words) == 2:
            told["probe"] = probe(words[0], int(words[1]))
        if words == ["api"]:
            told["api"] = \
                urllib.request.urlopen(os.environ["CDSW_API_URL"][:-3] + "/v2/swagger.json").status
        content = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Page).serve_forever()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="net-", dir="/tmp"))
    try:
        yield folder
    finally:
        daemon.stop(folder / "state")
        shutil.rmtree(folder)


def test_the_proxy_has_the_port_of_an_application_on_all_addresses_but_loopback(
    folder: Path,
) -> None:
    local = Local(folder / "state", folder)
    local.reach(local.create(SHOW), "RUNNING")
    facts = local.facts()
    assert len(set(facts["ports"])) == 1
    assert facts["bound"] == {"own": "EADDRINUSE", "all": "EADDRINUSE"}
    assert facts["health"] == [0, 0]
    # The pod's address leads to the application, as from outside.
    assert local.facts(path=f"/{facts['ip']}/{facts['ports'][0]}")["probe"] == "answered"
    local.client.close()


@pytest.mark.parametrize(
    ("mode", "expected"), [("permissive", "answered"), ("strict", "closed"), ("silent", "silent")]
)
def test_a_mesh_takes_each_connection_to_another_pod(
    folder: Path, mode: str, expected: str
) -> None:
    local = Local(folder / "state", folder, f"mesh={mode}")
    apps = [local.create(SHOW, name) for name in ("one", "two")]
    for app in apps:
        local.reach(app, "RUNNING")
    one, two = local.facts("one"), local.facts("two")
    assert one["ports"] == ["8100"] * 3
    assert one["bound"] == {"own": "EADDRINUSE", "all": "EADDRINUSE"}
    assert one["health"] == [200, 200]
    assert one["ip"] != two["ip"]
    for name, facts in (("one", one), ("two", two)):
        # The sidecar lets what a pod says to itself pass.
        assert local.facts(name, f"/{facts['ip']}/6380")["probe"] == "answered"
    for name, other in (("one", two), ("two", one)):
        assert local.facts(name, f"/{other['ip']}/6380")["probe"] == expected
    # Taken too, though nothing listens there.
    assert local.facts("one", f"/{two['ip']}/6379")["probe"] in ("closed", "silent")
    assert local.facts("one", "/api")["api"] == 200
    below = supervisor.descendants(local.connection.pid)
    local.verb(apps[0], "stop")
    local.reach(apps[0], "STOPPED")
    assert supervisor.descendants(local.connection.pid) < below
    local.client.close()
    daemon.stop(local.state)
    assert not [pid for pid in below if supervisor.started_at(pid) is not None]
    assert not [*Path("/tmp").glob(f"mesh-*/{one['ip']}.sock")]


def test_a_pod_behind_a_mesh_that_is_killed_leaves_nothing(folder: Path) -> None:
    local = Local(folder / "state", folder, "mesh=permissive")
    app = local.create(SHOW)
    local.reach(app, "RUNNING")
    below = supervisor.descendants(local.connection.pid)
    children = [
        pid for pid, parent in supervisor.parents().items() if parent == local.connection.pid
    ]
    [sidecar] = [pid for pid in children if b"network.mesh" in cmdline(pid)]
    os.kill(sidecar, signal.SIGKILL)
    local.reach(app, "FAILED")
    until(lambda: not [pid for pid in below if supervisor.started_at(pid) is not None])
    local.client.close()


def cmdline(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_machine_that_cannot_have_a_mesh_says_so_at_the_start(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = folder / "bin"
    empty.mkdir()
    monkeypatch.setenv("PATH", str(empty))
    with pytest.raises(EmulatorError, match=r"mesh=strict is not possible on this machine.*`ip`"):
        daemon.start(folder / "state", settings=["mesh=strict"])


def test_networks_that_linux_refuses_leave_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MeshError, match="not possible on this machine"):
        Networks("strict", tmp_path, 0)
    assert [*tmp_path.iterdir()] == []
