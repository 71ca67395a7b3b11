"""The long-running controller, pass by pass, on a workspace in this process."""

import json
from pathlib import Path

import httpx
import pytest
from controlled import controlled
from repository_specs import SPECS, clusters, text_of, three
from stage import Stage

pytestmark = pytest.mark.slow

FILES = "/api/v2/projects/%s/files"


@pytest.fixture(autouse=True)
def short_grace(stage: Stage) -> None:
    """Shorter than the calm after which a controller counts as settled."""
    stage.environ["RAYCML_PRUNE_GRACE_S"] = "60"


def test_a_new_commit_is_applied(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        assert clusters(stage) == set(SPECS)
        commit = repository.commit(one=text_of(stage, "one").replace("replicas: 1", "replicas: 2"))
        controller.settle()
        assert controller.source.revision == commit
        assert "ray-one-cpu-1" in stage.applications()


def test_a_converged_world_costs_no_write_however_long(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        before = len(stage.wire.calls)
        controller.turn(20)
        written = [path for method, path in stage.wire.writes() if "/files" not in path]
        assert not [p for m, p in stage.wire.calls[before:] if m != "GET" and "/files" not in p]
        assert written
        uploads = [c for c in stage.wire.calls[before:] if c == ("POST", FILES % stage.project)]
        assert len(uploads) <= 20 * 33 / 20, "a small file every 20 s: the lease"
        assert all(c.word == "Ready" for c in controller.snapshot.status.clusters)  # type: ignore[union-attr]


def test_where_nothing_is_to_be_done_only_pauses_are_read_and_all_files_in_ten_minutes(
    stage: Stage,
) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()

        files = f"/api/v2/projects/{stage.project}/files/.raycml"
        before = len(stage.wire.calls)
        controller.turn(40)  # of thirty seconds each
        calls = stage.wire.calls[before:]
        assert calls.count(("GET", f"{files}/pauses")) == 40
        assert calls.count(("GET", f"{files}/launchers")) == 2


@pytest.mark.parametrize("hidden", [False, True], ids=["full", "never shown"])
def test_a_launcher_that_cannot_be_written_is_tried_again_ever_less_often(
    stage: Stage, hidden: bool
) -> None:
    """Whether the disk is full, or what arrives never shows in its folder."""
    repository = three(stage)
    files, tried = FILES % stage.project, []

    def answer(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == files and b".raycml/launchers/" in request.read()[:300]:
            tried.append(stage.clock.elapsed)
            return httpx.Response(200 if hidden else 507, text="")
        return None

    stage.wire.instead = answer
    with controlled(stage, repository.folder) as controller:
        while stage.clock.elapsed < 3600:
            controller.turn()
        assert controller.snapshot.status is not None
        assert "Ready" not in {cluster.word for cluster in controller.snapshot.status.clusters}
        launchers = 2 * len(SPECS)
        assert launchers <= len(tried) <= 15 * launchers
        stage.wire.instead = lambda _: None
        stage.clock.wait(700.0)  # longer than any pause before the next try
        controller.settle()
        assert clusters(stage) == set(SPECS)


def test_a_broken_commit_freezes_what_it_broke_and_nothing_else(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        wider = text_of(stage, "two").replace("replicas: 1", "replicas: 2")
        repository.commit(one="apiVersion: raycml/v1\nkind: RayClutser\n", two=wider, three=None)
        controller.settle()
        assert "specs/one.yaml:2" in controller.source.problems[0]
        assert clusters(stage) == set(SPECS)
        assert "ray-two-cpu-1" in stage.applications()
        stage.workspace.state.applications.clear()
        controller.settle()
        assert clusters(stage) == set(SPECS), "what is frozen is still kept alive"


def test_a_deleted_file_is_pruned_after_its_grace(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        repository.commit(three=None)
        controller.turn()
        assert clusters(stage) == set(SPECS)
        controller.settle()
        assert clusters(stage) == {"one", "two"}
        assert controller.running.follower.record is not None
        assert controller.running.follower.record.departed == ()
        assert "ClusterDeleted three" in controller.events()


def test_a_deletion_made_while_the_controller_was_down_is_pruned(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
    repository.commit(three=None)
    with controlled(stage, repository.folder, dice=8) as controller:
        controller.settle()
        assert clusters(stage) == {"one", "two"}


def test_without_prune_a_deleted_file_leaves_an_orphan(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder, no_prune=True) as controller:
        controller.settle()
        repository.commit(three=None)
        controller.settle()
        assert clusters(stage) == set(SPECS)
        assert controller.snapshot.status is not None
        assert controller.snapshot.status.cluster("three").word == "Orphan"  # type: ignore[union-attr]


def test_all_files_deleted_waits_for_a_person(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        commit = repository.commit(one=None, two=None, three=None)
        controller.settle()
        assert clusters(stage) == set(SPECS)
        held = controller.snapshot.source.held
        assert held is not None
        assert (held.revision, held.reason) == (commit, "PruneLimit")
        said = stage.run("approve", commit[:10], "--yes")
        assert said.code == 0, said.err
        controller.settle()
        assert clusters(stage) == set()


def test_a_forced_push_waits_for_a_person(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        repository.git("commit", "-q", "--amend", "-m", "rewritten")
        commit = repository.git("rev-parse", "HEAD")
        controller.settle()
        held = controller.snapshot.source.held
        assert held is not None
        assert (held.revision, held.reason) == (commit, "Rewound")
        assert stage.run("approve", commit, "--yes").code == 0
        controller.settle()
        assert controller.source.held is None
        assert controller.source.revision == commit


def test_an_unreachable_remote_keeps_the_last_good(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        repository.folder.rename(stage.folder / "elsewhere")
        controller.settle()
        assert controller.source.failure
        assert clusters(stage) == set(SPECS)
        stage.workspace.state.applications.clear()
        controller.settle()
        assert clusters(stage) == set(SPECS)


def test_a_restart_while_the_remote_is_away_goes_on_from_the_record(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
    (stage.folder / "repository" / ".git" / "HEAD").write_text("ref: refs/heads/nowhere\n")
    with controlled(stage, repository.folder, dice=8) as controller:
        stage.workspace.state.applications.clear()
        controller.settle()
        assert clusters(stage) == set(SPECS)
        assert "SourceFailing controller" in controller.events()


def test_a_folder_is_followed_too_and_an_emptied_one_waits(stage: Stage) -> None:
    for name in SPECS:
        stage.spec(name, replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        assert clusters(stage) == set(SPECS)
        (stage.folder / "specs" / "three.yaml").unlink()
        controller.settle()
        assert clusters(stage) == {"one", "two"}
        for name in ("one", "two"):
            (stage.folder / "specs" / f"{name}.yaml").unlink()
        controller.settle()
        assert clusters(stage) == {"one", "two"}
        assert controller.source.held is not None


def test_a_paused_cluster_is_shown_with_who_and_why_also_where_nothing_is_to_be_done(
    stage: Stage,
) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        assert stage.run("pause", "one", "--reason", "migration", "--until", "2h").code == 0
        controller.settle()
        assert controller.snapshot.pauses["one"].by == "jdoe"
        status = controller.snapshot.status
        assert status is not None
        assert status.cluster("one").word == "Paused"  # type: ignore[union-attr]


def test_two_controllers_at_once_do_no_harm_and_one_leads(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with (
        controlled(stage, "specs") as first,
        controlled(stage, "specs", dice=8) as second,
    ):
        for _ in range(20):
            first.turn()
            second.turn()
        assert set(stage.applications()) == {"ray-one-head", "ray-one-cpu-0"}
        assert first.snapshot.loop.leads
        assert not second.snapshot.loop.leads
        creates = [p for m, p in stage.wire.writes() if p.endswith("/applications")]
        assert len(creates) == 2


def test_what_breaks_inside_a_pass_is_an_event_and_the_next_pass_goes_on(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.turn()
        stage.wire.instead = lambda _: httpx.Response(500, text="<html>oops</html>")
        controller.turn(3)
        assert controller.loop.state.failures == 3
        assert "PassFailed controller" in controller.events()
        stage.wire.instead = lambda _: None
        controller.settle()
        assert controller.loop.state.failures == 0
        assert clusters(stage) == {"one"}


def test_a_project_that_cannot_be_read_holds_up_no_other(stage: Stage) -> None:
    other = stage.workspace.create_project(stage.user, {"name": "other"}).id
    stage.spec("far", replicas=1, extra=f"project: {other}")
    stage.spec("near", replicas=1)

    def away(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(500, text="no") if other in request.url.path else None

    stage.wire.instead = away
    with controlled(stage, "specs") as controller:
        controller.turn(12)
        assert clusters(stage) == {"near"}
        status = controller.snapshot.status
        assert status is not None
        assert status.cluster("near").word == "Ready"  # type: ignore[union-attr]
        stage.wire.instead = lambda _: None
        controller.turn(3)
        assert clusters(stage) == {"near", "far"}


def test_a_project_that_was_deleted_holds_up_no_pruning_elsewhere(stage: Stage) -> None:
    other = stage.workspace.create_project(stage.user, {"name": "other"}).id
    for name in ("one", "two", "three", "four"):
        stage.spec(name, replicas=1)
    stage.spec("far", replicas=1, extra=f"project: {other}")
    with controlled(stage, "specs") as controller:
        controller.turn(12)
        for name in ("far", "four"):
            (stage.folder / "specs" / f"{name}.yaml").unlink()
        stage.workspace.delete_project(other)
        controller.turn(12)
        assert clusters(stage) == {"one", "two", "three"}
        record = controller.running.follower.record
        assert record is not None
        gone = {departed.holder.cluster.name for departed in record.departed}
        assert gone <= {"far"}, "what cannot be looked at is not forgotten"


def test_events_outlive_the_controller_and_the_command_shows_them(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
    said = stage.run("events", "-o", "json")
    reasons = {event["reason"] for event in said.json()["events"]}  # type: ignore[attr-defined]
    assert {"NewRevision", "Created", "Ready"} <= reasons
    with controlled(stage, "specs", dice=8) as again:
        assert len(again.running.event_log.events) == len(said.json()["events"])  # type: ignore[arg-type]


def test_status_of_a_cluster_tells_its_revision_and_its_last_error_however_old(
    stage: Stage,
) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        stage.silent.add("ray-one-cpu-0")
        controller.turn(4)
        stage.silent.clear()
        for n in (2, 3, 4, 5, 6):
            text = text_of(stage, "one").replace("replicas: 1", f"replicas: {n}")
            commit = repository.commit(one=text)
            controller.settle()
    said = stage.run("status", "one", "--specs", str(repository.folder / "specs")).out
    assert f"revision  {commit[:12]} of {controller.source.origin}, at specs/one.yaml:1" in said
    last = said.partition("LAST EVENTS\n")[2].splitlines()
    assert any("Warning  NotReady" in line for line in last)
    assert "Normal   Ready" in last[-1]
    assert len(last) <= 9


def test_the_log_has_one_line_for_each_pass_that_changed_something_bound_to_it(
    stage: Stage,
) -> None:
    stage.spec("one", replicas=1)
    stage.capsys.readouterr()
    with controlled(stage, "specs") as controller:
        controller.settle().turn(5)
    lines = [json.loads(line) for line in stage.capsys.readouterr().err.splitlines()]
    passes = [line for line in lines if line["event"] == "pass"]
    steps = [line for line in lines if line["event"] == "step"]
    assert len(steps) == 5, "shared memory, two launchers, two applications"
    assert all(line["pass_id"] and line["revision"] for line in steps)
    assert len(passes) == len({line["pass_id"] for line in steps})


def test_an_approval_of_something_else_is_refused(stage: Stage) -> None:
    assert stage.run("approve", "main").code == 64


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("no-such-folder",),
        ("https://[not-an-address/x.git",),
        ("specs", "--ref", "main"),
        ("ext::sh -c touch% /tmp/x",),
        ("https://jdoe@git.example.com/x.git", "--ref=--upload-pack=x"),
        ("https://git.example.com/x.git", "--path", "../../etc"),
    ],
)
def test_a_source_that_cannot_be_followed_ends_the_command_at_once(
    stage: Stage, arguments: tuple[str, ...]
) -> None:
    stage.spec("one")
    said = stage.run("run", *arguments)
    assert said.code in (8, 64)
    assert said.err.count("\n") == 2
    assert not stage.wire.calls
    assert Path("specs").is_dir()
