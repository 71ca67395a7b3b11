"""`raycml bootstrap`: from an empty workspace to a running controller, whatever happens on the way.

The workspace is the embedded CML in this process, under a clock that only waiting moves.
"""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Literal

import httpx
import pytest
from bootstrap_world import BUILDS, SPEC, URL, World
from stage import KEY, Stage

from controller.bootstrap.desired import subdomain
from controller.bootstrap.diagnosis import completed
from controller.bootstrap.observed import ObservedSetup
from controller.bootstrap.passes import BootstrapRun
from controller.bootstrap.session import open_bootstrap
from controller.core.model.member import THE_CONTROLLER
from controller.core.model.plan import Delete, Intent, Plan, Step
from controller.core.model.reasons import Reason
from controller.core.situation.past import Past
from controller.core.spec.python_environment import hash_of
from controller.emulator.options import Options
from controller.emulator.pods.processes import PodExit
from controller.terminal.common import CommonOptions
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen
from tests.scripted_pods import Behaviour


@pytest.fixture
def world(stage: Stage) -> World:
    return World(stage)


def made(world: World) -> tuple[int, list[str], list[str]]:
    """Projects of the name, jobs, and names of applications."""
    projects = [p for p in world.projects() if p.name == "demo"]
    return len(projects), world.jobs(), [str(a["name"]) for a in world.applications()]


def planned(out: str) -> list[tuple[str, str, str]]:
    """The lines of a printed plan: mark, part, and what is done to it."""
    rows = re.findall(r"^(\S) raycml (\S+) +(\w+(?: \w+)*(?:, later)?) +[A-Z]", out, re.MULTILINE)
    return [(mark, part, what) for mark, part, what in rows]


ONE_OF_EACH = (1, ["raycml-controller"], ["raycml"])


def test_one_command_leads_from_nothing_to_a_ready_controller(world: World) -> None:
    said = world.run()
    assert said.code == 0, said.err
    assert made(world) == ONE_OF_EACH
    app = world.application()
    assert app["status"] == "APPLICATION_RUNNING"
    assert app["bypass_authentication"] is False
    assert (app["cpu"], app["memory"]) == (1, 2)
    assert f"http://{subdomain(world.project.id)}.cml.localhost" in said.out
    assert world.project.shared_memory_limit == 4096
    assert world.runs() == ["succeeded"]
    assert world.ready_asked == 1


def test_the_controller_is_told_what_to_follow_and_no_secret(world: World) -> None:
    said = world.run("--git-ref", "main", RAYCML_WEB_TOKEN="token-of-the-page-123")
    assert said.code == 0, said.err
    told = world.environment()
    assert told["RAYCML_SOURCE"] == URL
    assert (told["RAYCML_REF"], told["RAYCML_PATH"]) == ("main", "specs")
    assert told["RAYCML_CONTROLLER"] == world.project.id
    assert "RAYCML_MEMBER" not in told
    tree = world.stage.workspace.files(world.project.id).tree
    stored = b"".join(tree.read(tuple(path.split("/"))) for path in world.files())
    for secret in (KEY, "token-of-the-page-123"):
        assert secret not in json.dumps(told) + said.out + said.err
        assert secret.encode() not in stored
    assert "RAYCML_WEB_TOKEN is not passed on" in said.err


def test_a_second_run_writes_nothing(world: World) -> None:
    world.run()
    world.writes()
    said = world.run()
    assert (said.code, world.writes()) == (0, [])
    assert "nothing to do" in said.err


def test_the_wheel_is_the_same_bytes_each_time_and_holds_the_whole_package(world: World) -> None:
    world.run()
    [path] = [one for one in world.files() if one.endswith(".whl")]
    tree = world.stage.workspace.files(world.project.id).tree
    with zipfile.ZipFile(io.BytesIO(tree.read(tuple(path.split("/"))))) as wheel:
        names = wheel.namelist()
        assert wheel.testzip() is None
        metadata = wheel.read(next(n for n in names if n.endswith("/METADATA"))).decode()
    package = Path(__file__).parents[2] / "controller"
    wanted = {
        str(p.relative_to(package.parent))
        for ending in ("py", "html", "css", "js", "yaml", "typed")
        for p in package.rglob(f"*.{ending}")
    }
    assert {n for n in names if ".dist-info/" not in n} == wanted
    assert "Requires-Dist: httpx" in metadata
    assert "ray[default]" not in metadata


