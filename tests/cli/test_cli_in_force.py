"""What a source says and what is in force, over the production composition."""

import errno
import fcntl
import shutil
from pathlib import Path

import httpx
import pytest
from controlled import Controlled, controlled
from repository_specs import SPECS, clusters, three
from stage import Stage

from controller.core.status.plan_text import footer
from controller.web.health import Watch
from controller.web.pages.summary import summarize


def fill(stage: Stage, names: tuple[str, ...] = SPECS, **changes: object) -> None:
    for name in names:
        stage.spec(name, replicas=0, **changes)


def specs(stage: Stage) -> Path:
    return stage.folder / "specs"


def patiently(controller: Controlled, seconds: float = 420.0) -> Controlled:
    """Turn until so much time has passed: longer than any grace."""
    clock = controller.stage.clock
    ends = clock.elapsed + seconds
    while clock.elapsed < ends:
        controller.turn()
    return controller


@pytest.mark.parametrize("left", [b"", b"# to be written\n---\n"])
def test_a_spec_file_that_shrank_to_nothing_freezes_its_cluster_and_is_named(
    stage: Stage, left: bytes
) -> None:
    fill(stage)
    with controlled(stage, "specs") as controller:
        controller.settle()
        (specs(stage) / "three.yaml").write_bytes(left)
        patiently(controller)
        assert clusters(stage) == set(SPECS)
        assert controller.source.problems[0].startswith("specs/three.yaml:1:1: no spec")
        (specs(stage) / "three.yaml").unlink()
        patiently(controller)
        assert clusters(stage) == {"one", "two"}


def test_a_folder_that_is_not_mounted_waits_for_a_person_and_a_deleted_one_does_not(
    stage: Stage,
) -> None:
    fill(stage)
    stage.spec("four", file="team/four.yaml", replicas=0)
    with controlled(stage, "specs", allow_prune=100) as controller:
        controller.settle()
        (specs(stage) / "team" / "four.yaml").unlink()
        patiently(controller)
        assert "four" in clusters(stage)
        assert controller.source.held is not None
        assert controller.source.held.reason == "FolderEmptied"
        shutil.rmtree(specs(stage) / "team")
        patiently(controller)
        assert clusters(stage) == set(SPECS)


def test_the_whole_folder_emptied_waits_for_a_person_whatever_was_allowed(stage: Stage) -> None:
    fill(stage)
    with controlled(stage, "specs", allow_prune=100) as controller:
        controller.settle()
        for name in SPECS:
            (specs(stage) / f"{name}.yaml").unlink()
        patiently(controller)
        assert clusters(stage) == set(SPECS)


def test_a_commit_that_lacks_the_path_waits_for_a_person_whatever_was_allowed(
    stage: Stage,
) -> None:
    stage.environ["XDG_CACHE_HOME"] = str(stage.folder / "cache")
    repository = three(stage, replicas=0)
    with controlled(stage, repository.folder, allow_prune=100) as controller:
        controller.settle()
        repository.git("mv", "specs", "clusters")
        repository.git("commit", "-q", "-m", "another name for the folder")
        controller.settle()
        assert clusters(stage) == set(SPECS)
        assert controller.source.held is not None


# An approval is one step


def empty(stage: Stage) -> None:
    for name in SPECS:
        (specs(stage) / f"{name}.yaml").unlink()


def test_an_emptied_folder_waits_each_time_whatever_was_approved_before(stage: Stage) -> None:
    fill(stage)
    with controlled(stage, "specs") as controller:
        controller.settle()
        empty(stage)
        controller.settle()
        held = controller.source.held
        assert held is not None
        assert stage.run("approve", held.revision, "--yes").code == 0
        patiently(controller)
        assert clusters(stage) == set()
        assert stage.files(".raycml/approvals") == []
        fill(stage)
        controller.settle()
        empty(stage)
        patiently(controller)
        assert clusters(stage) == set(SPECS)
        assert controller.source.held is not None


def test_what_waits_is_listed_with_what_it_removes_and_nothing_else_can_be_approved(
    stage: Stage,
) -> None:
    fill(stage)
    assert stage.run("approve").err == "no revision needs approval\n"
    with controlled(stage, "specs") as controller:
        controller.settle()
        empty(stage)
        controller.settle()
        held = controller.source.held
        assert held is not None
        listed = stage.run("approve")
        assert listed.code == 0
        for said in (held.revision, held.origin, "PruneLimit", "removes: one, three, two"):
            assert said in listed.out
        for unseen in ("abcdef0", "0" * 40, held.revision + "0"):
            refused = stage.run("approve", unseen, "--yes")
            assert refused.code == 6
            assert f"held revisions: {held.revision}" in refused.err
        unasked = stage.run("approve", held.revision)
        assert unasked.code == 6
        assert "removes: one, three, two" in unasked.err
        assert stage.files(".raycml/approvals") == []
        assert (
            stage.run("approve", held.revision[:7], "--yes").out == f"{held.revision}  approved\n"
        )
        (name,) = stage.files(".raycml/approvals")
        assert name.endswith(f"-{held.revision}.json")
        controller.turn()
        assert controller.source.approved_by == "jdoe"
        assert any("approved by jdoe" in event.message for event in controller.snapshot.events)
    assert stage.run("approve").out == ""


