"""A healthy cluster on a stage, and the faults that can be planted in its setup."""

import email.utils
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from stage import KEY, NOON, RUNTIME, Said, Stage

from controller.core.model.lease import Lease
from controller.emulator.api.wsgi import create_app
from controller.emulator.options import APPLICATION, ApiKey, Capacity, Options
from controller.emulator.state.catalogue import RUNTIMES
from controller.emulator.state.records import Application
from controller.files.document import render
from controller.files.leases import lease_path
from controller.terminal.exit_codes import Exit
from tests.scripted_pods import Behaviour

DISABLED = next(one.image_identifier for one in RUNTIMES if one.status == "DISABLED")
Answer = Callable[[httpx.Request], httpx.Response | None]


class Dated(httpx.BaseTransport):
    """Puts the time on each answer, as every web server does; `ahead` is the fault of its clock."""

    def __init__(self, stage: Stage) -> None:
        self.inner = stage.wire.inner
        self.stage = stage
        self.ahead = timedelta()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.inner.handle_request(request)
        now = self.stage.clock.now() + self.ahead
        answer.headers["Date"] = email.utils.format_datetime(now, usegmt=True)
        return answer


@dataclass
class Setup:
    """A stage with one healthy cluster; a fault is a change of it before `examine`."""

    stage: Stage
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        stage = self.stage
        self.dated = Dated(stage)
        stage.wire.inner = self.dated
        stage.workspace.project(stage.project).shared_memory_limit = 8192
        stage.write(".venv/bin/python", b"#!")
        stage.spec()
        self.install_git("2.43.0")
        assert stage.run("reconcile").code == Exit.DONE

    def install_git(self, version: str) -> None:
        """A git of this version, first and last on the path."""
        program = self.stage.folder / "bin" / "git"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho git version {version}\n")
        program.chmod(0o755)
        self.environ = {**self.stage.environ, "PATH": str(program.parent)}

    def pass_time(self, seconds: float) -> None:
        """In steps that a head's reports keep up with."""
        for _ in range(int(seconds / 10)):
            self.stage.clock.wait(10)

    def examine(self, *arguments: str) -> Said:
        return self.stage.run("doctor", *arguments, environ=self.environ)

    def results(self, *arguments: str) -> list[dict[str, str]]:
        body = self.examine("-o", "json", *arguments).json()
        checks = body["checks"]
        assert isinstance(checks, list)
        return checks

    def change(self, subdomain: str, **fields: object) -> Application:
        """Change an application as a user could in CML."""
        rows = self.stage.workspace.state.applications.values()
        row = next(row for row in rows if row.subdomain == subdomain)
        for name, value in fields.items():
            setattr(row, name, value)
        row.updated_at = self.stage.clock.now()
        return row

    def cut(self, answer: Answer) -> None:
        self.stage.wire.instead = answer

    def report(self, **changes: object) -> None:
        """Apply `changes` to every later head report."""
        path = (".raycml", "clusters", "analytics", "ray.json")

        def bend() -> None:
            body = json.loads(self.stage.tree().read(path))
            self.stage.tree().write(path, json.dumps({**body, **changes}).encode())

        self.stage.clock.passing.append(bend)
        self.stage.clock.wait(1)

    def hold_lease(self, *, lives: bool, place: str = "") -> None:
        owner, who = self.stage.project, "kim (engine e1)"
        kept = [Lease(owner, "other", who, 3, 0, 60.0, "2026-03-02", place=place)]

        def renew() -> None:
            if lives:
                kept.append(kept[-1].renewed())
            self.stage.write(lease_path(self.stage.project), render(kept[-1]))

        renew()
        self.stage.clock.passing.append(renew)

    def rewire(self, key: ApiKey) -> None:
        """The same workspace for the holder of another key."""
        app = create_app(self.stage.workspace, {key.secret: key}, domain="cml.localhost")
        self.dated.inner = httpx.WSGITransport(app)


PINNED = "the-key-of-a-pod-that-has-ended"

# Faults, by what they are.


def wrong_key(setup: Setup) -> None:
    setup.environ["CML_API_KEY"] = "sk-wrong-0123456789"


def key_for_applications_only(setup: Setup) -> None:
    setup.rewire(ApiKey(KEY, audiences=frozenset({APPLICATION})))


