"""Settings, durations, and the log's canonical line."""

import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import NOON, Stage

from controller.core.model.policy import Policy
from controller.core.spec.text import spoken
from controller.settings import (
    CONNECTION_VARIABLES,
    Settings,
    SettingsError,
    read_settings,
    variable,
)
from controller.telemetry import INFO, Redaction, open_log
from controller.terminal.durations import parse_duration, parse_until


def test_without_an_environment_the_policy_is_the_default_one() -> None:
    assert read_settings({}).policy("team", "e1") == Policy("team", "e1")


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_is_read_from_its_variable(name: str) -> None:
    changed = read_settings({variable(name): "7"})
    assert getattr(changed, name) == 7
    assert getattr(read_settings({variable(name): ""}), name) == getattr(Settings(), name)


@pytest.mark.parametrize("name", list(Settings.model_fields))
@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "1e99"])
def test_a_value_out_of_bounds_is_refused_with_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable(name)):
        read_settings({variable(name): value})


@pytest.mark.parametrize("name", sorted({*Settings.model_fields} - {"prune_grace_s"}))
def test_nothing_but_a_grace_may_be_zero(name: str) -> None:
    assert read_settings({"RAYCML_PRUNE_GRACE_S": "0"}).prune_grace_s == 0
    with pytest.raises(SettingsError, match=variable(name)):
        read_settings({variable(name): "0"})


def test_every_setting_says_its_unit_and_what_it_is() -> None:
    for name, field in Settings.model_fields.items():
        assert name.endswith("_s") or field.annotation is int
        assert field.description
        assert field.description.endswith(".")
    assert all(said.endswith(".") for said in CONNECTION_VARIABLES.values())


def test_variables_of_others_are_left_alone() -> None:
    marks = {"RAYCML_CLUSTER": "a", "RAYCML_MEMBER": "head", "RAYCML_HEAD_WAIT_S": "9"}
    assert read_settings({**marks, "RAYCML_SOMETHING_ELSE": "x", "PATH": "/bin"}) == Settings()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("2d", 172_800), ("1.5h", 5400)],
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "0", "5x", "1h30", "m", "1e9", "999d", "²"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|bounds"):
        parse_duration(text)


@given(st.text(max_size=12))
def test_any_text_is_a_duration_within_bounds_or_refused(text: str) -> None:
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert 0 < seconds <= 366 * 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-1, "0s"), (8.9, "8s"), (192, "3m12s"), (7500, "2h05m"), (273_600, "3d04h")],
)
def test_durations_are_said_shortly(seconds: float, text: str) -> None:
    assert spoken(seconds) == text


def test_an_end_is_a_duration_or_a_time_to_come() -> None:
    assert parse_until("2h", NOON) == NOON + timedelta(hours=2)
    assert parse_until("2026-03-02T18:00Z", NOON) == datetime(2026, 3, 2, 18, tzinfo=UTC)
    assert parse_until("2026-03-02T18:00", NOON) == datetime(2026, 3, 2, 18, tzinfo=UTC)
    assert parse_until("2026-03-02T18:00+02:00", NOON) == datetime(2026, 3, 2, 16, tzinfo=UTC)
    for wrong in ("2026-03-01", "yesterday", ""):
        with pytest.raises(ValueError, match=r"in the past|neither"):
            parse_until(wrong, NOON)


def test_the_log_has_one_canonical_line_for_each_pass(stage: Stage) -> None:
    stage.spec(replicas=0)
    said = stage.run("reconcile", "-v")
    lines = [json.loads(line) for line in said.err.splitlines() if line.startswith("{")]
    passes = [line for line in lines if line["event"] == "pass"]
    assert f"{len(passes)} passes" in said.err
    assert passes[0] == {
        "ts": "2026-03-02T12:00:00.000+00:00",
        "level": "info",
        "event": "pass",
        "revision": "specs",
        "clusters": 1,
        "steps": 3,
        "waits": 0,
        "outcomes": {"done": 3},
        "reasons": {},
        "refusals": [],
        "complete": False,
        "took_s": 0.0,
    }
    assert passes[-1]["complete"] is True
    assert {"call", "step", "pass"} == {line["event"] for line in lines}


def test_without_v_the_log_is_silent(stage: Stage) -> None:
    stage.spec()
    assert "{" not in stage.run("reconcile").err


def test_a_bound_secret_does_not_pass_the_log() -> None:
    stream = io.StringIO()
    log = open_log(stream, Redaction(["hunter2"]), lambda: NOON, level=INFO)
    log.bind(api_key="x", deep={"token": "y"}).info("hunter2 said", error=ValueError("hunter2"))
    line = json.loads(stream.getvalue())
    assert line == {
        "ts": "2026-03-02T12:00:00.000+00:00",
        "api_key": "[redacted]",
        "deep": {"token": "[redacted]"},
        "error": "[redacted]",
        "event": "[redacted] said",
        "level": "info",
    }


@pytest.mark.parametrize(
    "stored",
    ['{"isTrusted":true}', ' { "isTrusted" : true, "type": "change"}', "[object Object]"],
)
def test_a_value_that_a_form_stored_in_place_of_its_text_is_named_and_never_shown(
    stored: str,
) -> None:
    garbled = dict.fromkeys(("RAYCML_POLL", "RAYCML_SETTLE_S", "CML_API_KEY"), stored)
    with pytest.raises(SettingsError) as error:
        read_settings(garbled)
    assert len(error.value.faults) == 3
    for name, fault in zip(sorted(garbled), error.value.faults, strict=True):
        assert fault == f"{name} holds what a form stored in place of the text: re-type it"
    assert "isTrusted" not in str(error.value)
    assert "object Object" not in str(error.value)
    assert read_settings({"RAYCML_SOURCE": '{"a": 1}', "OTHER": stored}) == Settings()


def test_a_blank_setting_is_unset() -> None:
    assert read_settings({"RAYCML_SETTLE_S": " ", "RAYCML_POOL_THREADS": ""}) == Settings()
