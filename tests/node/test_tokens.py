"""The token of a cluster as a file: created once, by one head, for its user alone."""

import json
import os
import stat
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from node_world import settings
from test_node_parts import NOTE

from controller.node.pod import PodError, read_settings
from controller.node.project_files import MemberFiles, read_head
from controller.node.ray import tokens


@pytest.fixture
def files(tmp_path: Path) -> MemberFiles:
    return MemberFiles(tmp_path, "demo")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_head_creates_one_token_that_its_user_alone_can_read(files: MemberFiles) -> None:
    before = os.umask(0)
    try:
        assert tokens.provide(files)
    finally:
        os.umask(before)
    assert mode(files.token) == 0o600
    token = files.token.read_text()
    assert len(token) == 64
    assert not tokens.provide(files)
    assert files.token.read_text() == token
    assert [path.name for path in files.folder.iterdir()] == ["token"]


def test_a_draft_of_a_token_is_never_open_to_others(
    files: MemberFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []
    link = os.link

    def observed(draft: Path, path: Path) -> None:
        modes.append(mode(draft))
        link(draft, path)

    monkeypatch.setattr(os, "link", observed)
    tokens.provide(files)
    assert modes == [0o600]


def test_tokens_of_two_clusters_differ(tmp_path: Path) -> None:
    every = [MemberFiles(tmp_path, name) for name in ("one", "two")]
    assert [tokens.provide(each) for each in every] == [True, True]
    assert len({each.token.read_text() for each in every}) == 2


def test_of_heads_that_start_at_once_one_creates_the_token(files: MemberFiles) -> None:
    results: list[bool] = []
    gate = threading.Barrier(8)

    def start() -> None:
        gate.wait()
        results.append(tokens.provide(files))

    heads = [threading.Thread(target=start) for _ in range(8)]
    for each in heads:
        each.start()
    for each in heads:
        each.join()
    assert sorted(results) == [False] * 7 + [True]
    assert len(files.token.read_text()) == 64


def test_a_token_that_others_can_read_is_closed_again(files: MemberFiles) -> None:
    tokens.provide(files)
    token = files.token.read_text()
    files.token.chmod(0o644)
    assert not tokens.provide(files)
    assert (mode(files.token), files.token.read_text()) == (0o600, token)


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff" * 20, b"x" * 5000])
def test_what_is_no_token_is_replaced(files: MemberFiles, content: bytes) -> None:
    files.folder.mkdir(parents=True)
    files.token.write_bytes(content)
    assert tokens.obstacle(files)
    assert tokens.provide(files)
    assert not tokens.obstacle(files)
    assert mode(files.token) == 0o600


def test_a_link_is_replaced_and_its_target_is_left_alone(files: MemberFiles) -> None:
    files.folder.mkdir(parents=True)
    target = files.home / "precious"
    target.write_text("my-own-words")
    files.token.symlink_to(target)
    assert tokens.provide(files)
    assert not files.token.is_symlink()
    assert target.read_text() == "my-own-words"


def test_a_rotation_takes_effect_once_at_the_next_start_of_a_head(files: MemberFiles) -> None:
    tokens.provide(files)
    first = files.token.read_text()
    files.rotation.write_text("{}")
    assert tokens.provide(files)
    second = files.token.read_text()
    assert second != first
    assert mode(files.token) == 0o600
    assert not files.rotation.exists()
    assert not tokens.provide(files)
    assert files.token.read_text() == second


def test_a_token_that_cannot_be_written_is_named(files: MemberFiles) -> None:
    files.home.joinpath(".raycml").write_text("a file instead of a folder")
    with pytest.raises(OSError, match=r"cannot provide .*/token: ") as refused:
        tokens.provide(files)
    assert refused.value.strerror


@pytest.mark.parametrize(
    ("spec", "environ", "expected"),
    [
        ({}, {}, "disabled"),
        ({}, {"RAYCML_AUTH_MODE": "token"}, "token"),
        ({}, {"RAYCML_AUTH_MODE": "disabled"}, "disabled"),
        ({}, {"RAYCML_AUTH_MODE": "TOKEN "}, "disabled"),
        ({"auth_mode": "token"}, {}, "token"),
        ({"auth_mode": "token"}, {"RAYCML_AUTH_MODE": "disabled"}, "token"),
        ({"auth_mode": "disabled"}, {"RAYCML_AUTH_MODE": "token"}, "disabled"),
        ({"ray_version": "2.51.2"}, {"RAYCML_AUTH_MODE": "token"}, "disabled"),
    ],
)
def test_a_head_starts_in_the_mode_of_its_spec_or_of_its_application(
    spec: Mapping[str, object], environ: Mapping[str, str], expected: str
) -> None:
    values = read_settings(settings(group="head", **spec))
    assert tokens.mode_of_head(values, environ) == expected


def test_an_empty_mode_in_a_launcher_is_refused() -> None:
    with pytest.raises(PodError, match="auth_mode"):
        read_settings(settings(auth_mode=""))


def test_a_head_of_an_older_edition_has_no_mode_and_its_workers_start_without_a_token(
    files: MemberFiles,
) -> None:
    old = {name: value for name, value in vars(NOTE).items() if name != "auth_mode"}
    files.folder.mkdir(parents=True)
    files.head.write_text(json.dumps({"schema": "raycml.head/v1", **old}))
    record = read_head(files)
    assert record is not None
    variables = tokens.variables(record.auth_mode, files, "2.60.0")
    assert variables == {"RAY_AUTH_MODE": "disabled"}


def test_a_token_is_handed_on_by_its_path_alone(files: MemberFiles) -> None:
    tokens.provide(files)
    variables = tokens.variables("token", files, "2.60.0")
    assert variables == {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(files.token)}
    assert files.token.read_text() not in str(variables)
