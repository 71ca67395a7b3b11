"""What becomes of an application over time, in a world whose pods only tell a story."""

import copy
import json

import pytest
from emulated import World

from controller.emulator.options import Capacity, Options
from controller.emulator.pods.lifecycle import TRANSITIONS, Event, Status
from controller.emulator.pods.processes import PodExit
from tests.scripted_pods import Behaviour


def test_a_created_application_starts_and_runs_once_it_answers() -> None:
    world = World()
    made = world.ok("POST", world.apps, "Application", json=world.wanted())
    assert (made["status"], made["running_at"]) == ("APPLICATION_STARTING", None)
    world.pass_time(19)
    assert world.status(made["id"]) == "STARTING"
    world.pass_time(1)
    assert world.status(made["id"]) == "RUNNING"
    assert world.get(made["id"])["running_at"] == "2026-03-02T09:00:20.000000Z"


def test_an_application_that_never_answers_stays_starting() -> None:
    world = World(story=lambda _: Behaviour(answers_after=None))
    app = world.create()
    world.pass_time(4000)
    assert world.status(app) == "STARTING"


@pytest.mark.parametrize("exit_code", [0, 1])
def test_a_script_that_ends_fails_its_application_whatever_its_exit_code(exit_code: int) -> None:
    story = Behaviour(answers_after=5, ends_after=9, ending=PodExit(exit_code))
    world = World(story=lambda _: story)
    app = world.create()
    world.pass_time(8)
    assert world.status(app) == "RUNNING"
    world.pass_time(1)
    assert world.status(app) == "FAILED"
    assert not world.pods.pods


def test_a_failed_application_is_started_again_three_times_five_minutes_apart() -> None:
    starts: list[float] = []

    def fails(order: object) -> Behaviour:
        starts.append(world.clock.elapsed)
        return Behaviour(answers_after=None, ends_after=0)

    world = World(story=fails)
    app = world.create()
    world.pass_time(3000)
    assert starts == [0, 300, 600, 900]
    assert world.status(app) == "FAILED"


def test_running_again_gives_the_automatic_restarts_back() -> None:
    starts: list[float] = []

    def falls_late(order: object) -> Behaviour:
        starts.append(world.clock.elapsed)
        return Behaviour(answers_after=10, ends_after=100)

    world = World(story=falls_late)
    world.create()
    world.pass_time(400 * 6)
    assert starts == [0, 400, 800, 1200, 1600, 2000, 2400]


def test_an_old_release_leaves_a_failed_application_alone() -> None:
    world = World(
        story=lambda _: Behaviour(answers_after=None, ends_after=0),
        options=Options(auto_restarts=0),
    )
    app = world.create()
    world.pass_time(2000)
    assert len(world.workspace.state.history) == 1
    assert world.status(app) == "FAILED"


def test_a_stop_is_asynchronous_and_a_second_one_is_refused() -> None:
    world = World()
    app = world.create()
    world.pass_time(20)
    assert world.verb(app, "stop")["status"] == "APPLICATION_STOPPING"
    world.refused(400, 9, "POST", f"{world.apps}/{app}:stop")
    world.pass_time(2)
    assert world.status(app) == "STOPPED"
    assert world.get(app)["stopped_at"] is not None
    world.refused(400, 9, "POST", f"{world.apps}/{app}:stop")


def test_a_stop_lasts_as_long_as_its_pod() -> None:
    world = World(story=lambda _: Behaviour(stop_takes=30))
    app = world.create()
    world.pass_time(5)
    world.verb(app, "stop")
    world.pass_time(29)
    assert world.status(app) == "STOPPING"
    world.pass_time(1)
    assert world.status(app) == "STOPPED"


def test_a_stopped_application_starts_again_on_restart() -> None:
    world = World()
    app = world.create()
    world.verb(app, "stop")
    world.refused(400, 9, "POST", f"{world.apps}/{app}:restart")
    world.pass_time(2)
    assert world.verb(app, "restart")["status"] == "APPLICATION_STARTING"
    world.pass_time(20)
    assert world.status(app) == "RUNNING"


def test_a_stopped_application_is_not_restarted_by_cml() -> None:
    world = World(story=lambda _: Behaviour(answers_after=None, ends_after=0))
    app = world.create()
    world.pass_time(1)
    world.verb(app, "stop")
    world.pass_time(2000)
    assert world.status(app) == "STOPPED"


def test_a_restart_of_a_running_application_gives_it_a_new_engine_and_address() -> None:
    world = World(story=lambda _: Behaviour(answers_after=1, stop_takes=10))
    app = world.create()
    world.pass_time(5)
    (before,) = world.pods.pods.values()
    world.verb(app, "restart")
    world.pass_time(9)
    assert list(world.pods.pods) == [before.order.engine.id]
    assert world.status(app) == "STARTING"
    world.pass_time(2)
    (after,) = world.pods.pods.values()
    assert after.order.engine.id != before.order.engine.id
    assert after.order.engine.ip_address != before.order.engine.ip_address
    assert world.status(app) == "RUNNING"


def test_a_restart_while_starting_leaves_one_pod_by_default() -> None:
    world = World()
    app = world.create()
    world.verb(app, "restart")
    world.pass_time(1)
    assert len(world.pods.pods) == 1


def test_a_restart_while_starting_may_leave_an_orphan() -> None:
    world = World(options=Options(orphan_on_restart_while_starting=True))
    app = world.create()
    world.verb(app, "restart")
    world.pass_time(20)
    assert len(world.pods.pods) == 2
    world.call("DELETE", f"{world.apps}/{app}")
    world.pass_time(10)
    assert len(world.pods.pods) == 1
    world.call("DELETE", f"/projects/{world.project}")
    world.pass_time(1)
    assert not world.pods.pods


