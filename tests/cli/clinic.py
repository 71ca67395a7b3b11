"""A healthy cluster on a stage, and everything that can be made to ail it."""

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
from controller.emulator.pods.scripted import Behaviour
from controller.emulator.state.records import RUNTIMES, Application
from controller.files.leases import lease_path, render_lease
from controller.terminal.exit_codes import Exit

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
class Clinic:
    """A stage with one cluster that is well; a fault is a change of it before `examine`."""

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

    def findings(self, *arguments: str) -> list[dict[str, str]]:
        body = self.examine("-o", "json", *arguments).json()
        found = body["checks"]
        assert isinstance(found, list)
        return found

    def change(self, subdomain: str, **fields: object) -> Application:
        """An application as a person changed it, behind our backs."""
        rows = self.stage.workspace.state.applications.values()
        row = next(row for row in rows if row.subdomain == subdomain)
        for name, value in fields.items():
            setattr(row, name, value)
        row.touch(self.stage.clock.now())
        return row

    def cut(self, answer: Answer) -> None:
        self.stage.wire.instead = answer

    def report(self, **changes: object) -> None:
        """What the head says from now on is bent by `changes`."""
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
            self.stage.write(lease_path(self.stage.project), render_lease(kept[-1]))

        renew()
        self.stage.clock.passing.append(renew)

    def rewire(self, key: ApiKey) -> None:
        """The same workspace for the holder of another key."""
        app = create_app(self.stage.workspace, {key.secret: key}, domain="cml.localhost")
        self.dated.inner = httpx.WSGITransport(app)


# Faults, by what they are.


def wrong_key(clinic: Clinic) -> None:
    clinic.environ["CML_API_KEY"] = "sk-wrong-0123456789"


def key_for_applications_only(clinic: Clinic) -> None:
    clinic.rewire(ApiKey(KEY, audiences=frozenset({APPLICATION})))


def wrong_project(clinic: Clinic) -> None:
    clinic.environ["CML_PROJECT_ID"] = "nobody-has-it"


def unknown_project_of_a_spec(clinic: Clinic) -> None:
    clinic.stage.spec("other", extra="project: nowhere")


def no_connection_variables(clinic: Clinic) -> None:
    del clinic.environ["CML_HOST"]


def unusable_host(clinic: Clinic) -> None:
    clinic.environ["CML_HOST"] = "https://cml.localhost/workspace/7"


def pages_instead_of_answers(clinic: Clinic) -> None:
    clinic.cut(lambda _: httpx.Response(200, html="<!doctype html><p>Welcome"))


def sign_in_pages_behind_a_specification(clinic: Clinic) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        open_to_all = request.url.path.endswith("/swagger.json")
        return None if open_to_all else httpx.Response(302, headers={"Location": "/login"})

    clinic.cut(answer)


def no_network(clinic: Clinic) -> None:
    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route to host")

    clinic.cut(cut)


def untrusted_certificate(clinic: Clinic) -> None:
    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")

    clinic.cut(cut)


def certificate_of_another_host(clinic: Clinic) -> None:
    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, "
            "certificate is not valid for 'cml.localhost'. (_ssl.c:1006)"
        )

    clinic.cut(cut)


def slow_network(clinic: Clinic) -> None:
    def slow(_: httpx.Request) -> None:
        clinic.stage.clock.elapsed += 1.5

    clinic.cut(slow)


def old_api(clinic: Clinic) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        asked = request.url.path.endswith("/swagger.json")
        return httpx.Response(200, json={"info": {"version": "23.11.2"}}) if asked else None

    clinic.cut(answer)


def clock_that_is_behind(seconds: float) -> Callable[[Clinic], None]:
    def plant(clinic: Clinic) -> None:
        clinic.dated.ahead = timedelta(seconds=seconds)

    return plant


def low_shared_memory(clinic: Clinic) -> None:
    clinic.stage.workspace.project(clinic.stage.project).shared_memory_limit = 64


def runtime(identifier: str) -> Callable[[Clinic], None]:
    def plant(clinic: Clinic) -> None:
        spec = clinic.stage.folder / "specs" / "analytics.yaml"
        spec.write_text(spec.read_text().replace(RUNTIME, identifier))

    return plant


def options(**changes: object) -> Callable[[Clinic], None]:
    def plant(clinic: Clinic) -> None:
        clinic.stage.workspace.options = Options(**changes)

    return plant