def test_a_dry_run_lists_the_steps_and_writes_nothing(world: World) -> None:
    said = world.run("--dry-run")
    assert (said.code, world.writes(), made(world)[0]) == (0, [], 0)
    assert planned(said.out) == [
        ("+", "controller", "create, later"),
        ("+", "environment", "create, later"),
        ("+", "files", "create, later"),
        ("+", "project", "create"),
    ]
    assert "EnvironmentBuilding: environment " in said.out
    assert said.out.count(" .raycml/") == 2
    world.run()
    world.writes()
    again = world.run("--dry-run")
    assert (again.code, again.out) == (0, "No changes. The controller runs as desired.\n")
    assert world.writes() == []


def test_a_dry_run_shows_an_update_with_what_changes(world: World) -> None:
    world.run()
    said = world.run("--dry-run", "--memory", "3")
    assert planned(said.out) == [("~", "controller", "update and restart")]
    assert "memory 2Gi -> 3Gi" in said.out


def test_a_dry_run_shows_what_follows_the_step_of_now(world: World) -> None:
    world.run()
    said = world.run("--dry-run", "--package", "rich==14.0.0")
    assert planned(said.out) == [
        ("~", "controller", "update and restart, later"),
        ("+", "environment", "create, later"),
        ("+", "files", "create"),
        ("-", "files", "delete, later"),
    ]


# The project


def test_a_project_of_a_similar_name_is_not_taken(world: World) -> None:
    workspace, user = world.stage.workspace, world.stage.user
    for name in ("demo-2", "my demo", "Demo"):
        workspace.create_project(user, {"name": name})
    assert world.run().code == 0
    assert world.files(world.project.id) != []
    others = [p for p in world.projects() if p.name != "demo"]
    assert all(world.files(p.id) == [] for p in others)


def test_a_project_that_was_there_is_used_and_its_shared_memory_is_only_raised(
    world: World,
) -> None:
    workspace, user = world.stage.workspace, world.stage.user
    workspace.create_project(user, {"name": "demo", "shared_memory_limit": 16000})
    assert world.run().code == 0
    assert world.project.shared_memory_limit == 16000
    assert world.run("--shared-memory-mb", "20000").code == 0
    assert world.project.shared_memory_limit == 20000


@pytest.mark.parametrize("mode", ["ignored", "refused"])
def test_shared_memory_that_cannot_be_raised_stops_no_setup(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, mode: Literal["ignored", "refused"]
) -> None:
    options = Options(start_s=3.0, shared_memory_limit=mode)
    world = World(Stage(capsys, tmp_path, options=options))
    project = world.stage.workspace.create_project(world.stage.user, {"name": "demo"})
    tree = world.stage.workspace.files(project.id).tree
    tree.write(("specs", "a.yaml"), SPEC)
    done = world.run(url=None)
    assert done.code == 0, done.err
    assert "the project's shared memory is still 64 MB" in done.err


def test_a_folder_of_the_project_is_followed_where_no_repository_is_named(world: World) -> None:
    project = world.stage.workspace.create_project(world.stage.user, {"name": "demo"})
    missing = world.run(url=None)
    assert (missing.code, world.writes()) == (8, [])
    assert "has no spec (*.yaml, *.yml) in specs/" in missing.err
    world.stage.workspace.files(project.id).tree.write(("specs", "a.yaml"), SPEC)
    assert world.run(url=None).code == 0
    assert world.environment()["RAYCML_SOURCE"] == "specs"


def test_without_a_project_and_a_repository_there_is_nothing_to_make(world: World) -> None:
    said = world.run(url=None)
    assert (said.code, world.writes()) == (64, [])
    assert "add --git-url" in said.err


def test_a_clone_that_fails_is_told_in_the_words_of_git(world: World, tmp_path: Path) -> None:
    (tmp_path / "no-repository").mkdir()
    said = world.run(url=f"file://{tmp_path}/no-repository")
    assert said.code == 8
    assert "CML could not create the project demo (failure)" in said.err
    assert "there is no git repository" in said.err
    assert "bootstrap --delete --with-project" in said.err
    assert made(world)[1:] == ([], [])
    assert world.remove("--with-project").code == 0
    assert world.run().code == 0


def test_a_clone_without_the_specs_says_which_folder_it_lacks(world: World) -> None:
    said = world.run("--path", "clusters/prod")
    assert said.code == 8
    assert "has no spec (*.yaml, *.yml) in clusters/prod/" in said.err
    assert "--path" in said.err


