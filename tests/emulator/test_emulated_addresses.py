"""Addresses of the emulator: names that resolve, paths and ports where they do not, and TLS."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from emulated import KEYS, World
from test_emulated_job_pods import Jobs
from test_emulated_pods import SERVE

from controller.cml.connection import application_url, parse_application_url
from controller.emulator import daemon
from controller.emulator.address import application_address
from controller.emulator.ingress.ingress import Entrance, Ingress
from controller.emulator.option_text import OptionError


@pytest.mark.parametrize("domain", ["127.0.0.1:81", "cml.localhost:81"])
def test_controller_and_emulator_agree_on_the_address_of_an_application(domain: str) -> None:
    ours = application_url("http", domain, "app")
    assert application_address("http", domain, "app").rstrip("/") == ours
    assert ".127.0.0.1" not in ours
    assert parse_application_url(f"{ours}/")[1] in ("", "/applications/app")


def test_a_real_domain_has_names_for_applications() -> None:
    for domain in ("ml-1.example.com", "ml-1.example.com:8443"):
        assert application_url("https", domain, "app") == f"https://app.{domain}"


# by path, in process


@pytest.fixture
def visitor() -> Iterator[httpx.Client]:
    """A client of an emulator at 127.0.0.1, with an application that does not run."""
    world = World()
    world.create("app", bypass_authentication=True)
    front = Ingress(
        world.app,
        world.workspace,
        world.pods,
        KEYS,
        threading.RLock(),
        domain="127.0.0.1:80",
        logs=Path(),
        entrance=Entrance("http", lambda subdomain: {"app": 4711}[subdomain]),
    )
    with httpx.Client(transport=httpx.WSGITransport(front), base_url="http://127.0.0.1:80") as one:
        one.headers["Host"] = "127.0.0.1:80"
        yield one


BROWSER = {"Accept": "text/html,*/*"}


def test_a_browser_is_led_to_a_port_of_the_application(visitor: httpx.Client) -> None:
    led = visitor.get("/applications/app/a%20b/?c=d", headers=BROWSER)
    assert (led.status_code, led.headers["location"]) == (302, "http://127.0.0.1:4711/a%20b/?c=d")
    shown = visitor.get("/", headers={"Host": "127.0.0.1:4711", **BROWSER})
    assert (shown.status_code, "STARTING" in shown.text.upper()) == (503, True)
    assert visitor.get("/applications/none/", headers=BROWSER).status_code == 404
    assert visitor.get("/", headers={"Host": "127.0.0.1:4712"}).status_code == 421


def test_a_program_calls_an_application_below_its_path(visitor: httpx.Client) -> None:
    assert visitor.get("/applications/app/").status_code == 503
    assert visitor.post("/applications/app/x").status_code == 503
    whole = visitor.get("/applications/app")
    assert (whole.status_code, whole.headers["location"]) == (308, "/applications/app/")
    assert visitor.get("/applications/none/").status_code == 404


@pytest.mark.parametrize(
    ("target", "back"),
    [
        ("http://127.0.0.1:80/applications/app/", True),
        ("http://127.0.0.1:4711/x", True),
        ("http://app.cml.localhost:80/", True),
        ("http://127.0.0.1:4712/", False),
        ("https://127.0.0.1:80/", False),
        ("http://127.0.0.1:80@evil.example/", False),
        ("http://evil.example/", False),
        ("http://evil.example/.cml.localhost:80/", False),
    ],
)
def test_a_sign_in_leads_back_to_this_workspace_alone(
    visitor: httpx.Client, target: str, back: bool
) -> None:
    visitor.get("/applications/app/", headers=BROWSER)
    signed = visitor.post("/sign-in", data={"next": target, "key": "good"})
    assert (signed.status_code, signed.headers["location"]) == (303, target if back else "/")


# as people run it


@pytest.mark.slow
def test_without_names_every_address_is_one_that_resolves(tmp_path: Path) -> None:
    local = Jobs(tmp_path / "state", tmp_path, "localhost_names=never")
    try:
        connection = local.connection
        assert connection.page == connection.url
        app = local.create(SERVE)
        local.reach(app, "RUNNING")
        row = local.client.get("/api/v2/usage").json()["usage_response"][0]
        address = application_url("http", connection.domain, "app")
        assert row["workload_url"].rstrip("/") == address
        assert address in local.client.get("/").text
        facts = local.client.get(f"{address}/below").json()
        assert (facts["path"], facts["headers"]["REMOTE-USER"]) == ("/below", "developer")
        assert facts["environ"]["CDSW_DOMAIN"] == connection.domain
        with local.stranger() as browser:
            asked = browser.get(f"{address}/a?b=c", headers=BROWSER, follow_redirects=True)
            assert str(asked.url).startswith(f"{connection.url}/sign-in?next=")
            back = asked.url.params["next"]
            given = {"key": connection.api_key, "next": back}
            shown = browser.post("/sign-in", data=given, follow_redirects=True)
        assert shown.json()["path"] == "/a?b=c"
        assert str(shown.url) == back != f"{address}/a?b=c"
    finally:
        local.client.close()
        daemon.stop(local.state)


FETCH = """
import os, ssl, urllib.request
url = os.environ["CDSW_API_URL"].replace("/v1", "/v2") + "/swagger.json"
print("answered", urllib.request.urlopen(url).status, url.partition(":")[0])
"""


@pytest.mark.slow
def test_with_tls_pods_people_and_raycml_trust_the_emulator(tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    state = tmp_path / "state"
    local = Jobs(state, tmp_path, "tls=true")
    try:
        assert local.connection.url.startswith("https://127.0.0.1:")
        with httpx.Client(trust_env=False) as other, pytest.raises(httpx.ConnectError):
            other.get(f"{local.connection.url}/api/v2/swagger.json")
        run = local.run(local.job(FETCH))
        assert local.ends(run) == "SUCCEEDED", local.log(run.rsplit("/", 1)[-1])
        assert "answered 200 https" in local.log(run.rsplit("/", 1)[-1])
        app = local.create(SERVE)
        local.reach(app, "RUNNING")
        assert local.facts()["headers"]["X-Forwarded-Proto"] == "https"
        assert [path.stat().st_mode & 0o77 for path in (state / "tls").iterdir()] == [0] * 4
        command = [sys.executable, "-m", "controller", "orphans", "--local"]
        environ = {"PATH": "/bin", "HOME": str(tmp_path), "RAYCML_EMULATOR_DIR": str(state)}
        done = subprocess.run(
            command, env=environ, cwd=Path.cwd(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        daemon.stop(state)
        assert daemon.start(state).ca_cert == local.connection.ca_cert
        assert local.client.get(local.base).status_code == 200
    finally:
        local.client.close()
        daemon.stop(state)


def test_options_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cpu=many"):
        daemon.start(tmp_path / "state", settings=["nodes=cpu=many"])
