"""`raycml acceptance`: passes on a good workspace, fails with a reason on a bad one, and cleans up.

The workspace is the embedded CML in this process; the head's page is a fake where Ray would be.
"""

import json
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from acceptance_world import TOKEN, Instead, World
from holding import hold_alive
from stage import KEY, Said, Stage

from controller.acceptance.report import AcceptancePhase
from controller.emulator.options import Options
from controller.emulator.pods.processes import PodExit
from tests.scripted_pods import Behaviour

NAMES = [phase.value for phase in AcceptancePhase]


@pytest.fixture
def world(stage: Stage) -> World:
    return World(stage)


def results(said: Said) -> dict[str, str]:
    phases = said.json()["phases"]
    assert isinstance(phases, list)
    return {phase["name"]: phase["result"] for phase in phases}


def phase(said: Said, name: str) -> dict[str, object]:
    phases = said.json()["phases"]
    assert isinstance(phases, list)
    return next(one for one in phases if one["name"] == name)


def test_a_good_workspace_passes_every_phase_and_nothing_is_left(world: World) -> None:
    said = world.run()
    assert said.code == 0, said.out + said.err
    assert [line.split()[:2] for line in said.out.splitlines()[1 : len(NAMES) + 1]] == [
        [name, "passed"] for name in NAMES
    ]
    assert said.out.splitlines()[-1].startswith("passed in ")
    assert world.left() == []


def test_the_report_tells_of_each_phase_its_time_and_its_calls(world: World) -> None:
    said = world.run("-o", "json", "--workers", "2")
    body = said.json()
    assert (body["schema"], body["passed"], body["exit_code"]) == ("raycml.acceptance/v1", True, 0)
    assert set(results(said).values()) == {"passed"}
    create, join = phase(said, "create"), phase(said, "join")
    calls = {call["operation"]: call for call in create["calls"]}  # type: ignore[attr-defined]
    assert calls["create_application"]["count"] == 3
    assert calls["create_application"]["answers"] == {"200": 3}
    assert isinstance(join["took_s"], float)
    assert join["took_s"] >= 4
    reach = str(phase(said, "reach")["message"])
    assert reach.endswith("; 2 workers and the head reach each other"), reach
    assert body["versions"] == {"ray": "2.60.0", "python": "3.11.9"}
    assert body["left"] is None


def test_the_report_is_written_as_json_and_as_text(world: World) -> None:
    said = world.run("--report", "reports/today", "-o", "json")
    name = said.json()["cluster"]
    folder = Path("reports/today")
    assert json.loads((folder / f"{name}.json").read_text()) == said.json()
    text = (folder / f"{name}.txt").read_text()
    assert re.search(r"create_application +200 x 2", text)
    assert f"passed in {said.json()['took_s']:.1f}s" in text
    assert KEY not in text


def test_the_killed_worker_comes_back_in_the_same_application_as_another_process(
    world: World,
) -> None:
    said = world.run("-o", "json")
    lines = phase(said, "create")["details"]
    assert lines[0] == "files: uploaded by POST"  # type: ignore[index]
    created = dict(line.split(": application ") for line in lines[1:])  # type: ignore[index]
    back = phase(said, "repair")
    assert back["message"] == f"worker/0 recovered in the same application {created['worker/0']}"
    old, new = str(back["details"][0]).removeprefix("engine ").split(" -> ")  # type: ignore[index]
    assert old != new
    assert [path for _, path in world.stage.wire.writes() if path.endswith(":restart")] == [
        f"/api/v2/projects/{world.stage.project}/applications/{created['worker/0']}:restart"
    ]


def test_a_workspace_that_differs_passes_and_its_differences_are_named(
    capsys: pytest.CaptureFixture[str], stage: Stage
) -> None:
    options = Options(
        start_s=3.0, auto_restarts=0, post_upload_in_root=True, restart_needs_live_run=True
    )
    world = World(Stage(capsys, stage.folder, options=options))
    said = world.run("-o", "json")
    assert said.code == 0, said.err
    assert "files: uploaded by PUT" in phase(said, "create")["details"]  # type: ignore[operator]
    back = str(phase(said, "repair")["message"])
    assert "worker/0 recovered in a new application, as CML restarts only what runs" in back