def test_files_may_come_later_than_the_status_says(world: World) -> None:
    held = world.repository.pop("specs/a.yaml")

    def arrive() -> None:
        if world.stage.clock.elapsed > 20 and len(world.projects()) == 2:
            world.write("specs/a.yaml", held)

    world.stage.clock.passing.append(arrive)
    said = world.run()
    assert said.code == 0, said.err
    assert "the clone does not show specs/ yet" in said.err


# The environment


def test_a_job_that_fails_is_told_with_the_end_of_its_log(world: World) -> None:
    world.stage.stories[""] = Behaviour(1.0, 6.0, PodExit(1))
    said = world.run()
    assert said.code == 5
    assert "job raycml-controller did not build it" in said.err
    assert "FAILED: no such wheel" in said.err
    assert made(world)[2] == []
    world.stage.stories[""] = BUILDS
    assert world.run().code == 0
    assert (world.runs(), world.jobs()) == (["failed", "succeeded"], ["raycml-controller"])


@pytest.mark.parametrize("status", [400, 503])
def test_a_job_that_cml_does_not_create_is_not_converged(world: World, status: int) -> None:
    wire, other = world.stage.wire, world.stage.wire.instead
    assert other is not None
    wire.instead = lambda request: (
        httpx.Response(status, json={"message": "no jobs here"})
        if request.method == "POST" and request.url.path.endswith("/jobs")
        else other(request)
    )
    said = world.run("--timeout", "2m")
    assert said.code == 5
    assert "no jobs here" in said.err
    assert world.jobs() == []


def test_a_run_that_succeeds_without_an_environment_is_no_success(world: World) -> None:
    world.broken = True  # as one that was killed for its memory is told by some releases
    said = world.run()
    assert said.code == 5
    assert "job raycml-controller did not build it" in said.err
    assert world.runs() == ["succeeded"]


