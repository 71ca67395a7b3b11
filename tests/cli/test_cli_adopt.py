"""Ownership by a person's order: `adopt`, `release`, `orphans`, told by the real command line."""

import json
from collections.abc import Mapping

import httpx
import pytest
from holding import hold
from stage import RUNTIME, Said, Stage

NO_CHANGES = "specs: 1 cluster\nNo changes. Everything is in sync.\n"
FOREIGN = ("ray-cluster-head", "ray-cluster-worker-1", "ray-cluster-worker-2")


def make(stage: Stage, subdomain: str, **fields: object) -> str:
    """An application that somebody made by hand; its id."""
    stage.write("train/node.py", b"print('by hand')\n")
    cml = stage.workspace
    body = {
        "name": subdomain,
        "subdomain": subdomain,
        "script": "train/node.py",
        "cpu": 1,
        "memory": 2,
        "runtime_identifier": RUNTIME,
        "environment": {"THEIRS": "kept"},
        **fields,
    }
    made = cml.applications.create(cml.project(stage.project), stage.user, body, cml.tick())
    return made.id


def wait_up(stage: Stage) -> None:
    for _ in range(6):
        stage.clock.wait(2)
    assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}


def make_all(stage: Stage) -> dict[str, str]:
    return {name: make(stage, name) for name in FOREIGN}


def variables(stage: Stage, subdomain: str) -> Mapping[str, str]:
    app = stage.workspace.applications.at(subdomain)
    assert app is not None
    return dict(app.environment)


def rename_variables(stage: Stage, subdomain: str, **changed: str) -> None:
    """Somebody edits variables by hand."""
    app = stage.workspace.applications.at(subdomain)
    assert app is not None
    text = json.dumps({**app.environment, **changed})
    stage.workspace.applications.patch(app, {"environment": text}, stage.workspace.tick())


def starts(stage: Stage) -> dict[str, object]:
    """When each application last began to start: what a restart changes."""
    return {a.id: a.starting_at for a in stage.workspace.state.applications.values()}


def calls(stage: Stage) -> list[str]:
    """What was asked of applications, but for reads."""
    return [m for m, path in stage.wire.writes() if "/applications" in path]


def applications(said: Said) -> list[dict[str, object]]:
    found = said.json()["applications"]
    assert isinstance(found, list)
    return found


# Applications of others


def test_adopt_shows_what_differs_and_what_a_reconcile_will_do(stage: Stage) -> None:
    stage.spec()
    ids = make_all(stage)
    said = stage.run("adopt", "analytics", "--update", "--yes")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].split() == ["MEMBER", "APPLICATION", "ID", "STATE", "WHY", "DIFFERENCES"]
    head, one = lines[1], lines[2]
    assert head.startswith(f"head    ray-cluster-head      {ids['ray-cluster-head']}  STARTING  ")
    assert "environment.PRECIOUS, launcher train/node.py -> head-" in head
    assert "cpu 1 -> 2, environment.PRECIOUS, launcher train/node.py -> cpu-" in one
    assert "memory 2Gi -> 4Gi" in one
    assert "`raycml reconcile` will then:" in lines
    assert "Plan: 3 to update." in lines
    assert "hunter2" not in said.out + said.err
    assert lines[-3:] == [
        f"analytics  head   {ids['ray-cluster-head']}  adopted",
        f"analytics  cpu/1  {ids['ray-cluster-worker-1']}  adopted",
        f"analytics  cpu/2  {ids['ray-cluster-worker-2']}  adopted",
    ]


def test_adoption_writes_the_mark_and_nothing_that_the_application_runs_by(stage: Stage) -> None:
    stage.spec()
    make_all(stage)
    wait_up(stage)
    before = starts(stage)
    assert stage.run("adopt", "analytics", "--yes").code == 0
    assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
    assert starts(stage) == before
    assert calls(stage) == ["PATCH"] * 3
    app = stage.workspace.applications.at("ray-cluster-worker-1")
    assert app is not None
    assert (app.script, app.cpu, app.environment["THEIRS"]) == ("train/node.py", 1, "kept")
    assert app.environment["RAYCML_SUBDOMAIN"] == "ray-cluster-worker-1"
    assert app.environment["RAYCML_ADOPTED"] == app.id


