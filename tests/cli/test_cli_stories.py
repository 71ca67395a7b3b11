"""Whole stories, from a spec to a cluster and back, told by the real command line."""

import signal

import httpx
import pytest
from holding import held_by
from stage import KEY, Stage

from controller.process.interrupts import Interrupts
from tests.scripted_pods import Behaviour


def test_reconcile_brings_a_cluster_up_and_then_changes_nothing(stage: Stage) -> None:
    stage.spec()
    first = stage.run("reconcile")
    assert first.code == 0
    assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
    assert "http://ray-analytics-head.cml.localhost" in first.out
    stage.wire.calls.clear()
    assert stage.run("reconcile").code == 0
    assert stage.wire.writes() == []


def test_plan_says_what_reconcile_then_does(stage: Stage) -> None:
    stage.spec()
    assert stage.run("plan").out == (
        "specs: 1 cluster\n"
        "+ analytics head  create Missing: the member is not created yet\n"
        "+ analytics cpu/0 create Missing: the member is not created yet\n"
        "+ analytics cpu/1 create Missing: the member is not created yet\n"
        f"Project {stage.project}: shared memory 64 MB -> 1357 MB: group cpu needs 1357 MB for its "
        "object stores; members that run keep theirs until they are restarted.\n"
        "Launchers: 2 to write.\n"
        "Plan: 3 to create.\n"
    )
    assert stage.wire.writes() == []
    stage.run("reconcile")
    assert stage.run("plan").out == "specs: 1 cluster\nNo changes. Everything is in sync.\n"


