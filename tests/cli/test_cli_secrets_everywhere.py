"""Random secrets in every variable, token, header and address; no output, file or log shows one.

The stage is the production composition.  What is hidden is not a list of names: whatever is not a
mark of ours is secret, and a server may answer with all, or the beginning, of what it was sent.
"""

import json
import random
import string
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from controlled import controlled
from stage import KEY, RUNTIME, Stage

from controller.core.model.member import MARK
from controller.redaction import REDACTED, echo_redaction, without_logins
from controller.run.orders.page_orders import PageOrders
from controller.web.app import create_app
from controller.web.orders import WebOptions

LETTERS = string.ascii_letters + string.digits
ODD = LETTERS + "\"'\\/&<>=+%:;,é$"
Fault = Callable[[httpx.Request], httpx.Response | None]


@dataclass(frozen=True)
class Planted:
    """The secrets of one run, each under the place where it lies."""

    secrets: dict[str, str]

    def check(self, text: str, where: object) -> None:
        for place, secret in self.secrets.items():
            for spelling in (secret, json.dumps(secret)[1:-1], *secret.splitlines()):
                # Not `in` in an assert: pytest would compare a long text for minutes.
                assert text.find(spelling) < 0, (place, where, text[:2000])
            # Half of a secret is a secret as well.
            assert len(secret) < 16 or text.find(secret[:10]) < 0, (place, where, text[:2000])


def draw(dice: random.Random, alphabet: str = LETTERS, length: int = 24) -> str:
    # The first letters are no word that a message could hold.
    return "zQ7" + "".join(dice.choice(alphabet) for _ in range(length - 3))


TOKEN = ".raycml/clusters/one/token"
PLACES = (
    "RAYCML_WEB_TOKEN",
    "RAYCML_GIT_TOKEN",
    "RAYCML_HOOK_SECRET",
    "RAYCML_SOMETHING",
    "RAYCML_PIN",
    "RAYCML_URL",
    "PASSWORD",
    "PLAIN",
    "SHORT",
    "PEM",
)


def plant(stage: Stage, dice: random.Random) -> Planted:
    """A cluster with secrets in its spec, the controller's application, and a stranger's."""
    secrets = {"key": KEY}
    for name in PLACES:
        secrets[name] = draw(dice, ODD if name == "PASSWORD" else LETTERS)
    secrets["SHORT"] = draw(dice, string.digits, 5)
    secrets["RAYCML_PIN"] = draw(dice, string.digits, 5)
    secrets["PEM"] = "\n".join(["-----BEGIN KEY-----", draw(dice), draw(dice)])
    lines = {f"A_{name}": secrets[name] for name in ("PASSWORD", "PLAIN", "SHORT", "PEM")}
    stage.spec("one", replicas=1, secret="x", extra=f"python: .venv/bin/python\n  # {'-' * 9}")
    path = stage.folder / "specs" / "one.yaml"
    path.write_text(path.read_text().replace('{PRECIOUS: "x"}', json.dumps(lines)))
    stage.environ |= {
        n: secrets[n] for n in PLACES if n.startswith("RAYCML_") and n not in PLACES[3:5]
    }
    stage.environ["RAYCML_SOURCE"] = f"https://user:{secrets['RAYCML_URL']}@git.example.com/t.git"
    del stage.environ["RAYCML_URL"]
    others = {name: secrets[name] for name in PLACES}
    others |= {"RAYCML_SOURCE": stage.environ["RAYCML_SOURCE"]}
    create(stage, "raycml-0123456789ab", {"RAYCML_CONTROLLER": stage.project, **others})
    create(stage, "ray-two-head", {**others, "RAYCML_OWNER": "another", "RAYCML_MEMBER": "head"})
    secrets["PEM"] = secrets["PEM"].split("\n", 1)[1]  # the first line is no secret
    secrets["token of one"] = draw(dice, length=64)
    stage.write(TOKEN, secrets["token of one"].encode())
    return Planted(secrets)


def create(stage: Stage, subdomain: str, environment: dict[str, str]) -> None:
    stage.write("s.py", b"print(1)\n")
    body = {
        "name": subdomain,
        "subdomain": subdomain,
        "script": "s.py",
        "runtime_identifier": RUNTIME,
        "cpu": 1,
        "memory": 1,
        "environment": environment,
    }
    project = stage.workspace.project(stage.project)
    stage.workspace.applications.create(project, stage.user, body, stage.clock.now())