def test_the_plan_after_an_adoption_is_the_one_that_the_preview_showed(stage: Stage) -> None:
    stage.spec()
    make_all(stage)
    wait_up(stage)
    shown = stage.run("adopt", "analytics", "--update", "--yes").out
    preview = shown.partition("will then:\n")[2].partition("analytics  head")[0]
    lines = [line for line in preview.splitlines() if not line.startswith("Project ")]
    assert stage.run("plan").out.splitlines() == ["specs: 1 cluster", *lines]


def test_adopted_applications_become_the_cluster_without_a_second_one_beside(stage: Stage) -> None:
    stage.spec()
    ids = make_all(stage)
    stage.run("adopt", "analytics", "--update", "--yes")
    done = stage.run("reconcile")
    assert done.code == 0
    assert set(stage.applications()) == set(FOREIGN)
    found = {a.id: a.environment["THEIRS"] for a in stage.workspace.state.applications.values()}
    assert found == dict.fromkeys(ids.values(), "kept")
    assert "analytics  http://ray-cluster-head.cml.localhost" in done.out
    assert stage.run("plan").out == NO_CHANGES
    assert "http://ray-cluster-head.cml.localhost" in stage.run("status", "analytics").out
    stage.wire.calls.clear()
    assert stage.run("reconcile").code == 0
    assert stage.wire.writes() == []


def test_adopted_members_are_scaled_edited_and_deleted_like_all_others(stage: Stage) -> None:
    stage.spec()
    make_all(stage)
    stage.run("adopt", "analytics", "--update", "--yes")
    stage.run("reconcile")
    stage.spec(replicas=3, cpu=3)
    assert stage.run("reconcile").code == 0
    assert set(stage.applications()) == {*FOREIGN, "ray-analytics-cpu-0"}
    assert stage.run("plan").out == NO_CHANGES
    assert stage.run("delete", "analytics", "--yes").code == 0
    assert stage.applications() == {}


def test_a_map_names_applications_by_id_by_subdomain_or_by_name(stage: Stage) -> None:
    stage.spec()
    by_id = make(stage, "one")
    make(stage, "two")
    make(stage, "three", name="Our Third")
    order = [f"head={by_id}", "cpu/0=two", "cpu/1=Our Third"]
    maps = [part for one in order for part in ("--map", one)]
    assert stage.run("adopt", "analytics", *maps, "--yes").code == 0
    members = {name: variables(stage, name)["RAYCML_MEMBER"] for name in ("one", "two", "three")}
    assert members == {"one": "head", "two": "cpu/0", "three": "cpu/1"}


def test_without_a_word_of_a_person_a_proposal_is_shown_and_nothing_written(stage: Stage) -> None:
    stage.spec()
    make_all(stage)
    said = stage.run("adopt", "analytics")
    assert said.code == 6
    assert "ray-cluster-worker-1" in said.out
    assert "this takes 3 applications into analytics" in said.err
    assert "--yes" in said.err
    assert stage.wire.writes() == []


def test_names_that_tell_nothing_are_not_guessed_at(stage: Stage) -> None:
    stage.spec(replicas=0)
    make(stage, "notebook")
    said = stage.run("adopt", "analytics", "--yes")
    assert said.code == 6
    assert "no application for head" in said.err
    assert "--map MEMBER=NAME" in said.err
    make(stage, "a-head")
    make(stage, "b-head")
    ambiguous = stage.run("adopt", "analytics", "--yes")
    assert ambiguous.code == 6
    assert "ambiguous families of names (`a`, `b`)" in ambiguous.err
    assert stage.wire.writes() == []


def test_an_adoption_is_a_document_for_scripts(stage: Stage) -> None:
    stage.spec(replicas=0)
    head = make(stage, "ray-cluster-head")
    proposed = stage.run("adopt", "analytics", "-o", "json")
    assert proposed.code == 6
    assert applications(proposed)[0]["result"] == "proposed"
    done = stage.run("adopt", "analytics", "-o", "json", "--yes")
    assert done.code == 0
    body = done.json()
    assert (body["schema"], body["cluster"]) == ("raycml.adopt/v1", "analytics")
    found = applications(done)[0]
    assert found["application_id"] == head
    assert (found["member"], found["result"], found["equal"]) == ("head", "adopted", False)
    again = stage.run("adopt", "analytics", "-o", "json", "--map", f"head={head}")
    assert again.code == 0
    assert again.json()["already"] == [{"member": "head", "application_id": head}]