def test_a_changed_spec_rolls_through_the_group(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.spec(cpu=3)
    assert stage.run("plan").out == (
        "specs: 1 cluster\n"
        "~ analytics cpu/0 drain, then update and restart "
        "Outdated: idle; cpu 2 -> 3; ends tasks and actors that still run after 300 s\n"
        "~ analytics cpu/1 update and restart, later      "
        "RollingUpdate: waits its turn (maxUnavailable: 1); cpu 2 -> 3\n"
        "Launchers: 1 to write.\n"
        "Plan: 2 to update.\n"
    )
    done = stage.run("reconcile")
    assert done.code == 0
    assert [line[7:] for line in done.err.splitlines() if line[7:9] == "~ "] == [
        (
            "~ analytics cpu/0  draining  Outdated: idle; cpu 2 -> 3; "
            "ends tasks and actors that still run after 300 s"
        ),
        "~ analytics cpu/0  stopping  Outdated: cpu 2 -> 3",
        "~ analytics cpu/0  updated  Outdated: cpu 2 -> 3",
        "~ analytics cpu/0  restarted",
        (
            "~ analytics cpu/1  draining  Outdated: idle; cpu 2 -> 3; "
            "ends tasks and actors that still run after 300 s"
        ),
        "~ analytics cpu/1  stopping  Outdated: cpu 2 -> 3",
        "~ analytics cpu/1  updated  Outdated: cpu 2 -> 3",
        "~ analytics cpu/1  restarted",
    ]


def test_status_tells_of_all_clusters_in_a_line_each(stage: Stage) -> None:
    stage.spec()
    stage.spec("training", replicas=1)
    stage.run("reconcile", "specs/analytics.yaml")
    assert stage.run("status").out == (
        "CLUSTER    STATE       READY  GROUPS            WHY\n"
        "analytics  Ready       3/3    head 1/1 cpu 2/2\n"
        "training   NotCreated  0/2    head 0/1 cpu 0/1  head: The member is not created yet.\n"
    )


def test_status_of_one_cluster_says_how_to_connect(stage: Stage) -> None:
    stage.spec(replicas=1)
    stage.run("reconcile")
    stage.clock.wait(100)
    said = stage.run("status", "analytics").out
    ids = {row.subdomain: row.id for row in stage.workspace.state.applications.values()}
    assert said == (
        "cluster    analytics  Ready\n"
        f"project    {stage.project}\n"
        "ready      2 of 2 members\n"
        "dashboard  http://ray-analytics-head.cml.localhost\n"
        "address    10.0.0.7:6379  (Ray 2.60.0, Python 3.11.9)\n"
        "token      RAY_AUTH_MODE=token "
        "RAY_AUTH_TOKEN_PATH=/home/cdsw/.raycml/clusters/analytics/token  "
        "(in a pod of its project)\n"
        "jobs       ray job submit --address http://127.0.0.1 --headers "
        '\'{"Host": "ray-analytics-head.cml.localhost", "Authorization": "Bearer KEY", '
        '"X-Ray-Authorization": "Bearer TOKEN"}\' '
        "-- python SCRIPT\n"
        "\n"
        "Synced  True  UpToDate       Every application is in sync with the spec.\n"
        "Ready   True  AllNodesAlive  2 of 2 nodes are alive\n"
        "\n"
        "CLUSTER    MEMBER  APPLICATION          STATE    RAY     FOR    PENDING\n"
        f"analytics  head    {ids['ray-analytics-head']}  RUNNING  joined  1m40s  -\n"
        f"analytics  cpu/0   {ids['ray-analytics-cpu-0']}  RUNNING  joined  1m40s  -\n"
        "\n"
        "MEMBER  RAY NODE\n"
        "head    node-1\n"
        "cpu/0   node-1\n"
        "\n"
        "No changes. Everything is in sync.\n"
    )


def test_progress_is_a_line_for_each_transition_and_a_heartbeat(stage: Stage) -> None:
    stage.spec(replicas=0)
    stage.stories["ray-analytics-head"] = Behaviour(answers_after=25.0)
    assert stage.run("reconcile").err == (
        "specs: 1 cluster\n"
        "    0s + analytics head  created  Missing: the member is not created yet\n"
        "    0s analytics head  STARTING: CML is starting it\n"
        "   10s 0 of 1 member ready; 1 member: CML is starting it\n"
        "   20s 0 of 1 member ready; 1 member: CML is starting it\n"
        "   30s analytics head  RUNNING, Ray joined\n"
        "converged in 30s (17 passes)\n"
    )


def test_the_goals_differ_in_how_long_they_wait(stage: Stage) -> None:
    stage.spec()
    stage.silent.add("ray-analytics-cpu-0")
    assert stage.run("reconcile", "--wait-for", "applied").code == 0
    assert set(stage.applications().values()) == {"APPLICATION_STARTING"}
    assert stage.run("reconcile", "--wait-for", "running").code == 0
    assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
    assert stage.run("reconcile", "--wait-for", "ready", "--timeout", "20s").code == 5


def test_once_makes_one_pass_and_says_that_more_are_needed(stage: Stage) -> None:
    stage.spec()
    assert stage.run("reconcile", "--once").code == 5
    assert len(stage.applications()) == 3
    stage.run("reconcile")
    assert stage.run("reconcile", "--once").code == 0


def test_time_that_runs_out_shows_conditions_logs_and_the_next_command(stage: Stage) -> None:
    stage.spec(replicas=1)
    stage.silent.add("ray-analytics-cpu-0")
    lines = "\n".join(f"line {n}\x1b[31m" for n in range(100))
    stage.write(".raycml/logs/analytics/cpu-0.log", lines.encode())
    said = stage.run("reconcile", "--timeout", "30s")
    assert said.code == 5
    assert "timed out after 30s" in said.err
    assert "analytics  Ready=False NodesMissing: 1 of 2 nodes are alive" in said.err
    assert "    | line 80\\x1b[31m" in said.err
    assert "line 79" not in said.err
    assert said.err.endswith("try: raycml status analytics\n")


def test_what_waits_for_a_person_ends_at_once_with_a_remedy(stage: Stage) -> None:
    stage.spec(replicas=1)
    stage.run("reconcile")
    stage.run("pause", "analytics", "--reason", "moving house", "--until", "2h")
    stage.spec(replicas=1, cpu=3)
    before = stage.clock.elapsed
    said = stage.run("reconcile")
    assert said.code == 5
    assert stage.clock.elapsed == before
    assert "paused by jdoe: moving house; otherwise: update (Outdated)" in said.err
    assert "try: raycml unpause analytics" in said.err
    assert stage.run("unpause", "analytics").out == (
        "analytics  resumed (was paused by jdoe: moving house)\n"
    )
    assert stage.run("reconcile").code == 0


def test_a_pause_ends_by_itself(stage: Stage) -> None:
    stage.spec()
    said = stage.run("pause", "analytics", "--reason", "night", "--until", "1h")
    assert said.out == "analytics  paused until 2026-03-02 13:00 UTC\n"
    assert stage.run("reconcile").code == 5
    assert stage.applications() == {}
    stage.clock.wait(3600)
    assert stage.run("reconcile").code == 0


def test_delete_takes_a_cluster_away_and_says_that_its_spec_is_still_there(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    said = stage.run("delete", "analytics", "--yes")
    assert said.code == 0
    assert said.out == "analytics  deleted\n"
    assert (
        "analytics is still declared in specs/analytics.yaml:1: the next reconcile will recreate it"
        in said.err
    )
    assert stage.applications() == {}
    assert stage.files(".raycml/launchers/analytics") == []


def test_delete_needs_no_spec(stage: Stage) -> None:
    stage.spec().rename(stage.folder / "elsewhere.yaml")
    assert stage.run("reconcile", "elsewhere.yaml").code == 0
    (stage.folder / "specs").rmdir()
    said = stage.run("delete", "analytics", "--yes")
    assert (said.code, said.out) == (0, "analytics  deleted\n")
    assert "will recreate it" not in said.err


def test_delete_touches_no_other_cluster(stage: Stage) -> None:
    stage.spec()
    stage.spec("training")
    stage.run("reconcile")
    said = stage.run("delete", "training", "--yes")
    assert "analytics" not in said.out + said.err
    assert {name.rsplit("-", 1)[0] for name in stage.applications()} == {
        "ray-analytics",
        "ray-analytics-cpu",
    }


def test_prune_deletes_what_no_spec_holds(stage: Stage) -> None:
    stage.spec()
    stage.spec("training")
    stage.run("reconcile")
    (stage.folder / "specs" / "training.yaml").unlink()
    assert "? training - unchanged Orphan: no spec declares it" in stage.run("plan").out
    assert "Plan: 3 to delete.\n" in stage.run("plan", "--prune").out
    assert stage.run("reconcile", "--prune", "--yes").code == 0
    assert all(name.startswith("ray-analytics-") for name in stage.applications())


def test_suspend_stops_and_resume_starts_the_same_applications(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    before = {row.id for row in stage.workspace.state.applications.values()}
    stage.spec(extra="suspend: true")
    assert ". analytics head  stop" in stage.run("plan").out
    assert stage.run("reconcile").code == 0
    assert set(stage.applications().values()) == {"APPLICATION_STOPPED"}
    stage.spec()
    assert "> analytics head  start" in stage.run("plan").out
    assert stage.run("reconcile").code == 0
    assert {row.id for row in stage.workspace.state.applications.values()} == before


def test_a_second_reconcile_waits_for_a_new_report_and_writes_nothing(
    stage: Stage,
) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.wire.calls.clear()
    assert stage.run("reconcile").code == 0
    project = f"/api/v2/projects/{stage.project}"
    once = [
        ("GET", f"{project}/applications"),
        ("POST", f"{project}/files/.raycml/clusters/analytics/ray.json:download"),
    ]
    assert stage.wire.calls == [*once, *once]
    stage.wire.calls.clear()
    assert stage.run("reconcile", "--wait-for", "running").code == 0
    assert stage.wire.calls == once, "what runs needs no proof by Ray"


def test_ctrl_c_between_two_passes_ends_a_command(stage: Stage) -> None:
    stage.spec()
    pressed: list[int] = []

    def press() -> None:
        if not pressed:
            pressed.append(len(stage.wire.calls))
            signal.raise_signal(signal.SIGINT)

    stage.clock.passing.append(press)
    said = stage.run("reconcile")
    assert said.code == 130
    assert said.err.endswith("raycml: interrupted\nrun `raycml reconcile` to continue\n")
    assert len(stage.applications()) == 3
    later = [path for _, path in stage.wire.calls[pressed[0] :]]
    assert not [path for path in later if "/files" not in path], "only the lease is given back"
    stage.clock.passing.remove(press)
    assert stage.run("reconcile").code == 0


def test_the_second_ctrl_c_ends_at_once(stage: Stage) -> None:
    stage.spec()
    before = signal.getsignal(signal.SIGINT)  # a background job of a script is born ignoring it

    def press_twice(request: object) -> None:
        if stage.wire.calls[-1] == ("POST", f"/api/v2/projects/{stage.project}/applications"):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    stage.wire.instead = press_twice
    assert stage.run("reconcile").code == 130
    assert len(stage.applications()) == 0
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_begins_no_further_step_and_a_second_one_ends_at_once(number: int) -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(number)
        assert interrupts.stop.is_set()
        assert interrupts.aborted.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_during_a_call_lets_it_finish_begins_no_other_and_gives_the_lease_back(
    stage: Stage, number: int, code: int
) -> None:
    stage.spec()
    path = f"/api/v2/projects/{stage.project}/applications"

    def press(request: object) -> None:
        if stage.wire.calls.count(("POST", path)) == 1 and stage.wire.calls[-1] == ("POST", path):
            signal.raise_signal(number)

    stage.wire.instead = press
    said = stage.run("reconcile")
    assert said.code == code
    assert list(stage.applications()) == ["ray-analytics-head"]
    after = stage.wire.calls[stage.wire.calls.index(("POST", path)) + 1 :]
    assert not [path for _, path in after if "/files" not in path]
    assert not [path for _, path in after if "/files/" in path and "/leases" not in path]
    found = held_by(stage)
    assert found is not None
    assert found.released


def test_an_interrupt_names_the_members_that_are_half_done(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.spec(cpu=3)

    def press(request: httpx.Request) -> None:
        if request.url.path.endswith(":stop"):
            signal.raise_signal(signal.SIGINT)

    stage.wire.instead = press
    said = stage.run("reconcile")
    assert said.code == 130
    assert "analytics cpu/0 is stopped; run `raycml reconcile` to start it" in said.err
    stage.wire.instead = lambda _: None
    assert stage.run("reconcile").code == 0


@pytest.mark.parametrize(
    "command", [["status", "--watch"], ["events", "-f"], ["status", "-w", "-o", "json"]], ids=str
)
def test_ctrl_c_is_how_a_watch_ends(stage: Stage, command: list[str]) -> None:
    stage.spec()
    stage.run("reconcile")

    def press() -> None:
        stage.clock.passing.remove(press)
        signal.raise_signal(signal.SIGINT)

    stage.clock.passing.append(press)
    said = stage.run(*command)
    assert said.code == 0
    assert "interrupted" not in said.err


@pytest.mark.parametrize("owner", [None, "team-a"])
def test_applications_carry_the_owner(stage: Stage, owner: str | None) -> None:
    stage.spec(replicas=0)
    if owner is not None:
        stage.environ["RAYCML_OWNER"] = owner
    stage.run("reconcile")
    [row] = stage.workspace.state.applications.values()
    assert row.environment["RAYCML_OWNER"] == (owner or stage.project)


def test_inside_a_pod_of_the_project_files_go_through_the_shared_file_system(
    stage: Stage,
) -> None:
    stage.spec(replicas=0)
    home = stage.folder / "home"
    home.mkdir()
    pod = {
        "CDSW_DOMAIN": "cml.localhost",
        "CDSW_APIV2_KEY": KEY,
        "CDSW_PROJECT_ID": stage.project,
        "CDSW_ENGINE_ID": "0123456789abcdef",
        "HOME": str(home),
    }
    said = stage.run("pause", "analytics", "--reason", "x", environ=pod)
    assert said.code == 0
    assert (home / ".raycml/pauses/analytics.json").exists()
    assert stage.wire.writes() == []
    outside = {name: value for name, value in pod.items() if name != "CDSW_ENGINE_ID"}
    stage.run("pause", "analytics", "--reason", "x", environ=outside)
    assert stage.files(".raycml/pauses") == ["analytics.json"]


def test_a_spec_of_another_project_is_worked_on_there(stage: Stage) -> None:
    other = stage.workspace.create_project(stage.user, {"name": "elsewhere"}).id
    stage.spec(extra="project: elsewhere", replicas=0)
    assert stage.run("reconcile", "--wait-for", "running").code == 0
    [row] = stage.workspace.state.applications.values()
    assert row.project_id == other
    assert stage.run("pause", "analytics", "--reason", "x").code == 0
    assert stage.files(".raycml/pauses") == []
    assert stage.run("unpause", "analytics").code == 0
    assert stage.run("delete", "analytics", "--yes").code == 0
    assert stage.applications() == {}


def test_an_unreachable_cml_is_waited_out_once_the_work_has_begun(stage: Stage) -> None:
    stage.spec()

    def cut(request: object) -> None:
        if 2.0 <= stage.clock.elapsed < 30.0:
            raise httpx.ConnectError("cut")

    stage.wire.instead = cut
    said = stage.run("reconcile")
    assert said.code == 0
    assert "; retrying" in said.err