def test_a_task_runs_on_every_node_through_the_heads_page(world: World) -> None:
    said = world.run("--workers", "3", "-o", "json")
    assert phase(said, "task")["message"] == "a task ran on each of 4 nodes"
    name = said.json()["cluster"]
    assert world.submitted == [f"{name}-tasks", f"{name}-kill"]


def test_a_task_in_another_pod_than_its_node_is_a_fault(world: World) -> None:
    world.strays["worker/0"] = "head"
    said = world.run("-o", "json")
    assert said.code == 5
    assert "the task of worker/0 ran in engine " in str(phase(said, "task")["message"])


def test_a_worker_that_no_task_kills_is_stopped_through_the_api(world: World) -> None:
    world.kills = False
    said = world.run("-o", "json")
    assert said.code == 0
    assert str(phase(said, "kill")["message"]).endswith(
        "stopped through the API, because its application survived the kill"
    )
    assert phase(said, "repair")["result"] == "passed"


# One fault in each phase


def to(method: str, ending: str, host: str = "") -> Callable[[httpx.Request], bool]:
    return lambda request: (
        request.method == method
        and request.url.path.endswith(ending)
        and request.headers["host"].startswith(host)
    )


def creates(member: str) -> Callable[[httpx.Request], bool]:
    create = to("POST", "/applications")
    return lambda request: create(request) and f"-{member}".encode() in request.content


def refused(request: httpx.Request) -> httpx.Response:
    return httpx.Response(400, json={"message": "not today", "code": 3})


def failing(status: int) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, json={"message": "not today", "code": 13})


def broken(
    when: Callable[[httpx.Request], bool],
    answer: Callable[[httpx.Request], httpx.Response],
    times: int = 1000,
) -> Instead:
    """Answer so to the first requests of a kind."""
    count = 0

    def instead(request: httpx.Request) -> httpx.Response | None:
        nonlocal count
        if count >= times or not when(request):
            return None
        count += 1
        return answer(request)

    return instead


def deletes(world: World, member: str) -> Callable[[httpx.Request], bool]:
    def when(request: httpx.Request) -> bool:
        rows = world.stage.workspace.state.applications
        row = rows.get(request.url.path.rpartition("/")[2])
        return request.method == "DELETE" and row is not None and row.name.endswith(member)

    return when


def no_runtimes(world: World) -> None:
    world.instead = broken(to("GET", "/runtimes"), failing(500))


def no_worker(world: World) -> None:
    world.instead = broken(creates("worker-0"), refused)


def a_worker_that_never_joins(world: World) -> None:
    world.mute.add("worker/0")


def a_job_that_fails(world: World) -> None:
    world.instead = broken(
        to("GET", "-tasks"), lambda _: httpx.Response(200, json={"status": "FAILED"})
    )


def nothing_kills(world: World) -> None:
    world.kills = False
    world.instead = broken(to("POST", ":stop"), refused)


def no_restart(world: World) -> None:
    world.instead = broken(to("POST", ":restart"), refused)


def no_second_worker(world: World) -> None:
    world.instead = broken(creates("worker-1"), refused)


def a_worker_that_does_not_go(world: World) -> None:
    world.instead = broken(deletes(world, "worker-1"), refused, times=1)


def no_jobs(world: World) -> None:
    world.instead = broken(to("POST", "/jobs"), refused)


def a_head_that_does_not_go(world: World) -> None:
    world.instead = broken(deletes(world, "head"), refused, times=1)


def no_look_at_the_end(world: World) -> None:
    """The deletion lists once more after everything is deleted; the last phase lists after that."""
    listing = to("GET", "/applications")
    looks: list[str] = []

    def at_the_end(request: httpx.Request) -> bool:
        if listing(request) and world.submitted and not world.left():
            looks.append(request.url.path)
        return len(looks) > 1

    world.instead = broken(at_the_end, failing(500))


@dataclass(frozen=True)
class Fault:
    """One fault: the phase that it breaks, and the text of the report."""

    phase: str
    breaks: Callable[[World], None]
    said: str
    skipped: tuple[str, ...] = ()
    shown: str = ""


def a_mesh_that_blocks_the_head(world: World) -> None:
    world.mute.add("worker/0")
    world.says["worker/0"] = {"mesh": "istio", "to_head": "closed", "from_head": ""}