def test_an_adoption_that_is_done_is_done(stage: Stage) -> None:
    stage.spec()
    make_all(stage)
    stage.run("adopt", "analytics", "--yes")
    stage.wire.calls.clear()
    said = stage.run("adopt", "analytics")
    assert said.code == 0
    assert said.out == "analytics  every member has an application; nothing to adopt\n"
    assert stage.wire.writes() == []


# Refusals


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["analitics"], "did you mean `analytics`?"),
        (["analytics", "--map", "head=ray-cluster-haed"], "did you mean `ray-cluster-head`?"),
        (["analytics", "--map", "cpus/0=ray-cluster-head"], "did you mean `cpu`?"),
        (["analytics", "--map", "head"], "is not MEMBER=NAME"),
        (["analytics", "--map", "cpu/x=ray-cluster-head"], "is not MEMBER=NAME"),
        (["analytics", "--map", "=ray-cluster-head"], "is not MEMBER=NAME"),
        (["analytics", "--map", "head=a", "--map", "head=b"], "head is mapped twice"),
        (
            ["analytics", "--map", "head=ray-cluster-head", "--map", "cpu/0=ray-cluster-head"],
            "is mapped twice",
        ),
        (["analytics", "--map", "head=same"], "several applications are named `same`"),
    ],
)
def test_what_is_not_there_is_a_usage_error(stage: Stage, arguments: list[str], words: str) -> None:
    stage.spec()
    make_all(stage)
    make(stage, "x-1", name="same")
    make(stage, "x-2", name="same")
    said = stage.run("adopt", *arguments, "--yes")
    assert said.code == 64
    assert words in said.err
    assert "Traceback" not in said.err
    assert stage.wire.writes() == []


def test_an_invalid_spec_ends_it_before_cml_is_asked(stage: Stage) -> None:
    stage.spec(cpu="many")
    for command in (["adopt", "analytics"], ["orphans"]):
        assert stage.run(*command).code == 3
    assert stage.wire.calls == []


def test_another_owners_application_is_taken_only_where_that_owner_is_named(stage: Stage) -> None:
    stage.spec(replicas=0)
    stage.run("reconcile")
    rename_variables(stage, "ray-analytics-head", RAYCML_OWNER="team-b")
    order = ("adopt", "analytics", "--map", "head=ray-analytics-head", "--yes")
    stage.wire.calls.clear()
    refused = stage.run(*order)
    assert refused.code == 6
    assert "--from-owner team-b" in refused.err
    assert stage.run(*order, "--from-owner", "team-c").code == 6
    assert stage.run("adopt", "analytics", "--yes").code == 6, "it is not even proposed"
    assert stage.wire.writes() == []
    assert stage.run(*order, "--from-owner", "team-b").code == 0
    assert variables(stage, "ray-analytics-head")["RAYCML_OWNER"] == stage.project
    assert stage.run("plan").out == NO_CHANGES


def test_more_than_a_group_wants_is_refused_for_it_would_be_deleted(stage: Stage) -> None:
    stage.spec(replicas=1)
    make_all(stage)
    maps = ["--map", "cpu/1=ray-cluster-worker-1", "--map", "cpu/2=ray-cluster-worker-2"]
    said = stage.run("adopt", "analytics", *maps, "--yes")
    assert said.code == 6
    assert "set `replicas: 2`" in said.err
    assert stage.wire.writes() == []


