"""Keys that CML does not take for a key, in each of its ways to say so."""

import httpx
import pytest
from controlled import controlled
from stage import KEY, Stage

from controller.emulator.options import Options

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqZG9lIn0.c2lnbmF0dXJlLWFuZC1tb3Jl"
COMMANDS = (
    ("plan",),
    ("reconcile",),
    ("status",),
    ("delete", "analytics", "--yes"),
    ("run", "specs"),
    ("doctor",),
)


@pytest.fixture(params=["500 as JSON", "401 as JSON", "500 as text"])
def malformed(request: pytest.FixtureRequest, stage: Stage) -> Stage:
    """A converged cluster, and then an environment with something that is no key."""
    stage.spec(replicas=1)
    assert stage.run("reconcile").code == 0
    status = int(request.param[:3])
    stage.workspace.options = Options(malformed_key_status=status)  # type: ignore[arg-type]  # 500 or 401
    if request.param.endswith("text"):
        text = httpx.Response(500, text="malformed apikey\n")
        stage.wire.instead = lambda r: None if r.url.path.endswith("swagger.json") else text
    stage.environ["CML_API_KEY"] = JWT
    stage.wire.calls.clear()
    return stage


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_malformed_key_ends_every_command_with_the_keys_message(
    malformed: Stage, command: tuple[str, ...]
) -> None:
    before = malformed.clock.elapsed
    said = malformed.run(*command)
    words = said.out + said.err
    assert said.code == 4, words
    assert "API Keys" in words
    assert "check CML_HOST" not in words
    assert "cannot be reached" not in words
    assert JWT not in words
    assert malformed.clock.elapsed - before < 30
    assert [w for w in malformed.wire.writes() if "validate_key" not in w[1]] == []


def test_doctor_blames_the_key_and_nothing_else(malformed: Stage) -> None:
    said = malformed.run("doctor", "-o", "json")
    bad = [c["name"] for c in said.json()["checks"] if c["result"] == "bad"]  # type: ignore[attr-defined]  # a list
    assert bad == ["key"]


def test_a_controller_that_leads_survives_a_moment_in_which_its_key_is_not_taken(
    stage: Stage,
) -> None:
    stage.spec(replicas=1)
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()
        answer = httpx.Response(500, json={"error": "x", "code": 2, "message": "malformed apikey"})
        stage.wire.instead = lambda _: answer
        controller.turn(2)
        assert controller.loop.state.cause == "Unauthorized"
        stage.wire.instead = lambda _: None
        controller.turn(3)
        assert controller.loop.state.error == ""


def test_a_pod_without_a_key_says_that_the_api_may_be_disabled(stage: Stage) -> None:
    pod = {**stage.environ, "CDSW_ENGINE_ID": "0123456789abcdef"}
    del pod["CML_API_KEY"]
    stage.spec()
    said = stage.run("plan", environ=pod)
    assert said.code == 64
    assert "this pod has no CDSW_APIV2_KEY: the API v2 may not be enabled" in said.err
    del pod["CDSW_ENGINE_ID"]
    assert "CDSW_APIV2_KEY" not in stage.run("plan", environ=pod).err
    assert KEY not in said.err