AFTER_CREATE = ("reach", "join", "task", "kill", "repair", "scale-up", "scale-down", "api-job")
FAULTS = [
    Fault("preflight", no_runtimes, "cannot be reached", ("create", *AFTER_CREATE, *NAMES[-2:])),
    Fault("create", no_worker, "worker/0: ", AFTER_CREATE, "Rejected"),
    Fault(
        "reach",
        a_mesh_that_blocks_the_head,
        "worker/0 cannot reach the head: the connection was accepted and then closed",
        AFTER_CREATE[1:],
        "try: ask an admin to set mTLS to PERMISSIVE in the PeerAuthentication `auth-policy-",
    ),
    Fault("join", a_worker_that_never_joins, "timed out; 1 of 2", AFTER_CREATE[2:], "Joining"),
    Fault("task", a_job_that_fails, "the job failed"),
    Fault("kill", nothing_kills, "not today", ("repair", "scale-up", "scale-down")),
    Fault("repair", no_restart, "worker/0: ", ("scale-up", "scale-down"), "Rejected"),
    Fault("scale-up", no_second_worker, "worker/1: ", ("scale-down",), "Rejected"),
    Fault("scale-down", a_worker_that_does_not_go, "worker/1: ", (), "Rejected"),
    Fault("api-job", no_jobs, "not today", (), "builder: application"),
    Fault("delete", a_head_that_does_not_go, "; a second attempt deleted everything"),
    Fault("nothing-left", no_look_at_the_end, "cannot be reached"),
]


@pytest.mark.parametrize(
    ("skipped", "says"), [(False, "a job of the API ran"), (True, "CML skipped the run")]
)
def test_it_tells_if_the_workspace_runs_jobs_of_the_api(
    world: World, skipped: bool, says: str
) -> None:
    world.stage.workspace.runs.options = replace(world.stage.options, api_jobs_skipped=skipped)
    said = world.run("-o", "json")
    assert said.code == 0, said.err
    assert says in str(phase(said, "api-job")["message"])
    assert ("applications build" in str(phase(said, "api-job")["message"])) is skipped
    assert world.left() == []


@pytest.mark.parametrize(
    ("story", "says"),
    [(Behaviour(1.0, 4.0, PodExit(1)), "ended as FAILED"), (Behaviour(None), "is still STARTING")],
)
def test_a_job_that_does_not_end_well_fails_its_phase(
    world: World, story: Behaviour, says: str
) -> None:
    world.stage.stories[""] = story
    said = world.run("-o", "json")
    assert said.code == 5
    assert says in str(phase(said, "api-job")["message"])
    assert world.left() == []


def test_there_is_a_fault_for_each_phase() -> None:
    assert [fault.phase for fault in FAULTS] == NAMES


def test_a_head_that_cannot_reach_a_worker_fails_the_phase_too(world: World) -> None:
    world.says["worker/0"] = {"from_head": "silent"}
    said = world.run("-o", "json", "--timeout", "5m")
    assert results(said)["reach"] == "failed"
    assert "the head cannot reach worker/0" in str(phase(said, "reach")["message"])


def test_an_obstacle_that_passes_is_none(world: World) -> None:
    world.says["worker/0"] = {"to_head": "closed"}
    clock, began = world.stage.clock, world.stage.clock.monotonic()

    def open_up() -> None:
        if clock.monotonic() - began > 12:
            world.says.clear()

    clock.passing.append(open_up)
    assert results(world.run("-o", "json"))["reach"] == "passed"


def test_a_worker_that_is_never_probed_does_not_hold_the_test(world: World) -> None:
    """A worker of an older node program says nothing of it."""
    world.says["worker/0"] = {"to_head": "", "from_head": ""}
    said = world.run("-o", "json")
    assert said.code == 0
    assert "not probed in both directions: worker/0" in str(phase(said, "reach")["message"])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.phase)
def test_a_fault_shows_in_its_phase_and_nothing_is_left(world: World, fault: Fault) -> None:
    fault.breaks(world)
    said = world.run("-o", "json", "--timeout", "5m")
    assert said.code == 5, said.err
    failed = [name for name, result in results(said).items() if result == "failed"]
    assert failed == [fault.phase]
    skipped = [name for name, result in results(said).items() if result == "skipped"]
    assert skipped == list(fault.skipped)
    assert fault.said in str(phase(said, fault.phase)["message"])
    assert fault.shown in json.dumps(phase(said, fault.phase)["details"])
    assert "Traceback" not in said.err
    assert world.left() == []