def key_of_a_project(setup: Setup) -> None:
    project = setup.stage.workspace.state.projects[setup.stage.project]
    project.environment = {"CML_API_KEY": PINNED}


def key_of_an_application(setup: Setup) -> None:
    rows = setup.stage.workspace.state.applications.values()
    row = next(row for row in rows if row.subdomain == "ray-analytics-head")
    row.environment = {**row.environment, "CDSW_APIV2_KEY": PINNED}


def many_members(setup: Setup) -> None:
    setup.stage.spec("many", replicas=45)


def wrong_project(setup: Setup) -> None:
    setup.environ["CML_PROJECT_ID"] = "does-not-exist"


def unknown_project_of_a_spec(setup: Setup) -> None:
    setup.stage.spec("other", extra="project: nowhere")


def no_connection_variables(setup: Setup) -> None:
    del setup.environ["CML_HOST"]


def unusable_host(setup: Setup) -> None:
    setup.environ["CML_HOST"] = "https://cml.localhost/workspace/7"


def pages_instead_of_answers(setup: Setup) -> None:
    setup.cut(lambda _: httpx.Response(200, html="<!doctype html><p>Welcome"))


def sign_in_pages_behind_a_specification(setup: Setup) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        open_to_all = request.url.path.endswith("/swagger.json")
        return None if open_to_all else httpx.Response(302, headers={"Location": "/login"})

    setup.cut(answer)


def no_network(setup: Setup) -> None:
    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route to host")

    setup.cut(cut)


def untrusted_certificate(setup: Setup) -> None:
    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")

    setup.cut(cut)


def certificate_of_another_host(setup: Setup) -> None:
    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, "
            "certificate is not valid for 'cml.localhost'. (_ssl.c:1006)"
        )

    setup.cut(cut)


def slow_network(setup: Setup) -> None:
    def slow(_: httpx.Request) -> None:
        setup.stage.clock.elapsed += 1.5

    setup.cut(slow)


def old_api(setup: Setup) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        asked = request.url.path.endswith("/swagger.json")
        return httpx.Response(200, json={"info": {"version": "23.11.2"}}) if asked else None

    setup.cut(answer)


def clock_that_is_behind(seconds: float) -> Callable[[Setup], None]:
    def plant(setup: Setup) -> None:
        setup.dated.ahead = timedelta(seconds=seconds)

    return plant


def low_shared_memory(setup: Setup) -> None:
    setup.stage.workspace.project(setup.stage.project).shared_memory_limit = 64


def runtime(identifier: str) -> Callable[[Setup], None]:
    def plant(setup: Setup) -> None:
        spec = setup.stage.folder / "specs" / "analytics.yaml"
        spec.write_text(spec.read_text().replace(RUNTIME, identifier))

    return plant


def options(**changes: object) -> Callable[[Setup], None]:
    def plant(setup: Setup) -> None:
        setup.stage.workspace.options = Options(**changes)
        setup.rewire(ApiKey(KEY))  # the API reads its limits when it is made

    return plant


def unwritable_folder(setup: Setup) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        upload = request.method == "POST" and request.url.path.endswith("/files")
        body = {"code": 13, "message": "permission denied", "error": "permission denied"}
        return httpx.Response(403, json=body) if upload else None

    setup.cut(answer)


def no_interpreter(setup: Setup) -> None:
    setup.stage.tree().remove((".venv", "bin", "python"))


def held_lease(setup: Setup) -> None:
    setup.hold_lease(lives=True)


def silent_lease(setup: Setup) -> None:
    setup.hold_lease(lives=False)


def foreign_application(setup: Setup) -> None:
    setup.change("ray-analytics-cpu-1", environment={})


def orphan(setup: Setup) -> None:
    setup.stage.spec("other", replicas=1)
    (setup.stage.folder / "specs" / "analytics.yaml").unlink()


def unused_launchers(setup: Setup) -> None:
    for number in range(51):
        setup.stage.write(f".raycml/launchers/old/head-{number:016x}-0123456789.py", b"pass\n")


def open_dashboard(setup: Setup) -> None:
    setup.change("ray-analytics-head", bypass_authentication=True)