@pytest.fixture
def skipping(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> World:
    """In a workspace that skips every job of the API."""
    return World(Stage(capsys, tmp_path, options=Options(start_s=3.0, api_jobs_skipped=True)))


def test_an_application_builds_where_cml_skips_jobs(skipping: World) -> None:
    done = skipping.run()
    assert done.code == 0, done.err
    assert "controller  " in done.out
    assert skipping.runs() == ["skipped"]
    skipping.stage.clock.wait(30)
    assert skipping.application()["name"] == "raycml", "the builder is gone"
    skipping.writes()
    assert skipping.run().code == 0
    assert skipping.writes() == []
    assert skipping.remove().code == 0
    skipping.stage.clock.wait(30)
    assert skipping.applications() == []


def test_a_job_alone_ends_with_the_remedy_where_cml_skips_jobs(skipping: World) -> None:
    done = skipping.run("--builder", "job")
    assert done.code == 5
    assert "CML skipped the last run" in done.err
    assert "`--builder application`" in done.err
    assert skipping.applications() == []
    assert skipping.run("--builder", "application").code == 0


def test_another_package_is_another_environment_and_the_old_one_goes(world: World) -> None:
    world.run()
    before = {f for f in world.files() if f.startswith(".raycml/")}
    said = world.run("--package", "rich==14.0.0")
    assert said.code == 0, said.err
    after = {f for f in world.files() if f.startswith(".raycml/")}
    assert len(after) == len(before)
    wheels = {f for f in before if f.endswith(".whl")}
    assert before & after == wheels
    assert made(world) == ONE_OF_EACH
    [build] = [f for f in after if "/build-" in f]
    tree = world.stage.workspace.files(world.project.id).tree
    text = tree.read(tuple(build.split("/"))).decode()
    assert '"rich==14.0.0"' in text
    assert text.count('"rich==') == 1


def test_no_sweep_of_the_environments_of_specs_takes_the_controllers(world: World) -> None:
    world.run()
    [folder] = {f.rsplit("/", 1)[0] for f in world.files() if f.endswith("/ready.json")}
    assert hash_of(folder) == ""
    assert hash_of(f"{folder}.log") == ""


# The application


def test_a_changed_configuration_is_applied_by_stop_update_and_restart(world: World) -> None:
    world.run()
    before = world.application()
    world.writes()
    said = world.run("--memory", "3", "--set", "RAYCML_POLL=5s")
    assert said.code == 0, said.err
    after = world.application()
    assert (after["id"], after["memory"]) == (before["id"], 3)
    assert world.environment()["RAYCML_POLL"] == "5s"
    verbs = [
        f"{method} {path.rpartition('/')[2].partition(':')[2]}" for method, path in world.writes()
    ]
    assert [v.strip() for v in verbs] == ["POST stop", "PATCH", "POST restart"]
    world.run()
    assert "RAYCML_POLL" not in world.environment()


def test_variables_of_other_people_are_kept(world: World) -> None:
    world.run()
    [row] = world.stage.workspace.state.applications.values()
    row.environment |= {"RAYCML_INTERVAL": "10s", "RAYCML_WEB_TOKEN": "token-of-the-page-123"}
    row.updated_at = world.stage.clock.now()
    assert world.run("--memory", "3").code == 0
    told = world.environment()
    assert (told["RAYCML_INTERVAL"], told["RAYCML_WEB_TOKEN"]) == ("10s", "token-of-the-page-123")


def test_a_token_that_a_person_gave_the_application_is_not_shown_where_cml_repeats_it(
    world: World,
) -> None:
    world.run()
    [row] = world.stage.workspace.state.applications.values()
    row.environment["RAYCML_WEB_TOKEN"] = "token-of-the-page-123"
    row.updated_at = world.stage.clock.now()
    answer = world.stage.wire.instead
    complaint = {"code": 3, "message": "bad RAYCML_WEB_TOKEN token-of-the-page-123"}
    world.stage.wire.instead = lambda request: (
        httpx.Response(400, json=complaint) if request.method == "PATCH" else answer(request)
    )
    said = world.run("--memory", "3", "-v")
    assert said.code == 1
    assert "bad RAYCML_WEB_TOKEN" in said.err
    assert "token-of-the-page-123" not in said.out + said.err


def test_one_that_loses_our_mark_after_the_look_is_not_touched(world: World) -> None:
    world.run()
    [row] = world.stage.workspace.state.applications.values()

    def unmark(_number: int, when: str, request: httpx.Request) -> None:
        if when == "before" and request.url.path.endswith(f"/applications/{row.id}"):
            row.environment.pop("RAYCML_CONTROLLER", None)
            row.updated_at = world.stage.clock.now()

    world.cut = unmark
    world.writes()
    said = world.run("--memory", "3")
    assert (said.code, world.writes()) == (6, [])
    assert "is not this controller's" in said.err


def test_what_an_upgrade_does_not_name_stays_as_it_is(world: World) -> None:
    world.repository["clusters/a.yaml"] = SPEC
    world.run("--path", "clusters", "--git-ref", "main")
    world.writes()
    said = world.run(url=None)
    assert (said.code, world.writes()) == (0, [])
    told = world.environment()
    assert (told["RAYCML_SOURCE"], told["RAYCML_REF"]) == (URL, "main")
    assert told["RAYCML_PATH"] == "clusters"


@pytest.mark.parametrize("ends_after", [None, 30.0])
def test_a_stopped_or_failed_one_is_started_again(world: World, ends_after: float | None) -> None:
    world.run()
    [row] = world.stage.workspace.state.applications.values()
    if ends_after is None:
        world.stage.workspace.applications.stop(row, world.stage.clock.now())
    else:
        world.pods.kill(row.engine_id)
    world.stage.clock.wait(30)
    world.writes()
    assert world.run().code == 0
    assert [path.rpartition(":")[2] for _, path in world.writes()] == ["restart"]
    assert world.application()["status"] == "APPLICATION_RUNNING"


def test_one_that_falls_again_and_again_ends_with_its_last_words(world: World) -> None:
    world.run()
    address = subdomain(world.project.id)
    world.write(".raycml/controller/run.log", b"2026-03-02T12:00:00Z FAILED: no git\n")
    world.stage.stories[address] = Behaviour(answers_after=None, ends_after=2.0)
    [row] = world.stage.workspace.state.applications.values()
    world.pods.kill(row.engine_id)
    world.stage.clock.wait(1)
    said = world.run()
    assert said.code == 5
    assert "FAILED: no git" in said.err


@pytest.mark.parametrize("ends", ["stopped", "failed"])
@pytest.mark.parametrize(
    ("differs", "calls"),
    [
        ({"restart_of_failed": False}, {"stopped": "restart", "failed": "restart stop restart"}),
        (
            {"restart_needs_live_run": True},
            {
                "stopped": "restart DELETE POST",
                "failed": "restart stop restart DELETE POST",
            },
        ),
    ],
    ids=["a failed one", "what does not run"],
)
def test_it_is_started_again_where_cml_does_not_restart(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    ends: str,
    differs: dict[str, bool],
    calls: dict[str, str],
) -> None:
    options = Options(start_s=3.0, auto_restarts=0, **differs)  # type: ignore[arg-type]  # as above
    world = World(Stage(capsys, tmp_path, options=options))
    assert world.run().code == 0
    [row] = world.stage.workspace.state.applications.values()
    if ends == "stopped":
        world.stage.workspace.applications.stop(row, world.stage.clock.now())
    else:
        world.pods.kill(row.engine_id)
    world.stage.clock.wait(30)
    world.writes()
    assert world.run().code == 0
    writes = [w for w in world.writes() if "/applications" in w[1]]
    named = [path.rpartition(":")[2] if ":" in path else method for method, path in writes]
    assert " ".join(named) == calls[ends]
    assert world.application()["status"] == "APPLICATION_RUNNING"


@pytest.mark.parametrize("ready", ["success", "succeeded", ""])
def test_a_project_may_say_in_several_ways_that_it_is_ready(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, ready: str
) -> None:
    options = Options(
        start_s=3.0,
        creation_status=ready,  # type: ignore[arg-type]  # as parametrized
        run_shows_project_environment=True,
        slug_with_owner=not ready,
        post_upload_in_root=True,
    )
    world = World(Stage(capsys, tmp_path, options=options))
    said = world.run()
    assert said.code == 0, said.err
    assert [name for name in world.files() if name.count("/") == 0] == []
    world.writes()
    assert (world.run().code, world.writes()) == (0, [])


@pytest.mark.parametrize("name", ["CML_API_KEY", "CDSW_APIV2_KEY"])
def test_a_key_is_no_setting_of_the_controller(world: World, name: str) -> None:
    said = world.run("--set", f"{name}={KEY}", CDSW_APIV2_KEY=KEY)
    assert said.code == 64
    assert "the key of a pod ends with that pod" in said.err
    assert "leave it out: the controller uses the key that CML gives to its own pod" in said.err
    assert KEY not in said.err
    assert world.writes() == []


@pytest.mark.parametrize("conflict", [True, False])
def test_an_address_that_somebody_else_has_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, *, conflict: bool
) -> None:
    world = World(Stage(capsys, tmp_path, options=Options(duplicate_subdomain_conflict=conflict)))
    project = world.stage.workspace.create_project(world.stage.user, {"name": "demo"})
    other = world.stage.project
    _foreign(world, other, "mine", subdomain(project.id))
    said = world.run()
    assert said.code == 6
    assert "taken by another one" in said.err


