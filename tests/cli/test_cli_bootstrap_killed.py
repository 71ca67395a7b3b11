"""`raycml bootstrap` killed at every call, and with every answer lost: it converges all the same,
and nothing is there twice.

A kill is an exception that nobody catches, right before or right after the effect of a call; what
the process knew is lost with it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from bootstrap_world import Killed, World, changes
from stage import KEY, Stage

from controller.emulator.options import Options
from controller.emulator.pods.processes import PodExit
from tests.scripted_pods import Behaviour
from tests.simulation.direct import Direct

pytestmark = pytest.mark.slow

Make = Callable[[], World]
MOST = 400  # calls of one command, more than any takes here


@pytest.fixture
def make(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Make:
    """Where nothing takes long, so that there are few looks that are like the one before, and most
    calls are answered without the web framework, which would take half of the time.
    """

    def world() -> World:
        options = Options(start_s=0.2, stop_s=1.0, delete_s=1.0)
        stage = Stage(capsys, tmp_path, options=options)
        stage.wire.inner = Direct(stage.workspace, stage.wire.inner, KEY, stage.user)
        made = World(stage)
        stage.stories[""] = Behaviour(answers_after=0.1, ends_after=1.0, ending=PodExit(0))
        made.pods.clone_s = 1.0
        return made

    return world


def killed_at(world: World, number: int, moment: str) -> None:
    def cut(call: int, when: str, request: httpx.Request) -> None:
        if (call, when) == (number, moment):
            raise Killed

    world.cut = cut


def moments(make: Make, *prepared: str) -> Iterator[tuple[int, str]]:
    """Before each write, and after each call, of a run that is not disturbed.

    Before a call all is as it was after the one before it.
    """
    world, found = make(), list[tuple[int, str]]()
    _prepare(world, *prepared)
    first = world.calls

    def cut(call: int, when: str, request: httpx.Request) -> None:
        if when == "after" or changes(request):
            found.append((call - first, when))

    world.cut = cut
    _finish(world, *prepared)
    return iter(found)


def _prepare(world: World, *prepared: str) -> None:
    if prepared:
        assert world.run().code == 0


def _finish(world: World, *prepared: str) -> None:
    said = world.run(*prepared)
    assert said.code == 0, said.err


def check_only_one_of_each(world: World) -> None:
    assert [p.name for p in world.projects()] == ["fraud-models", "demo"]
    assert world.jobs() == ["raycml-controller"]
    assert [a["name"] for a in world.applications()] == ["raycml"]
    assert world.application()["status"] == "APPLICATION_RUNNING"
    assert not [f for f in world.files() if "(" in f]
    assert sum(f.endswith(".whl") for f in world.files()) == 1


def killed_everywhere(make: Make, *prepared: str) -> int:
    """Kill a run at each moment, run again, and look; how many moments there were."""
    count = 0
    for number, moment in moments(make, *prepared):
        world = make()
        _prepare(world, *prepared)
        killed_at(world, world.calls + number, moment)
        with pytest.raises(Killed):
            world.run(*prepared)
        world.cut = lambda *_: None
        _finish(world, *prepared)
        check_only_one_of_each(world)
        world.writes()
        _finish(world, *prepared)
        assert world.writes() == [], f"a third run writes after a kill {moment} call {number}"
        count += 1
    return count


def test_killed_at_any_call_of_the_first_run_the_next_one_finishes(make: Make) -> None:
    assert 40 < killed_everywhere(make) < MOST


def test_killed_at_any_call_of_an_update_the_next_one_finishes(make: Make) -> None:
    assert 20 < killed_everywhere(make, "--memory", "3") < MOST


def test_killed_at_any_call_of_a_removal_the_next_one_finishes(make: Make) -> None:
    world = make()
    world.run()
    begun = world.calls
    assert world.remove().code == 0
    for number in range(world.calls - begun):
        world = make()
        world.run()
        killed_at(world, world.calls + number, "after")
        with pytest.raises(Killed):
            world.remove()
        world.cut = lambda *_: None
        assert world.remove().code == 0
        world.stage.clock.wait(60)
        assert (world.applications(), world.jobs(), world.files()) == ([], [], ["specs/a.yaml"])


def writes_of(make: Make, *prepared: str) -> list[int]:
    return [number for number, moment in moments(make, *prepared) if moment == "before"]


def lose(world: World, number: int, when: str, error: type[httpx.TransportError]) -> None:
    def cut(call: int, moment: str, request: httpx.Request) -> None:
        if (call, moment) == (number, when):
            raise error("the wire was cut", request=request)

    world.cut = cut


@pytest.mark.parametrize("prepared", [(), ("--memory", "3")], ids=["first", "update"])
@pytest.mark.parametrize(
    ("when", "error"),
    [
        ("after", httpx.ReadError),  # it happened, and the answer was lost
        ("before", httpx.ReadError),  # the same to us, but nothing happened
        ("before", httpx.ConnectError),  # it was never sent
    ],
    ids=["lost", "unknown", "unsent"],
)
def test_an_answer_that_is_lost_is_followed_by_a_look_and_nothing_is_made_twice(
    make: Make, prepared: tuple[str, ...], when: str, error: type[httpx.TransportError]
) -> None:
    written = writes_of(make, *prepared)
    assert written
    for number in written:
        world = make()
        _prepare(world, *prepared)
        lose(world, world.calls + number, when, error)
        _finish(world, *prepared)
        check_only_one_of_each(world)
        assert world.runs() == ["succeeded"]


def test_a_lost_answer_and_a_list_that_lags_make_no_second_job(make: Make) -> None:
    world = make()
    answer, clock = world.stage.wire.instead, world.stage.clock
    lost_at: list[float] = []

    def cut(call: int, when: str, request: httpx.Request) -> None:
        if when == "after" and request.method == "POST" and request.url.path.endswith("/jobs"):
            lost_at.append(clock.elapsed)
            raise httpx.ReadError("the wire was cut", request=request)

    def late(request: httpx.Request) -> httpx.Response | None:
        lists = request.method == "GET" and request.url.path.endswith("/jobs")
        if lists and lost_at and clock.elapsed < lost_at[0] + 20:
            return httpx.Response(200, json={"jobs": [], "next_page_token": ""})
        return answer(request)

    world.cut, world.stage.wire.instead = cut, late
    _finish(world)
    assert len(lost_at) == 1
    check_only_one_of_each(world)


def test_a_workspace_that_is_away_for_a_while_is_waited_for(make: Make) -> None:
    world = make()

    def cut(call: int, when: str, request: httpx.Request) -> None:
        if 20 <= call < 40:
            raise httpx.ConnectError("no route", request=request)

    world.cut = cut
    _finish(world)
    check_only_one_of_each(world)


def test_a_workspace_that_is_away_from_the_beginning_is_an_error(make: Make) -> None:
    world = make()

    def cut(call: int, when: str, request: httpx.Request) -> None:
        raise httpx.ConnectError("no route", request=request)

    world.cut = cut
    said = world.run()
    assert said.code == 1
    assert "CML cannot be reached" in said.err


def test_a_key_that_is_refused_on_the_way_ends_it_with_its_own_code(make: Make) -> None:
    world = make()
    world.stage.wire.instead = lambda request: (
        httpx.Response(401, json={"error": "no", "code": 16, "message": "no"})
        if request.method == "POST" and request.url.path.endswith("/jobs")
        else None
    )
    said = world.run()
    assert said.code == 4