# The grace of a cluster whose spec is gone


def test_a_grace_is_counted_down_where_people_look_and_ends_when_the_spec_comes_back(
    stage: Stage,
) -> None:
    fill(stage)
    with controlled(stage, "specs") as controller:
        controller.settle()
        text = (specs(stage) / "three.yaml").read_text()
        (specs(stage) / "three.yaml").unlink()
        controller.turn()
        status = controller.snapshot.status
        assert status is not None
        three = status.cluster("three")
        assert three is not None
        assert three.word == "Leaving"
        assert "deleted in 5m00s; restore the spec to keep it" in three.conditions[0].message
        count = summarize(
            controller.snapshot, stage.clock.now(), Watch(300.0, stage.clock.now())
        ).count
        assert count == "2 of 2 clusters, 2 of 2 members ready, 1 without a spec"
        stage.clock.wait(100)
        controller.turn()
        assert "deleted in 2m49s" in controller.snapshot.plan.waits[0].message
        said = stage.run("status", "three", "--specs", "specs")
        assert "deleted in 2m" in said.out, said.out
        assert "PruneGrace three" in controller.events()
        (specs(stage) / "three.yaml").write_text(text)
        patiently(controller)
        assert clusters(stage) == set(SPECS)
        assert "PruneCancelled three" in controller.events()


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"RAYCML_PRUNE_GRACE_S": "900"}, "it will be deleted in 13m59s"),
        ({"RAYCML_PRUNE_GRACE_S": "120"}, "it will be deleted in 59s"),
        ({"RAYCML_NO_PRUNE": "1"}, ""),
    ],
)
def test_a_status_counts_the_grace_of_the_controller_and_not_its_own(
    stage: Stage, environ: dict[str, str], said: str
) -> None:
    fill(stage)
    plain = dict(stage.environ)
    with controlled(stage, "specs") as controller:  # it leaves a running grace on record
        controller.settle()
        (specs(stage) / "three.yaml").unlink()
        controller.turn()
    stage.environ.update(environ)
    with controlled(stage, "specs") as controller:
        controller.turn()
        shown = stage.run("status", "--specs", "specs", environ=plain).out
    three = next(line for line in shown.splitlines() if line.startswith("three"))
    assert said in three
    assert ("deleted" in three) == bool(said)


@pytest.mark.parametrize(("grace", "least", "most"), [("0", 0, 5), ("40", 40, 45), ("", 300, 335)])
def test_the_grace_is_a_setting(stage: Stage, grace: str, least: float, most: float) -> None:
    fill(stage)
    stage.environ["RAYCML_PRUNE_GRACE_S"] = grace
    with controlled(stage, "specs") as controller:
        controller.settle()
        (specs(stage) / "three.yaml").unlink()
        began = stage.clock.elapsed
        while not any(event.startswith("Deleting three") for event in controller.events()):
            assert stage.clock.elapsed < began + 1000
            controller.turn()
        assert least <= stage.clock.elapsed - began <= most


def test_a_grace_goes_on_over_restarts(stage: Stage) -> None:
    fill(stage)
    with controlled(stage, "specs") as controller:
        controller.settle()
        (specs(stage) / "three.yaml").unlink()
        controller.turn()
        began = stage.clock.elapsed
    for dice in range(4):
        stage.clock.wait(60)
        with controlled(stage, "specs", dice=dice) as controller:
            controller.turn()
            assert "three" in clusters(stage)
    with controlled(stage, "specs", dice=9) as controller:
        while "three" in clusters(stage):
            assert stage.clock.elapsed < began + 1000
            controller.turn()
    assert 300 <= stage.clock.elapsed - began <= 340


# Where applications of a cluster may be


def places(stage: Stage) -> set[tuple[str, str]]:
    rows = stage.workspace.state.applications.values()
    return {(row.subdomain, row.project_id) for row in rows}


@pytest.mark.parametrize("restarts", [False, True])
def test_a_spec_that_moves_to_another_project_leaves_nothing_behind(
    stage: Stage, *, restarts: bool
) -> None:
    other = stage.workspace.create_project(stage.user, {"name": "zz-other"}).id
    stage.spec("one", replicas=0, extra="project: zz-other")
    with controlled(stage, "specs") as controller:
        controller.settle()
        assert places(stage) == {("ray-one-head", other)}
        stage.spec("one", replicas=0)
        if not restarts:
            patiently(controller)
    if restarts:
        with controlled(stage, "specs", dice=8) as controller:
            patiently(controller)
    assert places(stage) == {("ray-one-head", stage.project)}
    assert controller.snapshot.status is not None
    assert controller.snapshot.status.cluster("one").word == "Ready"  # type: ignore[union-attr]
    assert controller.running.last is not None
    assert set(controller.running.last.observed.projects) == {stage.project}


