"""The token of a cluster, with real Ray: who is refused, who is let in, and which way."""

import contextlib
import http.client
import json
import stat
import subprocess
import sys
from itertools import takewhile
from urllib.parse import urlsplit

import pytest

from tests.scenarios.stage import Stage

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

DRIVER = """\
import sys
import ray
ray.init(sys.argv[1], log_to_driver=False, logging_level="ERROR", **eval(sys.argv[2]))
print("answer", ray.get(ray.remote(num_cpus=0)(lambda: 41 + 1).remote(), timeout=60))
"""
NOBODY = {"RAY_AUTH_MODE": "disabled"}


def document(stage: Stage, name: str) -> dict[str, object]:
    path = stage.home / ".raycml" / "clusters" / "one" / name
    values: dict[str, object] = json.loads(path.read_text())
    return values


def get(port: object, path: str, headers: dict[str, str], method: str = "GET") -> tuple[int, str]:
    """Status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", int(str(port)), timeout=60)
    with contextlib.closing(connection):
        connection.request(method, path, headers={"User-Agent": "test", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")


def driver(stage: Stage, address: str, variables: dict[str, str]) -> str:
    """The answer to a driver in a pod of the project, or its last words."""
    ip = address.rpartition("://")[2].rpartition(":")[0]
    options = {} if "://" in address else {"_node_ip_address": ip}
    try:
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, address, repr(options)],
            cwd=stage.folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(stage.folder), **variables},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "never connected"
    lines = (done.stdout + done.stderr).strip().splitlines()
    answers = [line for line in lines if line.startswith("answer")]
    return answers[-1] if done.returncode == 0 and answers else "refused: " + "\n".join(lines[-5:])


def client_address(stage: Stage) -> str:
    ports = document(stage, "members/head.json")["ports"]
    assert isinstance(ports, dict)
    host = str(document(stage, "head.json")["address"]).rpartition(":")[0]
    return f"ray://{host}:{ports['ray-client-server-port']}"


def application(stage: Stage) -> tuple[int, str, dict[str, str]]:
    """The port of the proxy, the path of the head's application, and the headers that open it."""
    place = urlsplit(str(stage.status()["url"]))
    key = json.loads((stage.folder / "cml" / "connection.json").read_text())["api_key"]
    headers = {"Host": place.netloc, "Authorization": f"Bearer {key}"}
    return place.port or 80, place.path.rstrip("/"), headers


def is_let_in(stage: Stage, token: str) -> None:
    """By the dashboard, the jobs API and the GCS, in a pod and through the application."""
    port = document(stage, "head.json")["dashboard_port"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert get(port, "/api/jobs/", bearer)[0] == 200
    assert get(port, "/api/v0/nodes", bearer)[0] == 200
    proxy, prefix, key = application(stage)
    for more in (
        {"X-Ray-Authorization": f"Bearer {token}"},
        {"Cookie": f"ray-authentication-token={token}"},
    ):
        assert get(proxy, f"{prefix}/api/jobs/", {**key, **more})[0] == 200
    assert driver(stage, str(document(stage, "head.json")["address"]), stage.token()) == "answer 42"


def is_refused(stage: Stage, token: str) -> None:
    """By the same with a token that is not the cluster's."""
    port = document(stage, "head.json")["dashboard_port"]
    for path in ("/api/jobs/", "/api/v0/nodes"):
        assert get(port, path, {"Authorization": f"Bearer {token}"})[0] == 403
    variables = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token}
    answer = driver(stage, str(document(stage, "head.json")["address"]), variables)
    assert "answer" not in answer, answer


def test_a_program_needs_the_token_whichever_way_it_comes(stage: Stage) -> None:
    stage.reconcile(stage.spec(replicas=1))
    path = stage.home / ".raycml" / "clusters" / "one" / "token"
    token = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    head = stage.status()["head"]
    assert isinstance(head, dict)
    assert head["auth_mode"] == "token"

    # Without a token: nothing but what a browser needs in order to ask for it.
    port, address = document(stage, "head.json")["dashboard_port"], str(head["address"])
    status, page = get(port, "/", {})
    assert (status, "<html" in page.lower()) == (200, True)
    assert json.loads(get(port, "/api/authentication_mode", {})[1]) == {
        "authentication_mode": "token"
    }
    assert [get(port, path, {})[0] for path in ("/api/jobs/", "/api/v0/nodes", "/nodes")] == [
        401
    ] * 3
    job = get(port, "/api/jobs/", {"Content-Type": "application/json"}, "POST")
    assert job[0] == 401
    proxy, prefix, key = application(stage)
    status, page = get(proxy, f"{prefix}/", key)
    assert (status, "<html" in page.lower()) == (200, True)
    assert get(proxy, f"{prefix}/api/jobs/", key)[0] == 401
    for place in (address, client_address(stage)):
        answer = driver(stage, place, NOBODY)
        assert "answer" not in answer, (place, answer)

    # With it: in a pod of the project, and through the address of the application.
    is_let_in(stage, token)
    # Ray's own limit for the start of a client's server is short on a loaded machine: three tries.
    tries = (driver(stage, client_address(stage), stage.token()) for _ in range(3))
    answers = [*takewhile(lambda answer: answer != "answer 42", tries)]
    assert len(answers) < 3, answers
    is_refused(stage, "0" * 64)

    # Another token: the old one is refused, and the workers followed in their applications.
    engines = stage.engines()
    done = stage.raycml("rotate-token", "one", "--local", "--yes")
    assert done.code == 0, done.out + done.err
    assert token not in done.out + done.err
    stage.reconcile(stage.spec(replicas=1))
    successor = path.read_text()
    assert successor != token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    is_refused(stage, token)
    is_let_in(stage, successor)
    after = stage.engines()
    assert after["head"] != engines["head"]
    assert after["w/0"] == engines["w/0"]