def commands(planted: Planted) -> Iterator[list[str]]:
    token = planted.secrets["RAYCML_URL"]
    yield from (
        ["validate"],
        ["render", "-o", "json"],
        ["render", "--launcher", "head"],
        ["plan", "-v"],
        ["plan", "-o", "json"],
        ["reconcile", "-v", "--timeout", "60s"],
        ["reconcile", "-o", "json", "--timeout", "20s"],
        ["status", "-v"],
        ["status", "one"],
        ["status", "-o", "json", "-v"],
        ["orphans"],
        ["orphans", "-o", "json"],
        ["adopt", "two", "--yes"],
        ["adopt", "one", "-o", "json", "--yes"],
        ["events"],
        ["doctor", "-v"],
        ["doctor", "-o", "json"],
        ["doctor", "--bundle", "bundle.tar.gz"],
        ["pause", "one", "--reason", "x"],
        ["unpause", "one", "-v"],
        ["rotate-token", "one", "--yes", "-v", "--timeout", "5s"],
        ["release", "one", "--yes", "-v"],
        ["approve", "abcdef0123"],
        ["bootstrap", "--project-name", "p", "--git-url", f"https://{token}@h/x", "--yes"],
        ["bootstrap", "--project-name", "p", "--set", f"RAYCML_GIT_TOKEN={token}", "--yes"],
        ["delete", "one", "--yes", "-v"],
        ["nonsense", f"https://user:{token}@host/x"],
    )


ADDRESSES = (
    "//{token}@host/x",
    "{token}@host/x",
    "https:/{token}@host/x",
    "https:{token}@host/x",
    "https://{token}@[bad/x.git",
    "https://user:{token}@[bad/x.git",
    "git://{token}@host/x",
    "ssh://user:{token}@host/x",
    "http://u:{token}@example.com/x",
    "https://h/x.git?token={token}",
    "https://h/x.git#{token}",
    "ext::sh -c {token}",
    "/nowhere/{token}@host",
)


def well(request: httpx.Request) -> httpx.Response | None:
    return None


def echo(request: httpx.Request) -> httpx.Response | None:
    """Repeats all that it was sent."""
    if request.method == "GET":
        return None
    said = f"{request.headers.get('Authorization')} {request.read().decode(errors='replace')}"
    return httpx.Response(400, json={"message": said, "code": 3})


def cut_short(request: httpx.Request) -> httpx.Response | None:
    """Repeats the first part, at another place each time."""
    if request.method == "GET" or request.url.path.endswith(":download"):
        return None
    body = request.read().decode(errors="replace")
    end = 20 + len(body) * (hash(request.url.path) % 89) // 89
    return httpx.Response(422, text=f"cannot use {body[:end]}...")


def values(request: httpx.Request) -> httpx.Response | None:
    """Names one variable after the other, with its value or a part of it."""
    if request.method not in ("POST", "PATCH") or b"environment" not in request.read():
        return None
    found = json.loads(request.read()).get("environment") or {}
    found = json.loads(found) if isinstance(found, str) else found
    words = [f"{name}={value}" for name, value in found.items() if name not in MARK]
    dice = random.Random(len(words))
    said = dice.choice(words or [""])
    return httpx.Response(400, json={"message": f"bad variable {said[: dice.randint(8, 60)]}"})


def html(request: httpx.Request) -> httpx.Response:
    return httpx.Response(500, text=f"<html>{request.headers.get('Authorization')}</html>")