@pytest.mark.parametrize("answer", [404, 403, 500])
@pytest.mark.parametrize("moves", [False, True])
def test_what_runs_in_a_project_that_cannot_be_listed_is_reported_and_not_forgotten(
    stage: Stage, answer: int, *, moves: bool
) -> None:
    other = stage.workspace.create_project(stage.user, {"name": "zz-other"}).id
    fill(stage, ("a", "b"))
    path = stage.spec("gone", replicas=0, extra=f"project: {other}")
    with controlled(stage, "specs") as controller:
        controller.settle()
        body = {"error": "no", "code": 5, "message": "no"}
        stage.wire.instead = lambda request: (
            httpx.Response(answer, json=body) if f"/projects/{other}/" in request.url.path else None
        )
        if moves:
            stage.spec("gone", replicas=0)
        else:
            path.unlink()
        patiently(controller, 600)
        assert ("ray-gone-head", other) in places(stage)
        assert any(
            wait.cluster == "gone" and other in wait.message
            for wait in controller.snapshot.plan.waits
        )
        stage.wire.instead = lambda _: None
        patiently(controller, 800)
        left = {(name, project) for name, project in places(stage) if "gone" in name}
        assert left == ({("ray-gone-head", stage.project)} if moves else set())


# A record that is large, or cannot be written


def test_a_home_that_is_full_keeps_no_revision_from_coming_into_force(stage: Stage) -> None:
    fill(stage, ("one",))
    with controlled(stage, "specs") as controller:
        controller.settle()
        stage.wire.instead = lambda request: (
            httpx.Response(500, json={"error": "no space left on device", "code": 13})
            if "/files" in request.url.path
            and request.method != "GET"
            and not request.url.path.endswith(":download")
            and b"sources/" in request.read()
            else None
        )
        stage.spec("one", replicas=1)
        controller.turn(12)
        assert "ray-one-cpu-0" in stage.applications()
        assert "cannot be written" in controller.source.failure
        stage.wire.instead = lambda _: None
        controller.turn(2)
        assert controller.source.failure == ""


# A cluster that is held at an older spec


def test_a_cluster_whose_newest_spec_is_broken_is_not_synced_and_says_since_which_revision(
    stage: Stage,
) -> None:
    fill(stage, ("one", "two"))
    with controlled(stage, "specs") as controller:
        controller.settle()
        before = controller.source.revision
        good = (specs(stage) / "one.yaml").read_text()
        (specs(stage) / "one.yaml").write_text(good.replace("replicas: 0", "replicas: many"))
        stage.capsys.readouterr()
        controller.settle()
        log = stage.capsys.readouterr().err
        assert log.count("invalid spec") == 1
        assert "specs/one.yaml" in log
        status = controller.snapshot.status
        assert status is not None
        one, two = status.cluster("one"), status.cluster("two")
        assert one is not None
        assert two is not None
        assert (one.word, two.word) == ("OutOfDate", "Ready")
        synced = one.condition("Synced")
        assert synced is not None
        assert (synced.status, synced.reason) == ("False", "HeldAtOlderRevision")
        assert before[:12] in synced.message
        assert "specs/one.yaml" in synced.message
        assert two.condition("Ready") == one.condition("Ready")
        verdict = summarize(controller.snapshot, stage.clock.now(), Watch(300.0, stage.clock.now()))
        assert verdict.count == "2 of 2 clusters, 2 of 2 members ready"
        listed = stage.run("status", "--specs", "specs").out.splitlines()
        assert any("OutOfDate" in row and "held at revision" in row for row in listed), listed
        assert footer(controller.snapshot.plan) == "No changes."
        (specs(stage) / "one.yaml").write_text(good)
        controller.settle()
        assert controller.snapshot.status is not None
        assert controller.snapshot.status.cluster("one").word == "Ready"  # type: ignore[union-attr]


# What a person protected, wherever the command is typed