def test_a_failure_shows_conditions_and_the_ends_of_logs_before_they_are_deleted(
    world: World,
) -> None:
    world.mute.add("worker/0")

    def log() -> None:
        for cluster in world.stage.files(".raycml/clusters"):
            path = f".raycml/logs/{cluster}/worker-0.log"
            world.stage.write(path, b"cannot connect to the head")

    world.stage.clock.passing.append(log)
    said = world.run("--timeout", "1m")
    assert said.code == 5
    assert "Ready=False NodesMissing: 1 of 2 nodes are alive" in said.out
    assert "    | cannot connect to the head" in said.out
    assert "raycml status" not in said.out


def test_a_cluster_that_does_not_stay_ready_fails_to_join(world: World) -> None:
    def fall() -> None:
        if world.stage.clock.elapsed > 12:
            world.mute.add("worker/0")

    world.stage.clock.passing.append(fall)
    said = world.run("--wait-seconds", "60", "-o", "json")
    assert said.code == 5
    assert "did not stay ready: worker/0: Joining" in str(phase(said, "join")["message"])
    assert world.left() == []


# The key, the lease, the page


def test_a_key_that_opens_no_applications_fails_the_task_with_the_fix(world: World) -> None:
    world.instead = broken(to("POST", "/api/jobs/"), lambda _: httpx.Response(401))
    said = world.run("-o", "json")
    assert said.code == 4
    assert "the key needs the audience `Application` besides `API`" in str(
        phase(said, "task")["message"]
    )
    assert "User Settings > API Keys" in str(phase(said, "task")["details"])
    passed = {name for name, result in results(said).items() if result == "passed"}
    assert passed == set(NAMES) - {"task"}
    assert world.left() == []


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("", "Ray asks for the cluster's token, and the project's files have none"),
        ("another", "Ray refuses the cluster's token: the proxy in front of the head passes"),
    ],
)
def test_a_token_that_ray_does_not_take_is_not_blamed_on_the_key(
    world: World, token: str, message: str
) -> None:
    world.token = token or " "
    said = world.run("-o", "json")
    assert said.code == 5
    assert str(phase(said, "task")["message"]).startswith(message)
    assert world.left() == []


def test_the_first_failure_decides_the_exit_code(world: World) -> None:
    no_key = broken(to("POST", "/api/jobs/"), lambda _: httpx.Response(401))
    no_worker_more = broken(creates("worker-1"), refused)
    world.instead = lambda request: no_key(request) or no_worker_more(request)
    said = world.run("-o", "json")
    assert [name for name, one in results(said).items() if one == "failed"] == ["task", "scale-up"]
    assert said.code == 4


@pytest.mark.parametrize("status", [404, 502, 503])
def test_a_page_that_is_not_up_yet_is_waited_for(world: World, status: int) -> None:
    world.instead = broken(
        lambda r: r.headers["host"].startswith("ray-acceptance-"), failing(status), times=6
    )
    said = world.run()
    assert said.code == 0, said.out


def test_a_submission_whose_answer_is_lost_is_found_and_not_repeated(world: World) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        world._page(request)
        raise httpx.ReadTimeout("lost")

    world.instead = broken(to("POST", "/api/jobs/"), lost, times=1)
    assert world.run().code == 0
    assert len(world.submitted) == len(set(world.submitted)) == 2


def test_a_held_lease_ends_it_before_anything_is_created(world: World) -> None:
    stage = world.stage
    hold_alive(stage)
    said = world.run("-o", "json")
    assert said.code == 7
    assert "bob (process 7) holds the lease" in str(phase(said, "create")["message"])
    assert "RAYCML_OWNER=acceptance" in str(phase(said, "create")["details"])
    assert world.left() == []


def test_a_key_that_may_only_read_ends_it_with_four(world: World) -> None:
    world.instead = broken(to("POST", "/applications"), failing(403))
    said = world.run("-o", "json")
    assert said.code == 4
    assert phase(said, "create")["result"] == "failed"
    assert world.left() == []