def test_a_deleted_application_is_there_as_stopping_then_gone() -> None:
    world = World()
    app = world.create()
    world.pass_time(20)
    for _ in range(2):
        assert world.ok("DELETE", f"{world.apps}/{app}", "DeleteApplicationResponse") == {}
    assert world.status(app) == "STOPPING"
    for verb in ("stop", "restart"):
        world.refused(400, 9, "POST", f"{world.apps}/{app}:{verb}")
    world.refused(400, 9, "PATCH", f"{world.apps}/{app}", json={"cpu": 2})
    world.pass_time(3)
    world.refused(404, 5, "GET", f"{world.apps}/{app}")
    world.refused(404, 5, "DELETE", f"{world.apps}/{app}")
    assert not world.pods.pods


def test_a_deleted_application_holds_its_subdomain_until_it_is_gone() -> None:
    world = World()
    app = world.create("taken")
    world.call("DELETE", f"{world.apps}/{app}")
    world.refused(409, 6, "POST", world.apps, json=world.wanted("taken"))
    world.pass_time(3)
    assert world.create("taken") != app


def test_beyond_capacity_applications_wait_and_start_in_their_order() -> None:
    world = World(options=Options(capacity=Capacity(cpu=4, gpu=1)))
    first = world.create("first", cpu=3)
    second, third = world.create("second", cpu=3), world.create("third", cpu=3)
    world.pass_time(100)
    assert [world.status(app) for app in (first, second, third)] == [
        "RUNNING",
        "STARTING",
        "STARTING",
    ]
    world.verb(first, "stop")
    world.pass_time(30)
    assert [world.status(app) for app in (second, third)] == ["RUNNING", "STARTING"]
    assert world.status(world.create("none", cpu=1, nvidia_gpu=2)) == "STARTING"
    small = world.create("small", cpu=1)
    world.pass_time(20)
    assert world.status(small) == "RUNNING"


def test_a_patch_changes_what_it_names_and_restarts_nothing() -> None:
    world = World()
    app = world.create(environment={"A": "1", "B": "2"}, cpu=2)
    world.pass_time(20)
    before = list(world.pods.pods)
    changed = world.patch(app, memory=32, environment='{"C": "3"}', unknown="ignored")
    assert (changed["cpu"], changed["memory"]) == (2, 32)
    assert changed["status"] == "APPLICATION_RUNNING"
    assert world.environment(app) == {"C": "3"}
    assert list(world.pods.pods) == before
    world.verb(app, "restart")
    world.pass_time(2)
    (pod,) = world.pods.pods.values()
    assert (pod.order.engine.memory, pod.order.environment) == (32, {"C": "3"})


def test_zero_values_in_a_patch_are_honoured_or_ignored_as_the_workspace_does() -> None:
    for honoured in (True, False):
        world = World(options=Options(patch_zero_values=honoured))
        app = world.create(nvidia_gpu=1, description="x", bypass_authentication=True)
        shown = world.patch(app, nvidia_gpu=0, description="", bypass_authentication=False)
        found = (shown["nvidia_gpu"], shown["description"], shown["bypass_authentication"])
        assert found == ((0, "", False) if honoured else (1, "x", True))


def test_a_script_that_vanished_fails_the_next_start() -> None:
    world = World()
    app = world.create()
    world.verb(app, "stop")
    world.pass_time(2)
    world.call("DELETE", f"/projects/{world.project}/files/app.py")
    world.verb(app, "restart")
    assert world.status(app) == "FAILED"


def test_a_lenient_workspace_accepts_a_missing_script_and_fails_later() -> None:
    world = World(options=Options(check_script=False))
    app = world.create(script="absent.py")
    assert world.status(app) == "FAILED"


def test_a_deleted_project_takes_its_applications_along() -> None:
    world = World()
    world.create("held")
    assert world.ok("DELETE", f"/projects/{world.project}", "DeleteProjectResponse") == {}
    world.refused(404, 5, "GET", f"/projects/{world.project}")
    world.pass_time(3)
    assert not world.pods.pods
    assert not world.workspace.state.projects


def test_usage_tells_how_an_engine_died() -> None:
    world = World(story=lambda _: Behaviour(1, 9, PodExit(137, oom_killed=True)))
    world.create("victim", cpu=8)
    world.pass_time(9)
    found = world.ok("GET", "/usage", "ListUsageResponse", params={"sort": "-created_at"})
    (row,) = found["usage_response"]
    assert (row["name"], row["oom_killed"], row["status"]) == ("victim", True, "failed")
    assert row["k8s_info"]["k8s_exit_code"] == 137
    assert row["k8s_info"]["k8s_signal"] == "9"
    assert row["duration"] == "9"
    for query, count in (({"name": "other"}, 0), ({"status": "failed"}, 1)):
        filters = {"search_filter": json.dumps(query)}
        found = world.ok("GET", "/usage", "ListUsageResponse", params=filters)
        assert found["total_count"] == str(count)


def test_a_workspace_can_be_copied_and_both_copies_live_on_alike() -> None:
    world = World()
    app = world.create()
    twin = copy.deepcopy(world.workspace)
    world.pass_time(20)
    assert world.status(app) == "RUNNING"
    assert twin.state.applications[app].status is Status.STARTING


def test_the_same_seed_tells_the_same_story() -> None:
    one, other = World(), World()
    assert one.get(one.create()) == other.get(other.create())
    assert World(seed=2).project != one.project


def test_every_status_can_be_deleted_and_only_settled_events_are_in_the_table() -> None:
    assert all((status, Event.DELETE) in TRANSITIONS for status in Status)
    assert (Status.STOPPED, Event.STOP) not in TRANSITIONS