@pytest.mark.parametrize("with_specs", [False, True])
@pytest.mark.parametrize(("field", "state"), [("protect", "protected"), ("paused", "paused")])
def test_a_cluster_that_its_spec_protects_or_pauses_is_not_deleted_from_any_folder(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, field: str, state: str, *, with_specs: bool
) -> None:
    fill(stage, ("one", "two"))
    with controlled(stage, "specs") as controller:
        controller.settle()
        fill(stage, ("one",), extra=f"{field}: true")
        controller.settle()
    assert stage.run("delete", "one", "--yes").code == 6, "with the specs at hand"
    elsewhere = stage.folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    if with_specs:
        path = elsewhere / "specs" / "one.yaml"
        path.parent.mkdir()
        text = (specs(stage) / "one.yaml").read_text()
        path.write_text(text.replace(f"{field}: true", f"{field}: false"))
    said = stage.run("delete", "one", "--yes")
    assert said.code == 6
    assert f"one is {state} by its spec at specs/one.yaml:1 of specs" in said.err
    assert f"`{field}: false` there" in said.err
    released = stage.run("release", "one", "--yes")
    assert released.code == (6 if field == "paused" else 0), "a release loses nothing"
    assert clusters(stage) == {"one", "two"}
    assert stage.run("delete", "two", "--yes").code == 0


def test_a_protected_cluster_is_not_pruned_from_a_folder_without_its_spec(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(stage, ("one",), extra="protect: true")
    fill(stage, ("two",))
    with controlled(stage, "specs") as controller:
        controller.settle()
    text = (specs(stage) / "two.yaml").read_text()
    elsewhere = stage.folder / "elsewhere" / "specs"
    elsewhere.mkdir(parents=True)
    (elsewhere / "two.yaml").write_text(text)
    monkeypatch.chdir(elsewhere.parent)
    said = stage.run("reconcile", "--prune", "--allow-prune", "9", "--yes")
    assert said.code == 6
    assert "one is protected by its spec at specs/one.yaml:1 of specs" in said.err
    assert clusters(stage) == {"one", "two"}


def test_a_cluster_whose_protection_cannot_be_read_is_not_deleted(stage: Stage) -> None:
    fill(stage, ("one",), extra="protect: true")
    with controlled(stage, "specs") as controller:
        controller.settle()
    shutil.rmtree(specs(stage))
    stage.wire.instead = lambda request: (
        httpx.Response(500, json={"error": "no"}) if "sources" in str(request.url) else None
    )
    assert stage.run("delete", "one", "--yes").code == 1
    assert clusters(stage) == {"one"}


# Which projects specs may name


def test_a_spec_that_names_a_project_which_is_not_allowed_is_refused_with_its_place(
    stage: Stage,
) -> None:
    other = stage.workspace.create_project(stage.user, {"name": "zz-other"}).id
    fill(stage, ("mine",))
    stage.spec("theirs", replicas=0, extra=f"project: {other}")
    stage.spec("named", replicas=0, extra="project: zz-other")
    stage.spec("own", replicas=0, extra=f"project: {stage.project}")
    stage.environ["RAYCML_PROJECTS"] = "fraud-models, zz-third"
    with controlled(stage, "specs") as controller:
        controller.settle()
        assert clusters(stage) == {"mine", "own"}
        waits = {w.cluster: w for w in controller.snapshot.plan.waits}
        assert set(waits) == {"theirs", "named"}
        assert {str(wait.reason) for wait in waits.values()} == {"ProjectNotAllowed"}
        assert "specs/theirs.yaml:1: project" in waits["theirs"].message
    assert not [path for _, path in stage.wire.calls if other in path]
    said = stage.run("validate", "specs")
    assert said.code == 3
    assert "specs/named.yaml:1:1: project `zz-other` is not among" in said.err
    del stage.environ["RAYCML_PROJECTS"]
    assert stage.run("validate", "specs").code == 0


# A home without file locks


def test_a_home_without_locks_is_said_to_be_why_a_repository_cannot_be_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.environ["XDG_CACHE_HOME"] = str(stage.folder / "cache")
    repository = three(stage, replicas=0)

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with controlled(stage, repository.folder) as controller:
        controller.turn()
        assert "No locks available; the file system has no locks" in controller.source.failure
        assert "XDG_CACHE_HOME" in controller.source.failure


@pytest.mark.parametrize("text", ["", "# nothing yet\n"])
def test_validate_says_of_an_empty_file_that_it_holds_no_spec(stage: Stage, text: str) -> None:
    (stage.folder / "empty.yaml").write_text(text)
    said = stage.run("validate", "empty.yaml")
    assert said.code == 3
    assert "empty.yaml:1:1: no spec in this file" in said.err


# CML away


def test_while_cml_is_away_the_page_says_so_and_which_revision_is_in_force(stage: Stage) -> None:
    fill(stage, ("one",))
    with controlled(stage, "specs") as controller:
        controller.settle()
        before = controller.source.revision

        def away(request: httpx.Request) -> httpx.Response | None:
            raise httpx.ConnectError("connection refused", request=request)

        stage.wire.instead = away
        controller.turn(3)
        assert before
        assert controller.snapshot.source.revision == before
        found = summarize(controller.snapshot, stage.clock.now(), Watch(3600.0, stage.clock.now()))
        assert found.title.startswith("CML cannot be reached")