def test_a_filled_place_takes_no_second_application(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    make(stage, "ray-cluster-head")
    said = stage.run("adopt", "analytics", "--map", "head=ray-cluster-head", "--yes")
    assert said.code == 6
    assert "head has an application" in said.err


def test_a_pause_forbids_adoption_and_release(stage: Stage) -> None:
    stage.spec()
    make_all(stage)
    stage.run("pause", "analytics", "--reason", "moving")
    assert stage.run("adopt", "analytics", "--yes").code == 6
    assert "RAYCML_OWNER" not in variables(stage, "ray-cluster-head")
    stage.run("unpause", "analytics")
    stage.run("adopt", "analytics", "--yes")
    stage.run("pause", "analytics", "--reason", "moving")
    assert stage.run("release", "analytics", "--yes").code == 6
    stage.run("unpause", "analytics")
    stage.spec(extra="paused: true")
    assert stage.run("release", "analytics", "--yes").code == 6
    assert stage.run("adopt", "analytics", "--yes").code == 6
    assert "RAYCML_OWNER" in variables(stage, "ray-cluster-head")


def test_both_ask_for_the_lease_before_they_write(stage: Stage) -> None:
    stage.spec()
    make_all(stage)
    hold(stage)
    assert stage.run("adopt", "analytics", "--yes", "--timeout", "10s").code == 7
    assert "RAYCML_OWNER" not in variables(stage, "ray-cluster-head")
    assert stage.run("adopt", "analytics", "--yes").code == 0
    assert stage.clock.elapsed >= 60, "a silent holder is waited out"
    hold(stage, epoch=9)
    assert stage.run("release", "analytics", "--yes", "--timeout", "10s").code == 7
    assert "RAYCML_OWNER" in variables(stage, "ray-cluster-head")


def test_what_changes_between_the_preview_and_the_write_is_left_alone(stage: Stage) -> None:
    stage.spec(replicas=0)
    head = make(stage, "ray-cluster-head")
    mark = {
        "RAYCML_OWNER": "team-b",
        "RAYCML_CLUSTER": "theirs",
        "RAYCML_MEMBER": "head",
        "RAYCML_SUBDOMAIN": "ray-cluster-head",
    }

    def meddle(request: httpx.Request) -> httpx.Response | None:
        if request.method == "GET" and request.url.path.endswith(f"/applications/{head}"):
            rename_variables(stage, "ray-cluster-head", **mark)
        return None

    stage.wire.instead = meddle
    said = stage.run("adopt", "analytics", "--yes")
    assert said.code == 5
    assert "it is now theirs head of team-b" in said.out
    assert variables(stage, "ray-cluster-head")["RAYCML_OWNER"] == "team-b"


def test_one_refused_write_holds_up_no_other_and_the_next_run_goes_on(stage: Stage) -> None:
    stage.spec()
    ids = make_all(stage)
    refused = ids["ray-cluster-worker-1"]

    def refuse(request: httpx.Request) -> httpx.Response | None:
        mine = request.method == "PATCH" and request.url.path.endswith(refused)
        return (
            httpx.Response(400, json={"error": "no", "code": 3, "message": "no"}) if mine else None
        )

    stage.wire.instead = refuse
    said = stage.run("adopt", "analytics", "--yes")
    assert said.code == 5
    assert said.out.count("  adopted") == 2
    assert f"{refused}  rejected: " in said.out
    stage.wire.instead = lambda _: None
    assert stage.run("adopt", "analytics", "--yes").out.splitlines()[-1].endswith("adopted")


def test_a_lost_answer_is_resolved_by_looking(stage: Stage) -> None:
    stage.spec(replicas=0)
    make(stage, "ray-cluster-head")

    def lose(request: httpx.Request) -> httpx.Response | None:
        if request.method != "PATCH":
            return None
        stage.wire.inner.handle_request(request)
        raise httpx.ReadTimeout("lost")

    stage.wire.instead = lose
    assert stage.run("adopt", "analytics", "--yes").code == 0
    assert calls(stage) == ["PATCH"]


# Letting go, and taking back


def test_what_was_released_is_taken_back_without_a_restart(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    before, began = {n: variables(stage, n) for n in stage.applications()}, starts(stage)
    released = stage.run("release", "analytics", "--yes")
    assert released.code == 0
    assert released.out.count("  released") == 3
    assert "the next reconcile reports NameConflict for 3 members" in released.err
    assert "raycml adopt analytics" in released.err
    assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
    conflict = stage.run("reconcile")
    assert conflict.code == 5
    assert "NameConflict" in conflict.err
    taken = stage.run("adopt", "analytics", "--yes")
    assert taken.code == 0
    assert taken.out.count("none; it keeps running") == 3
    assert "`raycml reconcile` will then change nothing." in taken.out
    stage.clock.wait(3)
    assert stage.run("plan").out == NO_CHANGES
    assert {n: variables(stage, n) for n in stage.applications()} == before
    assert starts(stage) == began
    stage.wire.calls.clear()
    assert stage.run("reconcile").code == 0
    assert stage.wire.writes() == []


def test_adopted_applications_can_be_released_and_taken_back_as_well(stage: Stage) -> None:
    stage.spec()
    make_all(stage)
    stage.run("adopt", "analytics", "--update", "--yes")
    stage.run("reconcile")
    began = starts(stage)
    released = stage.run("release", "analytics", "--yes")
    assert released.code == 0
    assert "creates new members beside the released applications" in released.err
    assert stage.run("adopt", "analytics", "--yes").out.count("none; it keeps running") == 3
    stage.clock.wait(3)
    assert stage.run("plan").out == NO_CHANGES
    assert starts(stage) == began


def test_release_takes_the_mark_off_and_keeps_what_the_launcher_asks_for(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    rename_variables(stage, "ray-analytics-cpu-0", THEIRS="kept")
    stage.run("release", "analytics", "--yes")
    left = variables(stage, "ray-analytics-cpu-0")
    assert left == {
        "PRECIOUS": "hunter2-hunter2",
        "THEIRS": "kept",
        "RAYCML_MEMBER": "cpu/0",
        "RAYCML_AUTH_MODE": "token",
    }


def test_what_was_released_belongs_to_nobody(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    (stage.folder / "specs" / "analytics.yaml").unlink()
    stage.spec("other", replicas=0)
    stage.run("release", "analytics", "--yes")
    assert stage.run("reconcile", "--prune", "--allow-prune", "9", "--yes").code == 0
    assert {"ray-analytics-head", "ray-analytics-cpu-0"} <= set(stage.applications())
    assert stage.run("delete", "analytics", "--yes").code in (0, 64)
    assert "ray-analytics-head" in stage.applications()


def test_a_released_member_that_differs_by_now_is_updated_and_not_taken_for_equal(
    stage: Stage,
) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.run("release", "analytics", "--yes")
    stage.spec(cpu=3)
    said = stage.run("adopt", "analytics", "--yes")
    assert said.out.count("none; it keeps running") == 1
    assert "Plan: 2 to update." in said.out
    assert stage.run("reconcile").code == 0
    assert stage.run("plan").out == NO_CHANGES


def test_a_protected_cluster_may_be_released_for_nothing_is_lost(stage: Stage) -> None:
    stage.spec(extra="protect: true")
    stage.run("reconcile")
    assert stage.run("release", "analytics", "--yes").code == 0
    assert len(stage.applications()) == 3


def test_release_asks_and_an_unknown_cluster_is_a_usage_error(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.wire.calls.clear()
    assert stage.run("release", "analytics").code == 6
    said = stage.run("release", "analitics", "--yes")
    assert said.code == 64
    assert "did you mean `analytics`?" in said.err
    assert stage.wire.writes() == []


def test_a_cml_that_keeps_removed_variables_is_reported(stage: Stage) -> None:
    stage.spec(replicas=0)
    stage.run("reconcile")

    def keep(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, json={}) if request.method == "PATCH" else None

    stage.wire.instead = keep
    said = stage.run("release", "analytics", "--yes")
    assert said.code == 5
    assert "FieldNotApplied: CML accepted but ignored environment" in said.out


# Orphans


def test_orphans_are_listed_with_what_can_be_done(stage: Stage) -> None:
    stage.spec()
    stage.spec("training", replicas=0)
    stage.run("reconcile")
    assert stage.run("orphans").out == "no orphans: every managed application has a spec\n"
    (stage.folder / "specs" / "training.yaml").unlink()
    said = stage.run("orphans")
    assert said.code == 0
    row = said.out.splitlines()[1].split()
    head = stage.workspace.applications.at("ray-training-head")
    assert head is not None
    assert row[:4] == ["training", "head", head.id, "RUNNING"]
    assert row[4] == "2026-03-02"
    assert "`raycml delete training`" in said.err
    assert "`raycml release training`" in said.err
    body = stage.run("orphans", "-o", "json").json()
    assert body["schema"] == "raycml.orphans/v1"
    assert [o["member"] for o in body["orphans"]] == ["head"]  # type: ignore[attr-defined]


def test_orphans_are_not_told_from_a_single_file(stage: Stage) -> None:
    stage.spec()
    said = stage.run("orphans", "--specs", "specs/analytics.yaml")
    assert said.code == 64
    assert "raycml orphans --specs specs" in said.err
    assert stage.run("orphans", "--specs", "nowhere/").code == 8
    assert stage.wire.calls == []
