"""What an answer of CML is called that refuses a call."""

import httpx
import pytest
from environment_stage import Builders, asking
from stage import Stage

from controller.cml.errors import Rejected
from controller.workspace.faults import _refusal_of


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (409, "application with subdomain ray-one-head already exists", "Conflict"),
        (409, "the name is already taken", "Conflict"),
        (400, "subdomain is in use", "Conflict"),
        (400, "subdomain does not match the pattern", "Rejected"),
        (409, "out of quota", "QuotaExceeded"),
        (409, "the user has exceeded the CPU limit", "QuotaExceeded"),
        (409, "insufficient GPU for this user", "QuotaExceeded"),
        (400, "quota exceeded for project", "QuotaExceeded"),
        (409, "the application is being changed", "Rejected"),
        (422, "cpu must be positive", "Rejected"),
    ],
)
def test_only_a_refusal_that_says_so_is_of_a_taken_name(status: int, words: str, kind: str) -> None:
    error = Rejected(f"create application: CML refused (HTTP {status}): {words}", status=status)
    assert _refusal_of(error) == kind


def test_a_launcher_that_arrives_with_its_size_and_another_content_is_written_again(
    stage: Stage,
) -> None:
    """As a disk that was full, or a proxy, leaves one: no member starts with it."""
    stage.spec("one", replicas=1)
    spoilt: list[str] = []

    def spoil(request: httpx.Request) -> httpx.Response | None:
        body = request.read()
        if spoilt or not (request.method == "POST" and b"import" in body):
            return None
        spoilt.append(request.url.path)
        content = body.replace(b"import", bytes(6))
        sent = httpx.Request(request.method, request.url, headers=request.headers, content=content)
        return stage.wire.inner.handle_request(sent)

    stage.wire.instead = spoil
    said = stage.run("reconcile", "--timeout", "5m")
    assert said.code == 0, said.err
    assert spoilt
    found = [stage.tree().read(path) for path in stage.all_files() if path[-1].endswith(".py")]
    assert len(found) == 2
    assert not any(b"\0" in data for data in found)


def test_half_a_builder_is_written_again_before_anything_runs_it(stage: Stage) -> None:
    """The upload arrives in part, and the folder cannot be looked at afterwards."""
    builders = Builders(stage)
    stage.spec(**asking())
    met: list[str] = []

    def cut(request: httpx.Request) -> httpx.Response | None:
        if met or not (request.method == "POST" and b".raycml/envs" in request.read()):
            return httpx.Response(503) if len(met) == 1 and "/files" in request.url.path else None
        met.append(request.url.path)
        whole = stage.wire.inner.handle_request(request)
        (script,) = [p for p in stage.all_files() if p[1] == "envs"]
        stage.tree().write(script, stage.tree().read(script)[:900])
        return whole

    stage.wire.instead = cut
    stage.run("reconcile", "--once")
    assert met
    stage.wire.instead = lambda _: None
    said = stage.run("reconcile")
    assert said.code == 0, said.err
    assert len(builders.runs) == 1
    (script,) = [p for p in stage.all_files() if p[1] == "envs" and p[2].startswith("build-")]
    assert len(stage.tree().read(script)) > 900
