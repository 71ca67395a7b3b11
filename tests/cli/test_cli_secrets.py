"""No secret leaves by any output, whatever goes wrong: the key, and the values of variables."""

import json
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import KEY, Stage

from controller.redaction import REDACTED
from controller.telemetry import Redaction

SECRET = "hunter2-hunter2"
COMMANDS = [
    ["validate"],
    ["validate", "-o", "json"],
    ["render"],
    ["render", "-o", "json"],
    ["render", "--launcher", "head"],
    ["plan", "-v"],
    ["plan", "-o", "json", "-v"],
    ["reconcile", "-v", "--timeout", "60s"],
    ["reconcile", "-o", "json", "-v", "--timeout", "60s"],
    ["status", "-v"],
    ["status", "analytics", "-v"],
    ["status", "-o", "json", "-v"],
    ["doctor", "-v"],
    ["doctor", "-o", "json", "-v"],
    ["pause", "analytics", "--reason", "x", "-v"],
    ["unpause", "analytics", "-v"],
    ["delete", "analytics", "--yes", "-v"],
]


def echo(request: httpx.Request) -> httpx.Response | None:
    """A server that complains by repeating all that it was sent, the key included."""
    if request.method == "GET":
        return None
    said = f"{request.headers.get('Authorization')} {request.read()!r}"
    return httpx.Response(400, json={"message": said, "code": 3})


def html(request: httpx.Request) -> httpx.Response:
    return httpx.Response(500, text=f"<html>{request.headers.get('Authorization')}</html>")


def cut(request: httpx.Request) -> httpx.Response:
    raise httpx.ReadError(f"cut {request.headers.get('Authorization')}")


@pytest.mark.parametrize("fault", [None, echo, html, cut], ids=["well", "echo", "html", "cut"])
def test_no_output_holds_a_secret(
    stage: Stage, fault: Callable[[httpx.Request], httpx.Response | None] | None
) -> None:
    stage.spec()
    if fault is None:
        stage.run("reconcile")
        stage.spec(cpu=3, secret=SECRET + "-new")
    else:
        stage.wire.instead = fault
    for command in COMMANDS:
        said = stage.run(*command)
        for secret in (KEY, KEY.replace("/", "\\/"), SECRET):
            assert secret not in said.out + said.err, (command, said)


def test_a_changed_variable_is_named_and_its_value_is_not(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.spec(secret="another-value")
    said = stage.run("plan").out
    assert "environment.PRECIOUS" in said
    assert "another-value" not in said


def test_no_project_file_holds_a_secret(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.run("pause", "analytics", "--reason", "x")
    tree = stage.tree()
    texts = [tree.read(path) for path in stage.all_files()]
    assert texts
    assert not any(secret.encode() in text for text in texts for secret in (KEY, SECRET))


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="[]rdacte"), max_size=20)
SECRETS = st.text(st.sampled_from("abcXYZ019/+=-._"), min_size=6, max_size=20)


@given(secret=SECRETS, around=TEXTS, key=st.sampled_from(["api_key", "TOKEN", "Authorization"]))
def test_redaction_finds_a_secret_anywhere(secret: str, around: str, key: str) -> None:
    redact = Redaction([secret])
    event: dict[str, object] = {
        "text": f"{around}{secret}{around}",
        "deep": {"list": [f"{secret}{around}", {"more": (secret,)}], key: around + "!"},
        key: "whatever",
        "error": ValueError(secret),
        f"name {secret}": 1,
    }
    cleaned = redact.processor(None, "info", event)
    assert secret not in json.dumps(cleaned, ensure_ascii=False).replace("\\\\", "\\")
    assert cleaned[key] == REDACTED
    assert cleaned["deep"][key] == REDACTED  # type: ignore[index]  # a JSON-like value


def test_redaction_leaves_words_alone() -> None:
    redact = Redaction(["true", "", "  "])
    assert redact("it is true") == "it is true"
