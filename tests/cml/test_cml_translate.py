"""Between CML's words and ours, both ways."""

import json

import pytest
from cml_world import PROJECT, app, configuration
from hypothesis import given
from hypothesis import strategies as st

from controller.cml import wire
from controller.cml.translate import application, phase, unapplied
from controller.cml.wire import CreateApplication, PatchApplication, environment, environment_text
from controller.core.model.observed import ObservedApplication, Phase

VARIABLES = st.dictionaries(st.text(max_size=12), st.text(max_size=30), max_size=8)


def read(**changes: object) -> ObservedApplication:
    return application(wire.Application.model_validate(app(**changes)), PROJECT)


@given(VARIABLES)
def test_what_a_patch_carries_is_read_back_as_it_was(variables: dict[str, str]) -> None:
    carried = PatchApplication.body({"environment": variables})["environment"]
    assert isinstance(carried, str)
    assert read(environment=carried).environment == variables


@given(VARIABLES)
def test_what_a_create_carries_is_read_back_as_it_was(variables: dict[str, str]) -> None:
    carried = CreateApplication.body(configuration(environment=variables))["environment"]
    assert carried == variables
    assert read(environment=carried).environment == variables


@given(VARIABLES)
def test_escaped_slashes_and_spaces_in_the_text_change_nothing(variables: dict[str, str]) -> None:
    text = json.dumps(variables, indent=1).replace("/", "\\/")
    assert environment(text) == variables


@given(VARIABLES)
def test_the_order_of_variables_never_changes_the_text(variables: dict[str, str]) -> None:
    backwards = dict(reversed(variables.items()))
    assert environment_text(variables) == environment_text(backwards)


@pytest.mark.parametrize("nothing", [None, "", "  ", "{}", "null", {}])
def test_an_environment_of_nothing_has_several_spellings(nothing: object) -> None:
    assert environment(nothing) == {}


@pytest.mark.parametrize("broken", ["[object Object]", "[1]", '"text"', 7, [], "{" * 100_000])
def test_an_environment_that_cannot_be_read_bears_no_mark(broken: object) -> None:
    assert read(environment=broken).mark is None


def test_values_that_are_no_text_are_read_as_their_json() -> None:
    text = '{"n":1,"f":1.5,"b":true,"z":null,"o":{"a":[1]}}'
    assert environment(text) == {"n": "1", "f": "1.5", "b": "true", "z": "", "o": '{"a": [1]}'}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("APPLICATION_RUNNING", Phase.RUNNING),
        ("running", Phase.RUNNING),
        (" ENGINE_RUNNING ", Phase.RUNNING),
        ("APPLICATION_STARTING", Phase.STARTING),
        ("ENGINE_SCHEDULING", Phase.STARTING),
        ("pending", Phase.STARTING),
        ("APPLICATION_STOPPING", Phase.STOPPING),
        ("APPLICATION_STOPPED", Phase.STOPPED),
        ("ENGINE_SUCCEEDED", Phase.STOPPED),
        ("APPLICATION_FAILED", Phase.FAILED),
        ("APPLICATION_KILLED", Phase.FAILED),
        ("error", Phase.FAILED),
        ("ENGINE_TIMEDOUT", Phase.FAILED),
        ("startup_failed", Phase.FAILED),
        ("APPLICATION_UNKNOWN", Phase.UNKNOWN),
        ("", Phase.UNKNOWN),
        ("running_partial", Phase.UNKNOWN),
        (7, Phase.UNKNOWN),
        (None, Phase.UNKNOWN),
        ({"a": 1}, Phase.UNKNOWN),
    ],
)
def test_every_spelling_of_a_status_has_its_phase(status: object, expected: Phase) -> None:
    assert read(status=status).phase is expected


@given(st.text())
def test_no_unheard_of_status_is_ever_acted_upon(status: str) -> None:
    known = {"RUNNING", "STARTING", "STOPPING", "STOPPED", "FAILED", "SCHEDULING", "PENDING"}
    known |= {"KILLED", "ERROR", "TIMEDOUT", "STARTUP_FAILED", "SUCCEEDED"}
    word = status.strip().upper().removeprefix("APPLICATION_").removeprefix("ENGINE_")
    assert phase(status) is Phase.UNKNOWN or word in known


def test_absent_null_and_default_are_one() -> None:
    bare = application(wire.Application.model_validate({"id": "x"}), PROJECT)
    nulls = dict.fromkeys(app()) | {"id": "x"}
    assert application(wire.Application.model_validate(nulls), PROJECT) == bare
    assert (bare.cpu, bare.gpu, bare.script, bare.created_at) == (0.0, 0, "", None)


def test_numbers_may_come_as_text_and_whole_numbers_with_a_point() -> None:
    seen = read(cpu="0.5", memory="16", nvidia_gpu=1.0)
    assert (seen.cpu, seen.memory, seen.gpu) == (0.5, 16.0, 1)


@pytest.mark.parametrize("senseless", ["soon", "0001-01-01T00:00:00Z", 7, {}, "", "99999-01-01"])
def test_a_time_that_cannot_be_read_is_an_absent_one(senseless: object) -> None:
    assert read(running_at=senseless).running_at is None


def test_times_are_in_utc_whatever_their_offset() -> None:
    seen = read(created_at="2026-03-02T11:20:00.1234567+02:00").created_at
    assert seen is not None
    assert seen.isoformat() == "2026-03-02T09:20:00.123456+00:00"


def test_a_script_is_named_from_the_home() -> None:
    assert read(script="/home/cdsw/cai/a.py").script == "cai/a.py"


def test_a_patch_speaks_cmls_names() -> None:
    fields = {"gpu": 0, "runtime": "i", "memory": 2.5, "cpu": 1.0, "name": "n", "script": "s"}
    assert PatchApplication.body(fields) == {
        "nvidia_gpu": 0,
        "runtime_identifier": "i",
        "memory": 2.5,
        "cpu": 1.0,
        "name": "n",
        "script": "s",
    }


def test_a_mistake_in_a_body_does_not_repeat_what_was_in_it() -> None:
    with pytest.raises(ValueError, match="PatchApplication") as caught:
        PatchApplication.body({"runtime": b"hunter2"})
    assert "hunter2" not in str(caught.value)


def test_fields_that_took_are_not_reported() -> None:
    fields: dict[str, object] = {
        "cpu": 4.004,
        "memory": 16,
        "gpu": 0,
        "runtime": "image:1",
        "script": "cai/head.py",
        "name": "ray-demo-head",
        "description": "cannot be seen",
        "environment": {"A": "1", "PATHS": "/x/y"},
    }
    assert unapplied(fields, read()) == ()


def test_each_field_that_did_not_take_is_named() -> None:
    fields = {"cpu": 4.1, "memory": 15.0, "gpu": 1, "runtime": "x", "environment": {"A": "2"}}
    assert unapplied(fields, read()) == ("cpu", "environment", "gpu", "memory", "runtime")


def test_a_variable_that_was_to_go_and_stayed_is_a_field_that_did_not_take() -> None:
    fields = {"environment": {"A": "1"}}
    assert unapplied(fields, read()) == ("environment",)
    assert unapplied(fields, read(), before={"A": "1", "PATHS": "/x/y"}) == ("environment",)


def test_a_variable_that_came_from_elsewhere_meanwhile_is_no_fault() -> None:
    assert unapplied({"environment": {"A": "1"}}, read(), before={"A": "0"}) == ()