def older_edition(setup: Setup) -> None:
    script = setup.change("ray-analytics-cpu-0").script
    setup.change("ray-analytics-cpu-0", script=script.rsplit("-", 1)[0] + "-0123456789.py")


def other_fingerprint(setup: Setup) -> None:
    marks = setup.change("ray-analytics-cpu-0").environment
    newer = {**marks, "RAYCML_FINGERPRINT": "v9:0123"}
    setup.change("ray-analytics-cpu-0", environment=newer)


def start_that_sticks(seconds: float) -> Callable[[Setup], None]:
    def plant(setup: Setup) -> None:
        setup.stage.stories["ray-stuck-head"] = Behaviour(answers_after=None)
        setup.stage.spec("stuck", replicas=0)
        setup.stage.run("reconcile", "--once")
        setup.pass_time(seconds)

    return plant


def failed_member(setup: Setup) -> None:
    setup.stage.workspace.options = Options(auto_restarts=0)
    setup.stage.stories["ray-failed-head"] = Behaviour(answers_after=1, ends_after=2)
    setup.stage.spec("failed", replicas=0)
    setup.stage.run("reconcile", "--once")
    setup.pass_time(30)


def silent_head(setup: Setup) -> None:
    setup.report(observed_at=NOON.isoformat())
    setup.pass_time(200)


def worker_that_does_not_join(setup: Setup) -> None:
    setup.stage.silent.add("ray-analytics-cpu-1")
    setup.pass_time(200)


def worker_that_ray_refuses(setup: Setup) -> None:
    setup.stage.silent.add("ray-analytics-cpu-1")
    path = (".raycml", "clusters", "analytics", "ray.json")

    def refuse() -> None:
        body = json.loads(setup.stage.tree().read(path))
        said = {"alive": False, "state": "retrying", "message": "Ray drained this node"}
        body["members"]["cpu/1"] = said
        setup.stage.tree().write(path, json.dumps(body).encode())

    setup.stage.clock.passing.append(refuse)
    setup.pass_time(200)


def _member_says(setup: Setup, member: str, **fields: object) -> None:
    """Every later head report has these fields of a member."""
    path = (".raycml", "clusters", "analytics", "ray.json")

    def bend() -> None:
        body = json.loads(setup.stage.tree().read(path))
        body["members"][member] = {**body["members"].get(member, {"alive": False}), **fields}
        setup.stage.tree().write(path, json.dumps(body).encode())

    setup.stage.clock.passing.append(bend)
    setup.stage.clock.wait(1)


def worker_that_a_mesh_keeps_from_the_head(setup: Setup) -> None:
    setup.stage.silent.add("ray-analytics-cpu-1")
    _member_says(setup, "cpu/1", mesh="istio", to_head="closed", from_head="")


def worker_that_its_head_cannot_reach(setup: Setup) -> None:
    _member_says(setup, "cpu/0", from_head="silent")


def members_behind_a_mesh(setup: Setup) -> None:
    for member in ("head", "cpu/0", "cpu/1"):
        _member_says(setup, member, mesh="istio")


def worker_that_was_not_probed(setup: Setup) -> None:
    _member_says(setup, "cpu/0", from_head="")


def other_ray(setup: Setup) -> None:
    setup.report(ray_version="2.9.3")


def paused(setup: Setup) -> None:
    setup.stage.run("pause", "analytics", "--reason", "month's end", "--until", "4h")


def paused_by_its_spec(setup: Setup) -> None:
    setup.stage.spec(extra="paused: true")


def misspelt_setting(setup: Setup) -> None:
    setup.environ["RAYCML_SETTEL_S"] = "20"


def invalid_spec(setup: Setup) -> None:
    setup.stage.spec("broken", cpu="lots")


def no_git(setup: Setup) -> None:
    empty = setup.stage.folder / "empty"
    empty.mkdir()
    setup.environ["PATH"] = str(empty)


def old_git(setup: Setup) -> None:
    setup.install_git("1.8.3")


def node(**bounds: float) -> Callable[[Setup], None]:
    return options(node=Capacity(**bounds))  # type: ignore[arg-type]


def quota(**bounds: float) -> Callable[[Setup], None]:
    return options(capacity=Capacity(**bounds))  # type: ignore[arg-type]


def mode(path: Path) -> int:
    return os.stat(path).st_mode & 0o777