def unwritable_folder(clinic: Clinic) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        upload = request.method == "POST" and request.url.path.endswith("/files")
        body = {"code": 13, "message": "permission denied", "error": "permission denied"}
        return httpx.Response(403, json=body) if upload else None

    clinic.cut(answer)


def no_interpreter(clinic: Clinic) -> None:
    clinic.stage.tree().remove((".venv", "bin", "python"))


def held_lease(clinic: Clinic) -> None:
    clinic.hold_lease(lives=True)


def silent_lease(clinic: Clinic) -> None:
    clinic.hold_lease(lives=False)


def name_of_somebody_else(clinic: Clinic) -> None:
    clinic.change("ray-analytics-cpu-1", environment={})


def orphan(clinic: Clinic) -> None:
    clinic.stage.spec("other", replicas=1)
    (clinic.stage.folder / "specs" / "analytics.yaml").unlink()


def unused_launchers(clinic: Clinic) -> None:
    for number in range(51):
        clinic.stage.write(f".raycml/launchers/old/head-{number:016x}-0123456789.py", b"pass\n")


def open_dashboard(clinic: Clinic) -> None:
    clinic.change("ray-analytics-head", bypass_authentication=True)


def older_edition(clinic: Clinic) -> None:
    script = clinic.change("ray-analytics-cpu-0").script
    clinic.change("ray-analytics-cpu-0", script=script.rsplit("-", 1)[0] + "-0123456789.py")


def other_fingerprint(clinic: Clinic) -> None:
    marks = clinic.change("ray-analytics-cpu-0").environment
    newer = {**marks, "RAYCML_FINGERPRINT": "v9:0123"}
    clinic.change("ray-analytics-cpu-0", environment=newer)


def start_that_sticks(seconds: float) -> Callable[[Clinic], None]:
    def plant(clinic: Clinic) -> None:
        clinic.stage.stories["ray-stuck-head"] = Behaviour(answers_after=None)
        clinic.stage.spec("stuck", replicas=0)
        clinic.stage.run("reconcile", "--once")
        clinic.pass_time(seconds)

    return plant


def fallen_member(clinic: Clinic) -> None:
    clinic.stage.workspace.options = Options(auto_restarts=0)
    clinic.stage.stories["ray-fallen-head"] = Behaviour(answers_after=1, ends_after=2)
    clinic.stage.spec("fallen", replicas=0)
    clinic.stage.run("reconcile", "--once")
    clinic.pass_time(30)


def silent_head(clinic: Clinic) -> None:
    clinic.report(observed_at=NOON.isoformat())
    clinic.pass_time(200)


def worker_that_does_not_join(clinic: Clinic) -> None:
    clinic.stage.silent.add("ray-analytics-cpu-1")
    clinic.pass_time(200)


def worker_that_ray_refuses(clinic: Clinic) -> None:
    clinic.stage.silent.add("ray-analytics-cpu-1")
    path = (".raycml", "clusters", "analytics", "ray.json")

    def refuse() -> None:
        body = json.loads(clinic.stage.tree().read(path))
        said = {"alive": False, "state": "retrying", "message": "Ray drained this node"}
        body["members"]["cpu/1"] = said
        clinic.stage.tree().write(path, json.dumps(body).encode())

    clinic.stage.clock.passing.append(refuse)
    clinic.pass_time(200)


def other_ray(clinic: Clinic) -> None:
    clinic.report(ray_version="2.9.3")


def paused(clinic: Clinic) -> None:
    clinic.stage.run("pause", "analytics", "--reason", "month's end", "--until", "4h")


def paused_by_its_spec(clinic: Clinic) -> None:
    clinic.stage.spec(extra="paused: true")


def misspelt_setting(clinic: Clinic) -> None:
    clinic.environ["RAYCML_SETTEL_S"] = "20"


def invalid_spec(clinic: Clinic) -> None:
    clinic.stage.spec("broken", cpu="lots")


def no_git(clinic: Clinic) -> None:
    empty = clinic.stage.folder / "empty"
    empty.mkdir()
    clinic.environ["PATH"] = str(empty)


def old_git(clinic: Clinic) -> None:
    clinic.install_git("1.8.3")


def node(**bounds: float) -> Callable[[Clinic], None]:
    return options(node=Capacity(**bounds))  # type: ignore[arg-type]


def quota(**bounds: float) -> Callable[[Clinic], None]:
    return options(capacity=Capacity(**bounds))  # type: ignore[arg-type]


def mode(path: Path) -> int:
    return os.stat(path).st_mode & 0o777
