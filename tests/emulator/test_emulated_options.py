"""Options of the emulator as text: names, values, and what a state folder keeps."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from controller.emulator.option_text import FIELDS, FILE, OptionError, apply, load, merged, parse
from controller.emulator.options import Capacity, Options
from controller.emulator.server import LOCAL_OPTIONS, Config, keep_options


@pytest.mark.parametrize(
    ("setting", "options"),
    [
        ("start_s=1.5", Options(start_s=1.5)),
        ("auto_restarts=0", Options(auto_restarts=0)),
        (" check_script = FALSE ", Options(check_script=False)),
        ("patch_zero_values=false", Options(patch_zero_values=False)),
        ("capacity.cpu=4", Options(capacity=Capacity(cpu=4))),
        ("node.gpu=2", Options(node=Capacity(gpu=2))),
        ("capacity.cpu=none", Options()),
    ],
)
def test_a_setting_is_the_field_that_it_names(setting: str, options: Options) -> None:
    assert apply(Options(), parse([setting])) == options


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("start_s", "'start_s' is not NAME=VALUE"),
        ("auto_restart=1", "did you mean auto_restarts or auto_restart_s?"),
        ("capacity.cpus=1", "did you mean capacity.cpu"),
        ("capacity=4", "did you mean"),
        ("zzz=1", "it has start_s, stop_s"),
        ("check_script=maybe", "check_script is true or false, not 'maybe'"),
        ("auto_restarts=1.5", "auto_restarts is a whole number of at least 0, not '1.5'"),
        ("auto_restarts=none", "not 'none'"),
        ("start_s=-1", "start_s is a number of at least 0"),
        ("start_s=nan", "not 'nan'"),
        ("start_s=inf", "not 'inf'"),
        ("capacity.cpu=", "capacity.cpu is a number of at least 0 or none, not ''"),
    ],
)
def test_a_wrong_setting_names_what_is_accepted(setting: str, words: str) -> None:
    with pytest.raises(OptionError) as refused:
        parse([setting])
    assert words in str(refused.value)


@pytest.mark.parametrize("name", FIELDS)
def test_each_option_can_be_set_to_its_default_and_says_what_it_takes(name: str) -> None:
    field = FIELDS[name]
    value = getattr(field.default, "value", field.default)
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    text = "none" if value is None else text
    assert field.parse(text) == field.default
    assert field.values


def test_of_two_settings_the_last_counts_and_default_unsets_a_kept_one() -> None:
    kept = parse(["start_s=3", "capacity.gpu=1"])
    assert merged(kept, parse(["start_s=4", "start_s=5"])) == {
        "start_s": "5",
        "capacity.gpu": "1",
    }
    assert merged(kept, parse(["start_s=default"])) == {"capacity.gpu": "1"}


def test_a_state_folder_keeps_its_options_over_starts(tmp_path: Path) -> None:
    faster = replace(LOCAL_OPTIONS, start_s=2.0)
    assert keep_options(Config(tmp_path, texts=parse(["start_s=2"]))) == faster
    assert keep_options(Config(tmp_path)) == faster
    assert load(tmp_path) == {"start_s": "2"}
    assert keep_options(Config(tmp_path, texts=parse(["start_s=default"]))) == LOCAL_OPTIONS
    assert load(tmp_path) == {}


def test_options_of_another_version_and_a_broken_file_stop_nothing(tmp_path: Path) -> None:
    texts = {"of_the_future": "1", "start_s": "soon", "stop_s": "9"}
    (tmp_path / FILE).write_text(json.dumps(texts))
    assert load(tmp_path) == {"stop_s": "9"}
    for content in ("{", "[]", "1"):
        (tmp_path / FILE).write_text(content)
        assert load(tmp_path) == {}