def test_no_secret_is_said_anywhere(world: World) -> None:
    world.instead = broken(
        to("POST", "/api/jobs/"),
        lambda r: httpx.Response(
            400, text=f"{r.headers['authorization']} {r.headers['x-ray-authorization']}"
        ),
    )
    said = world.run("-o", "json", "-v", "--report", "r")
    written = "".join(file.read_text() for file in Path("r").iterdir())
    assert said.code == 5
    assert "Bearer [redacted] Bearer [redacted]" in said.out
    assert KEY not in said.out + said.err + written
    assert TOKEN not in said.out + said.err + written


# Whatever ends it


def press(number: signal.Signals) -> Callable[[httpx.Request], httpx.Response | None]:
    """A signal in the middle of a call, which is then answered as ever."""

    def pressed(_: httpx.Request) -> httpx.Response | None:
        signal.raise_signal(number)
        return None

    return pressed


MOMENTS = {
    "preflight": to("GET", "/runtimes"),
    "create": to("POST", "/applications"),
    "join": to("POST", "ray.json:download"),
    "task": to("GET", "-tasks"),
    "kill": to("POST", "/api/jobs/"),
    "repair": to("POST", ":restart"),
    "scale-up": creates("worker-1"),
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupt_leaves_nothing(world: World, moment: str, number: signal.Signals) -> None:
    world.instead = broken(MOMENTS[moment], press(number), times=1)  # type: ignore[arg-type]
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    said = world.run("-o", "json")
    assert said.code == 130
    assert "interrupted" in json.dumps(said.json()["phases"])
    assert world.left() == []
    assert said.json()["left"] is None
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_an_interrupt_before_anything_was_created_creates_nothing(world: World) -> None:
    world.instead = broken(MOMENTS["preflight"], press(signal.SIGINT), times=1)  # type: ignore[arg-type]
    said = world.run("-o", "json")
    assert results(said) == {
        "preflight": "passed",
        "create": "failed",
        **dict.fromkeys(NAMES[2:], "skipped"),
    }
    assert world.stage.wire.writes() == []


def test_an_impatient_interrupt_leaves_nothing_either(world: World) -> None:
    def twice(request: httpx.Request) -> httpx.Response | None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        return None

    world.instead = broken(to("GET", "-tasks"), twice, times=1)  # type: ignore[arg-type]
    said = world.run("-o", "json")
    assert said.code == 130
    assert world.left() == []


def test_an_interrupt_of_the_cleaning_says_how_to_clean_up(world: World) -> None:
    world.instead = broken(deletes(world, "head"), press(signal.SIGINT), times=1)  # type: ignore[arg-type]
    said = world.run("-o", "json")
    assert said.code == 130
    name = said.json()["cluster"]
    assert said.json()["left"] == f"raycml delete {name} --yes"
    assert world.stage.run("delete", str(name), "--yes").code == 0
    assert world.stage.applications() == {}


@pytest.mark.parametrize("seconds", [1, 4, 9, 14, 16, 20, 24])
def test_time_that_runs_out_anywhere_leaves_nothing(world: World, seconds: int) -> None:
    said = world.run("-o", "json", "--timeout", f"{seconds}s")
    assert said.code == 5, results(said)
    assert "timed out" in json.dumps(said.json()["phases"])
    assert world.left() == []


def test_a_phase_is_not_begun_once_the_time_is_up(world: World) -> None:
    first = world.run("-o", "json")
    up_to_join = sum(
        float(str(phase(first, name)["took_s"])) for name in NAMES[: NAMES.index("join") + 1]
    )
    said = world.run("-o", "json", "--timeout", f"{up_to_join}s")
    assert phase(said, "join")["result"] == "passed"
    assert phase(said, "task")["message"] == "timed out before it began (--timeout)"
    assert world.left() == []


def test_time_that_runs_out_while_it_is_watched_fails_to_join(world: World) -> None:
    said = world.run("-o", "json", "--wait-seconds", "600", "--timeout", "30s")
    assert said.code == 5
    assert "timed out while the cluster was watched" in str(phase(said, "join")["message"])
    assert world.stage.clock.elapsed < 60


def test_an_unexpected_error_leaves_nothing(world: World) -> None:
    def surprise(_: httpx.Request) -> httpx.Response:
        raise RuntimeError("the sky fell")

    world.instead = broken(to("GET", "-tasks"), surprise, times=1)
    said = world.run("-o", "json")
    assert said.code == 1
    assert phase(said, "task")["message"] == "unexpected error: RuntimeError: the sky fell"
    assert "Traceback" not in said.err
    assert world.left() == []


def test_a_create_whose_answer_was_lost_is_cleaned_up(world: World) -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        world.stage.wire.inner.handle_request(request)
        signal.raise_signal(signal.SIGINT)
        raise httpx.ReadTimeout("lost")

    world.instead = broken(creates("worker-0"), lost, times=1)
    assert world.run("-o", "json").code == 130
    assert world.left() == []


def test_a_create_that_takes_effect_long_after_it_was_sent_is_cleaned_up(
    capsys: pytest.CaptureFixture[str], stage: Stage
) -> None:
    # A workspace that does not look whether the script is there, for the launcher goes at once.
    options = Options(start_s=3.0, check_script=False)
    world = World(Stage(capsys, stage.folder, options=options))
    held: list[httpx.Request] = []

    def lost(request: httpx.Request) -> httpx.Response:
        held.append(request)
        world.instead = broken(to("POST", "/applications"), refused)
        signal.raise_signal(signal.SIGINT)
        raise httpx.ReadTimeout("lost")

    def arrive() -> None:
        # At the first wait, which is after the first list for the deletion.
        while held:
            world.stage.wire.inner.handle_request(held.pop())

    world.instead = broken(to("POST", "/applications"), lost, times=1)
    world.stage.clock.passing.append(arrive)
    assert world.run("-o", "json").code == 130
    world.stage.clock.wait(60)
    assert held == []
    assert world.left() == []


def test_no_cleanup_leaves_the_cluster_and_says_how_to_delete_it(world: World) -> None:
    said = world.run("--no-cleanup", "-o", "json")
    assert said.code == 0
    name = said.json()["cluster"]
    assert [results(said)[one] for one in ("delete", "nothing-left")] == ["skipped", "skipped"]
    assert said.json()["left"] == f"raycml delete {name} --yes"
    assert set(world.stage.applications()) == {f"ray-{name}-head", f"ray-{name}-worker-0"}


def test_the_next_run_tells_of_what_earlier_ones_left(world: World) -> None:
    left = world.run("--no-cleanup", "-o", "json").json()["cluster"]
    said = world.stage.run("acceptance", "--wait-seconds", "0", environ=another(world))
    assert said.code == 0, said.out
    assert f"left by an earlier run: {left}; try: raycml delete {left} --yes" in said.out
    assert set(world.stage.applications()) == {f"ray-{left}-head", f"ray-{left}-worker-0"}


def another(world: World) -> dict[str, str]:
    """The machine of the next run: the stage's dice fall alike, so its name would be the same."""
    world.stage.dice = 4
    return world.stage.environ


# What is asked for


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--cpu", "lots"),
        ("--memory", "16 apples"),
        ("--head-cpu", "0"),
        ("--head-memory", "1Mi"),
        ("--ray-version", "newest"),
        ("--runtime", "not an image"),
        ("--python", ""),
        ("--workers", "0"),
        ("--timeout", "soon"),
        ("--wait-seconds", "-1"),
    ],
)
def test_an_option_that_cannot_be_used_is_named_before_cml_is_asked(
    world: World, option: str, value: str
) -> None:
    said = world.run(option, value)
    assert said.code == 64
    assert option in said.err
    assert "\ntry: " in said.err
    assert world.stage.wire.calls == []


def test_a_report_folder_that_cannot_be_used_is_said_before_cml_is_asked(world: World) -> None:
    Path("taken").write_text("a file")
    said = world.run("--report", "taken")
    assert said.code == 64
    assert "--report: taken cannot be used" in said.err
    assert world.stage.wire.calls == []


def test_sizes_are_those_that_were_given(world: World) -> None:
    said = world.run("--no-cleanup", "--cpu", "500m", "--memory", "3", "--head-memory", "4Gi")
    assert said.code == 0, said.out
    rows = world.stage.workspace.state.applications.values()
    assert sorted((r.wire()["cpu"], r.wire()["memory"]) for r in rows) == [(0.5, 3.0), (2.0, 4.0)]


def test_a_runtime_that_the_workspace_does_not_offer_fails_preflight(world: World) -> None:
    said = world.run("--runtime", "registry.example/other:1", "-o", "json")
    assert said.code == 5
    assert "does not offer the runtime registry.example/other:1" in str(
        phase(said, "preflight")["message"]
    )
    assert world.left() == []