@pytest.mark.parametrize("field", ["name", "subdomain"])
def test_a_name_or_address_taken_in_the_project_is_refused(world: World, field: str) -> None:
    project = world.stage.workspace.create_project(world.stage.user, {"name": "demo"})
    names = {"name": "other", "subdomain": "other"}
    names[field] = "raycml" if field == "name" else subdomain(project.id)
    _foreign(world, project.id, names["name"], names["subdomain"])
    said = world.run()
    assert said.code == 6
    assert "is not this controller's" in said.err
    assert len(world.applications()) == 1


def _foreign(world: World, project: str, name: str, address: str) -> None:
    workspace = world.stage.workspace
    workspace.files(project).tree.write(("app.py",), b"pass\n")
    raw = {"name": name, "subdomain": address, "script": "app.py"}
    runtime = {"runtime_identifier": workspace.runtimes[0].image_identifier}
    workspace.applications.create(
        workspace.project(project), world.stage.user, {**raw, **runtime}, world.stage.clock.now()
    )


def test_the_controller_of_another_owner_is_left_alone(world: World) -> None:
    world.run(RAYCML_OWNER="blue")
    world.writes()
    said = world.run(RAYCML_OWNER="green")
    assert said.code == 6
    assert "RAYCML_OWNER=blue" in said.err
    assert world.application()["status"] == "APPLICATION_RUNNING"


def test_a_surplus_copy_is_reported_and_left(world: World) -> None:
    world.run()
    _foreign(world, world.project.id, "copy", "copy")
    rows = list(world.stage.workspace.state.applications.values())
    rows[1].environment = {**rows[0].environment, "RAYCML_SUBDOMAIN": "copy"}
    world.stage.clock.wait(10)
    world.writes()
    said = world.run()
    assert (said.code, world.writes()) == (0, [])
    assert "duplicate: application copy" in said.err