def lost(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError(f"lost {request.headers.get('Authorization')} {request.read()!r}")


RUNS = [(well, 1), (well, 2), (echo, 2), (cut_short, 1), (values, 2), (html, 1), (lost, 2)]


@pytest.mark.parametrize(("fault", "seed"), RUNS, ids=[f"{f.__name__}-{n}" for f, n in RUNS])
def test_no_command_shows_a_secret(stage: Stage, fault: Fault, seed: int) -> None:
    planted = plant(stage, random.Random(seed))
    if seed == 2:
        stage.run("reconcile")
        stage.spec("three", replicas=1)
    stage.wire.instead = fault
    for command in commands(planted):
        said = stage.run(*command)
        planted.check(said.out, command)
        planted.check(said.err, command)
    for name, text in unpacked(Path("bundle.tar.gz")):
        planted.check(text, name)
    check_project_files(stage, planted)


@pytest.mark.parametrize("form", ADDRESSES)
def test_an_address_that_cannot_be_followed_is_not_repeated(stage: Stage, form: str) -> None:
    planted = plant(stage, random.Random(3))
    said = stage.run("run", form.format(token=planted.secrets["RAYCML_URL"]), "--port", "0")
    assert said.code != 0
    planted.check(said.out + said.err, form)


def test_the_bundle_shows_the_values_of_marks_alone(stage: Stage) -> None:
    planted = plant(stage, random.Random(4))
    stage.run("doctor", "--bundle", "bundle.tar.gz")
    found = dict(unpacked(Path("bundle.tar.gz")))
    for name, text in found.items():
        planted.check(text, name)
    assert '"RAYCML_OWNER": "another"' in found["applications.json"]
    assert '"RAYCML_PIN": "[left out]"' in found["applications.json"]


def unpacked(file: Path) -> Iterator[tuple[str, str]]:
    if file.exists():
        with tarfile.open(file) as archive:
            for entry in archive.getmembers():
                packed = archive.extractfile(entry)
                assert packed is not None
                yield entry.name.partition("/")[2], packed.read().decode()


def check_project_files(stage: Stage, planted: Planted) -> None:
    """But for the record, which is the specs themselves, and the token in its own file."""
    for path in stage.all_files():
        if path[:2] != (".raycml", "sources") and "/".join(path) != TOKEN:
            planted.check(stage.tree().read(path).decode(errors="replace"), path)


@pytest.mark.parametrize("fault", [echo, values, lost])
def test_the_running_controller_shows_no_secret(stage: Stage, fault: Fault) -> None:
    planted = plant(stage, random.Random(7))
    stage.capsys.readouterr()
    with controlled(stage, stage.folder / "specs") as running:
        running.turn(2)
        stage.wire.instead = fault
        stage.spec("three", replicas=1, secret=planted.secrets["PLAIN"])
        running.turn(6)
        options = WebOptions(token=planted.secrets["RAYCML_WEB_TOKEN"])
        metrics = running.running.metrics
        orders = PageOrders(running.running.session, lambda: running.snapshot, threading.Event())
        app = create_app(lambda: running.snapshot, orders, metrics, options, stage.clock)
        for path in ("/", "/clusters/one", "/clusters/three", "/metrics", "/readyz", *API):
            planted.check(app.test_client().get(path).text, path)
        planted.check(repr(running.snapshot) + repr(running.running), "repr")
    logged = stage.capsys.readouterr()
    planted.check(logged.out + logged.err, "log")
    check_project_files(stage, planted)


API = tuple(f"/api/v1/{name}" for name in ("status", "plan", "events", "source", "loop"))


@pytest.mark.parametrize(
    "value", ["12345678", "0x1234abcd", "2025-01-01", "[hunter2]", "on", "1:30"]
)
def test_the_value_of_a_variable_is_not_in_the_problem_of_a_spec(stage: Stage, value: str) -> None:
    path = stage.spec("one")
    path.write_text(path.read_text().replace('"hunter2-hunter2"', value))
    said = stage.run("validate")
    assert "PRECIOUS" in said.err + said.out
    assert f"`{value}`" not in said.err + said.out
    assert f'"{value}"' not in said.err + said.out


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("bad TOKEN=hunter2-hunter2, sorry", f"bad TOKEN={REDACTED}, sorry"),
        ("bad TOKEN=hunter2-hu", f"bad TOKEN={REDACTED}"),
        ('{"TOKEN": "hunter2-hunter2"}', f'{{"TOKEN": "{REDACTED}"}}'),
        ('{\\"TOKEN\\":\\"hunter2', f'{{\\"TOKEN\\":\\"{REDACTED}'),
        ("PIN: 0815 is short", f"PIN: {REDACTED} is short"),
        ("the value hunter2-h...", f"the value {REDACTED}"),
        ('app {"environment": {"OTHER": "what"', f'app {{"environment": {{{REDACTED}'),
        ("get https://me:pw@host/x", f"get https://{REDACTED}@host/x"),
        ("quota of 3 is used up", "quota of 3 is used up"),
    ],
)
def test_a_servers_words_are_shown_without_values(said: str, shown: str) -> None:
    redact = echo_redaction(["sk-key"], {"TOKEN": "hunter2-hunter2", "PIN": "0815"})
    assert redact(said) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:pw@host/x", f"https://{REDACTED}@host/x"),
        ("https://token@host/x", f"https://{REDACTED}@host/x"),
        ("//token@host/x", f"//{REDACTED}@host/x"),
        ("ssh://git@host/x", "ssh://git@host/x"),
        ("ssh://git:pw@host/x", f"ssh://{REDACTED}@host/x"),
        ("git@github.com:org/x and https://host/x", "git@github.com:org/x and https://host/x"),
    ],
)
def test_addresses_are_shown_without_logins(text: str, shown: str) -> None:
    assert without_logins(text) == shown
