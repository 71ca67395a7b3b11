"""The command line on workspaces that take uploads in another way, and how it says so."""

from pathlib import Path

import pytest
from stage import Stage

from controller.emulator.options import Options

WAYS = {
    "as documented": {},
    "a PUT only honors the path": {"post_upload_in_root": True},
    "a PUT only is served": {"uploads": "put"},
    "a POST only is served": {"uploads": "post"},
}
BY = {**dict.fromkeys(WAYS, "PUT"), "as documented": "POST", "a POST only is served": "POST"}


@pytest.fixture(params=[*WAYS])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def there(capsys: pytest.CaptureFixture[str], tmp_path: Path, way: str,
          monkeypatch: pytest.MonkeyPatch) -> Stage:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    options = Options(start_s=3.0, **WAYS[way])  # type: ignore[arg-type]  # as in the table
    return Stage(capsys, tmp_path, options=options)


def test_a_cluster_is_made_changed_and_deleted_and_nothing_is_left_in_the_home(
    there: Stage, way: str
) -> None:
    there.write("head.py", b"a file of the user")
    there.spec()
    assert there.run("reconcile").code == 0
    there.spec(cpu=3, replicas=1)
    assert there.run("reconcile", "--yes").code == 0
    assert there.files(".raycml/launchers/analytics") != []
    assert there.run("delete", "analytics", "--yes").code == 0
    assert sorted(there.tree().names(())) == [".raycml", "head.py"]
    methods = {method for method, path in there.wire.calls if path.endswith("/files")}
    assert BY[way] in methods


def test_a_process_finds_the_way_once(there: Stage, way: str) -> None:
    there.spec()
    there.run("reconcile")
    calls = [method for method, path in there.wire.writes() if path.endswith("/files")]
    other = [method for method in calls if method != BY[way]]
    assert len(other) <= 1
    assert calls.count(BY[way]) > 2


def test_doctor_names_the_way(there: Stage, way: str) -> None:
    there.spec()
    said = there.run("doctor", "-o", "json")
    checks = {check["name"]: check for check in said.json()["checks"]}  # type: ignore[attr-defined]  # a list
    assert checks["files"]["message"].endswith(f"files are uploaded by {BY[way]}")
    assert there.files(".raycml/launchers") == []
    assert [name for name in there.tree().names(()) if name != ".raycml"] == []


def test_a_workspace_without_a_usable_upload_is_said_and_stays_clean(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stage = Stage(capsys, tmp_path, options=Options(uploads="post", post_upload_in_root=True))
    stage.spec()
    said = stage.run("reconcile", "--once")
    assert said.code != 0
    assert "run raycml in a session of the project" in said.out + said.err
    assert [name for name in stage.tree().names(()) if name != ".raycml"] == []