def test_a_field_that_no_update_changes_makes_the_application_anew(world: World) -> None:
    world.run()
    [row] = world.stage.workspace.state.applications.values()

    def stubborn() -> None:
        row.memory = 2

    world.stage.clock.passing.append(stubborn)
    world.cut = lambda _n, _when, _request: stubborn()
    said = world.run("--memory", "3")
    assert said.code == 0, said.err
    assert (world.application()["memory"], len(world.applications())) == (3, 1)
    assert world.application()["id"] != row.id


# Readiness


def test_it_waits_until_the_controller_says_that_it_is_ready(world: World) -> None:
    world.unready = "no revision is in force"
    world.stage.clock.passing.append(
        lambda: setattr(world, "unready", "" if world.stage.clock.elapsed > 60 else world.unready)
    )
    said = world.run()
    assert said.code == 0
    assert "the controller is not ready: no revision is in force" in said.err
    assert world.stage.clock.elapsed > 60


def test_time_that_runs_out_names_what_was_waited_for(world: World) -> None:
    world.unready = "no revision is in force"
    world.stage.clock.passing.append(
        lambda: (
            world.write(".raycml/controller/run.log", b"it holds no spec at all\n")
            if world.ready_asked
            else None
        )
    )
    said = world.run("--timeout", "2m")
    assert said.code == 5
    assert "it holds no spec at all" in said.err
    assert "timed out: the controller is not ready: no revision is in force" in said.err


def test_a_page_behind_a_sign_in_ends_well_and_says_what_it_could_not_see(
    world: World,
) -> None:
    world.opens = False
    said = world.run()
    assert said.code == 0
    assert "sign in to its page" in said.err


# The laws


def test_a_plan_that_would_break_a_law_is_refused_and_nothing_is_written(world: World) -> None:
    world.run()
    _foreign(world, world.project.id, "dashboard", "dashboard")

    def careless(observed: ObservedSetup, past: Past) -> Plan:
        [app] = [app for app in observed.applications if app.name == "dashboard"]
        place = THE_CONTROLLER.cluster, app.project, THE_CONTROLLER.member
        return Plan((Step(Delete(app.id), *place, Reason.REPLACED, Intent.DELETE),))

    world.writes()
    screen = Screen(world.stage.machine(world.stage.dice), plain=True, verbose=False)
    with (
        open_bootstrap(CommonOptions(screen, False, None), "demo", 60) as session,
        pytest.raises(CommandError) as caught,
    ):
        completed(BootstrapRun(session, careless))
    error = caught.value
    assert (error.code, world.writes()) == (Exit.REFUSED, [])
    assert "only_our_own_is_changed" in str(error)


# Away with it


def test_delete_takes_away_what_was_made_and_nothing_else(world: World) -> None:
    world.run()
    project = world.project.id
    told = world.environment()
    _foreign(world, project, "dashboard", "dashboard")
    copy = list(world.stage.workspace.state.applications.values())[1]
    copy.environment = told  # made by hand of ours, and so nobody's of ours
    copy.updated_at = world.stage.clock.now()
    world.write(".raycml/envs/0123456789abcdef/ready.json", b"{}")
    world.write(".raycml/launchers/a/head-1.py", b"pass")
    said = world.remove()
    assert said.code == 0, said.err
    world.stage.clock.wait(60)
    assert [a["name"] for a in world.applications()] == ["dashboard"]
    assert world.jobs() == []
    assert world.files() == [
        ".raycml/envs/0123456789abcdef/ready.json",
        ".raycml/launchers/a/head-1.py",
        "app.py",
        "specs/a.yaml",
    ]
    world.writes()
    again = world.remove()
    assert (again.code, world.writes()) == (0, [])
    assert "nothing that bootstrap created" in again.out


def test_delete_asks_and_where_nobody_can_answer_it_refuses(world: World) -> None:
    world.run()
    world.writes()
    said = world.run("--delete", url=None)
    assert (said.code, world.writes()) == (6, [])
    assert ("-", "controller", "delete") in planned(said.err)
    assert "not deleted: project demo" in said.err


def test_delete_with_a_dry_run_only_lists(world: World) -> None:
    world.run()
    world.writes()
    said = world.run("--delete", "--dry-run", url=None)
    assert (said.code, world.writes()) == (0, [])
    assert planned(said.out) == [
        ("-", "controller", "delete"),
        ("-", "environment", "delete"),
        ("-", "files", "delete, later"),
    ]
    assert said.out.count(" .raycml/") == 5


def test_the_project_goes_only_where_bootstrap_made_it_and_nobody_else_is_in_it(
    world: World,
) -> None:
    world.run()
    _foreign(world, world.project.id, "dashboard", "dashboard")
    world.writes()
    said = world.remove("--with-project")
    assert (said.code, world.writes()) == (6, [])
    assert "has other applications or jobs: dashboard" in said.err
    [app] = [a for a in world.stage.workspace.state.applications.values() if a.name == "dashboard"]
    world.stage.workspace.applications.delete(app, world.stage.clock.now())
    world.stage.clock.wait(60)
    assert world.remove("--with-project").code == 0
    assert [p.name for p in world.projects()] == ["fraud-models"]


def test_the_marks_of_a_preview_are_those_of_the_execution(world: World) -> None:
    world.run()
    previewed = world.run("--delete", "--dry-run", url=None).out
    lines = planned(previewed)
    done = world.remove().err
    assert {mark for mark, _, _ in lines} == {"-"}
    carried_out = re.findall(r"^ +\d+s (\S) raycml (\S+) ", done, re.MULTILINE)
    assert set(carried_out) == {(mark, part) for mark, part, _ in lines}


def test_what_is_advised_for_a_project_with_clusters_leads_to_its_end(world: World) -> None:
    world.run()
    project = world.project.id
    world.stage.spec(replicas=0)
    there = {**world.stage.environ, "CML_PROJECT_ID": project}
    assert world.stage.run("reconcile", "--wait-for", "applied", environ=there).code == 0
    said = world.remove("--with-project")
    assert said.code == 6
    assert "demo has clusters: analytics" in said.err
    advised = re.findall(r"`([^`]+)`", said.err.partition("try: ")[2])
    assert len(advised) == 2
    for command in advised:
        words = command.split()
        named = [word for word in words if "=" in word]
        environ = {**world.stage.environ, **dict(word.split("=") for word in named)}
        plain = [word for word in words if word not in (*named, "raycml")]
        assert world.stage.run(*plain, "--yes", environ=environ).code == 0, command
    assert world.remove("--with-project").code == 0
    assert [p.name for p in world.projects()] == ["fraud-models"]


def test_a_project_that_a_person_made_is_never_deleted(world: World) -> None:
    world.stage.workspace.create_project(world.stage.user, {"name": "demo"})
    world.run()
    said = world.remove("--with-project")
    assert said.code == 6
    assert "does not say that bootstrap created it" in said.err
    assert made(world) == ONE_OF_EACH


# What is asked for


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--python", "3.9"), "runs on Python 3.11 and newer"),
        (("--git-url", "https://jdoe:secret-word@git.example.com/x.git"), "holds credentials"),
        (("--git-url", "ext::sh -c true"), "runs a program"),
        (("--path", "../elsewhere"), "`..`"),
        (("--git-ref", "a..b"), "no name that git allows"),
        (("--package", "--index-url=x"), "not a name with a version"),
        (("--package", "x @ https://example.com/x.whl"), "not a name with a version"),
        (("--set", "RAYCML_WEB_TOKEN=0123456789abcdef"), "can read its environment"),
        (("--set", "RAYCML_POL=3s"), "not a setting"),
        (("--set", "RAYCML_STOP_DEADLINE_S=soon"), "RAYCML_STOP_DEADLINE_S"),
        (("--cpu", "0"), "greater than zero"),
        (("--with-project",), "needs --delete"),
        (("--runtime", "docker.example.com/none:1"), "does not offer the runtime"),
        (("--python", "3.42"), "no standard runtime with Python 3.42"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_written(
    world: World, words: tuple[str, ...], said: str
) -> None:
    ended = world.run(*words)
    assert (ended.code, world.writes()) == (64, [])
    assert said in ended.err
    assert "secret-word" not in ended.err


def test_it_needs_no_project_of_the_connection_but_an_address_and_a_key(world: World) -> None:
    said = world.run(CML_API_KEY="")
    assert said.code == 64
    assert "CML_API_KEY is not set" in said.err
    assert "CML_PROJECT_ID" not in said.err
