"""Short histories of the production composition, each of one kind of fault.

Every one ends in calm: the oracle finds all projects as their documents say, nothing is written
any more, the status names all that runs, and the controller is ready.
"""

from collections.abc import Iterator

import pytest

from controller.emulator.pods.lifecycle import Status
from tests.scripted_pods import Behaviour
from tests.simulation.asked import Ask, Asked
from tests.simulation.calm import calm, mismatches
from tests.simulation.documents import edited
from tests.simulation.isolation import Case, Trouble, check
from tests.simulation.moves import KINDS, SPOILT, move
from tests.simulation.oracle import place_of
from tests.simulation.schedule import Chosen, play, prepared, story
from tests.simulation.simulation import BY_ID, BY_NAME, HOME, Simulation, silent, the_simulation
from tests.simulation.weather import Fault
from tests.simulation.wire import Rule

Step = tuple[str, dict[str, object]]
WIDER = ("workerGroupSpecs.0.replicas", 2)
LARGER = ("workerGroupSpecs.0.resources.cpu", 2)
NEW_HEAD = ("headGroupSpec.resources.cpu", 2)


@pytest.fixture
def sim() -> Iterator[Simulation]:
    """A world of three projects in which all is settled, and a process that has made its pass."""
    found = the_simulation()
    found.begin(prepared("three"), seed=1)
    found.launch("a", seed=1)
    with silent():
        found.pass_time(0.0)
        yield found


def struck(sim: Simulation, fault: Fault, kind: str, site: str = "", count: int = 1) -> Rule:
    rule = Rule(fault, site=site, asks=KINDS[kind], count=count)
    sim.rules.append(rule)
    return rule


def edit(cluster: str, change: tuple[str, object]) -> Step:
    return "edit", {"cluster": cluster, "change": change}


def ours(sim: Simulation, cluster: str) -> list[str]:
    """The applications of a cluster, wherever they are."""
    found = []
    for site in sim.world.sites.values():
        for app in site.rows():
            place = place_of(app.environment, app.subdomain, sim.owner)
            if place is not None and place.cluster == cluster:
                found.append(f"{site.name}: {app.subdomain}")
    return sorted(found)


# One answer to one call

ONCE = tuple(fault for fault in Fault if fault is not Fault.TOO_LARGE)


@pytest.mark.parametrize("fault", ONCE, ids=lambda fault: fault.name)
def test_one_answer_to_one_write_stops_nothing_for_good(sim: Simulation, fault: Fault) -> None:
    struck(sim, fault, "writes")
    sim.write("b", sim.docs["b"] | {"spec": sim.docs["b"]["spec"] | {"environment": {"A": "a"}}})
    for _ in range(4):
        sim.next_turn()
    calm(sim)


# One project is in trouble

LOOKS = (
    (Fault.FORBIDDEN, "lists"),
    (Fault.STRANGE_ITEM, "lists"),
    (Fault.TORN_LIST, "lists"),
    (Fault.FORBIDDEN, "files"),
    (Fault.SIGN_IN, "any"),
    (Fault.ERROR_JSON, "any"),
    (Fault.HANGS, "any"),
)


@pytest.mark.parametrize(("fault", "kind"), LOOKS, ids=str)
def test_a_project_that_fails_delays_no_cluster_of_another(fault: Fault, kind: str) -> None:
    moves = (
        Chosen("deed", {"kind": "crash", "name": "ray-a-w-0"}),
        Chosen("edit", {"cluster": "c", "change": NEW_HEAD}),
    )
    check(the_simulation(), Case(1, moves, Trouble(BY_NAME, fault, kind)))


@pytest.mark.parametrize("site", [HOME, BY_NAME])
def test_files_that_never_answer_leave_time_for_other_projects(site: str) -> None:
    moves = (Chosen("deed", {"kind": "stop", "name": "ray-c-head"}),)
    check(the_simulation(), Case(1, moves, Trouble(site, Fault.HANGS, "files")))


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.ERROR_JSON, Fault.TORN_LIST])
def test_a_name_that_cannot_be_looked_up_delays_no_cluster_elsewhere(fault: Fault) -> None:
    """From the first pass of a process on, which knows no id yet."""
    sim = the_simulation()
    sim.begin(prepared("three"), seed=1)
    with silent():
        struck(sim, fault, "look-ups", BY_NAME, count=10**9)
        sim.launch("a", seed=1)
        sim.pass_time(0.0)
        sim.world.sites[HOME].crash("ray-a-w-0")
        for _ in range(6):
            sim.next_turn()
        assert not [line for line in mismatches(sim) if line.startswith(HOME)]
        calm(sim)


@pytest.mark.parametrize("site", [HOME, BY_NAME])
def test_a_full_disk_stops_no_repair(site: str) -> None:
    """From the first pass of a process on, which cannot write that it leads."""
    sim = the_simulation()
    sim.begin(prepared("three"), seed=1)
    with silent():
        for fault in (Fault.DISK_FULL, Fault.STORAGE_FULL):
            struck(sim, fault, "uploads", site, count=10**9)
        sim.world.sites[BY_NAME].crash("ray-b-w-0")
        sim.world.sites[HOME].crash("ray-a-w-0")
        sim.launch("a", seed=1)
        sim.pass_time(0.0)
        assert {each.name for each in sim.sent} == {"ray-a-w-0", "ray-b-w-0"}
        calm(sim)


# Nothing is forgotten


def test_a_member_that_moves_out_of_a_torn_project_holds_up_no_other(sim: Simulation) -> None:
    struck(sim, Fault.STRANGE_ITEM, "lists", BY_NAME, count=10**9)
    sim.write("d", sim.docs["b"] | {"metadata": {"name": "d"}})
    move(sim, "b", BY_ID)
    sim.next_turn()
    sim.world.sites[HOME].crash("ray-a-w-0")
    sim.pass_time(120.0)
    assert not [line for line in mismatches(sim) if line.startswith(HOME)]


# What people said


@pytest.mark.parametrize("skip", [0, 1])
def test_a_pause_that_is_written_anew_is_there_all_the_time(sim: Simulation, skip: int) -> None:
    sim.command("pause", "a")
    for fault in (Fault.UNAVAILABLE, Fault.DISK_FULL, Fault.KILLED_AFTER):
        sim.pass_time(3.0)  # each says when it was written
        struck(sim, fault, "uploads", HOME).skip = skip
        sim.command("pause", "a")
        assert "a" in sim.people[HOME].paused(), fault
        sim.rules.clear()
    calm(sim)


@pytest.mark.parametrize("how", SPOILT)
def test_a_file_that_was_cut_deletes_nothing(sim: Simulation, how: str) -> None:
    Chosen("spoil", {"cluster": "c", "how": how}).do(sim)
    sim.pass_time(90.0)
    assert ours(sim, "c") == [f"{BY_ID}: ray-c-head"]
    calm(sim)


# Half of an effect


@pytest.mark.parametrize("skip", range(3))
def test_half_a_launcher_is_never_started(sim: Simulation, skip: int) -> None:
    sim.rules.append(Rule(Fault.HALF_STORED, site=BY_NAME, asks=frozenset({Ask.UPLOAD}), skip=skip))
    sim.write("b", sim.docs["b"] | {"spec": sim.docs["b"]["spec"] | {"environment": {"A": "a"}}})
    for _ in range(4):
        sim.next_turn()
    calm(sim)


def _with_two(sim: Simulation) -> dict[str, object]:
    spec = sim.docs["a"]["spec"]
    group = spec["workerGroupSpecs"][0] | {"replicas": 2}
    return spec | {"workerGroupSpecs": [group]}


# Bounds


def test_a_command_outwaits_the_lease_of_one_that_was_killed() -> None:
    sim = the_simulation()
    sim.begin(prepared("three"), seed=1)
    with silent():
        sim.write("a", sim.docs["a"] | {"spec": _with_two(sim)})
        struck(sim, Fault.KILLED_BEFORE, "creates")
        assert sim.command("reconcile") == 130
        assert sim.command("reconcile") == 0
        calm(sim)


def test_two_controllers_never_lead_at_once(sim: Simulation) -> None:
    """Each call of a create takes as long as it may, so that a pass takes minutes."""
    sim.launch("b", seed=2)
    sim.pass_time(5.0)
    spec = _with_two(sim)
    sim.rules.append(Rule(Fault.HANGS_AFTER, asks=frozenset({Ask.CREATE, Ask.GET}), count=8))
    group = spec["workerGroupSpecs"]
    assert isinstance(group, list)
    spec["workerGroupSpecs"] = [group[0] | {"replicas": 4}]
    sim.write("a", sim.docs["a"] | {"spec": spec})
    sim.pass_time(900.0)
    calm(sim)


def test_a_stop_at_any_call_leaves_nothing_held() -> None:
    """TERM in the middle of a pass; the next process leads at once."""
    for at in range(0, 60, 7):
        with silent():
            sim = the_simulation()
            sim.begin(prepared("three"), seed=at)
            first = sim.launch("a", seed=at)
            sim.pass_time(0.0)
            sim.write("a", sim.docs["a"] | {"spec": _with_two(sim)})
            sim.interrupts[sim.calls + at] = first.stop
            for _ in range(4):
                sim.next_turn()
            first.stop()
            second = sim.launch("b", seed=at)
            sim.pass_time(0.0)
            assert second.running is not None
            assert second.running.leads, at
            calm(sim)


def test_a_history_of_a_second_group_plays() -> None:
    play(the_simulation(), story(("second_group", {"cluster": "b"}), edit("a", WIDER)))


def test_a_pause_that_is_over_elsewhere_ends_no_pause(sim: Simulation) -> None:
    sim.people[BY_NAME].pause("a", days=-1)
    sim.people[BY_ID].pause("a", days=-1)
    sim.people[HOME].pause("a")
    sim.write("a", sim.docs["a"] | {"spec": sim.docs["a"]["spec"] | {"environment": {"A": "a"}}})
    sim.world.sites[HOME].crash("ray-a-w-0")
    sim.pass_time(120.0)
    calm(sim)


def test_what_a_person_set_meanwhile_outlives_an_update(sim: Simulation) -> None:
    """After the list of the pass, and before the look that precedes the PATCH."""
    worker = sim.world.sites[HOME].at("ray-a-w-0")
    assert worker is not None

    def annotated(what: Asked) -> bool:
        stopped = what.ask is Ask.GET and worker.status is Status.STOPPED
        if stopped and what.subject == worker.id:
            sim.people[HOME].annotate(worker.subdomain)
            return True
        return False

    sim.hook = annotated
    sim.write("a", sim.docs["a"] | {"spec": sim.docs["a"]["spec"] | {"environment": {"A": "a"}}})
    sim.pass_time(120.0)
    calm(sim)
    assert sim.hook is None
    found = sim.world.sites[HOME].at("ray-a-w-0")
    assert found is not None
    assert found.environment.get("NOTE") == "mine"


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.ERROR_AFTER, Fault.HALF_ANSWER])
def test_a_create_whose_answer_was_lost_is_looked_for(sim: Simulation, fault: Fault) -> None:
    sim.skies[HOME].lag, sim.skies[HOME].oldest = 4, True
    sim.world.story = lambda _: Behaviour(answers_after=50.0)  # so that passes go on meanwhile
    sim.write("c", edited(sim.docs["c"], *NEW_HEAD))
    sim.pass_time(6.0)
    struck(sim, fault, "creates")
    sim.write("a", sim.docs["a"] | {"metadata": {"name": "a"}, "spec": _with_two(sim)})
    sim.pass_time(60.0)
    calm(sim)


def test_a_mark_that_never_agrees_costs_a_bounded_number_of_restarts() -> None:
    """As where a variable overrides the node's label: each start runs with the same wrong one."""
    sim = the_simulation()
    sim.begin(prepared("one"), seed=1)
    with silent():
        sim.launch("a", seed=1)
        sim.world.mislabelled.add("a")
        ends = sim.now + 600.0
        while sim.now < ends:
            sim.next_turn()
            restarts = [each for each in sim.sent if each.ask is Ask.RESTART]
            assert len(restarts) <= 10, sim.now
        calm(sim)


def test_a_cluster_that_left_is_not_forgotten_while_its_project_is_away(sim: Simulation) -> None:
    rule = struck(sim, Fault.NOT_FOUND, "any", BY_ID, count=10**9)
    sim.remove("c")
    sim.pass_time(90.0)
    rule.count = 0
    calm(sim)
    assert ours(sim, "c") == []


@pytest.mark.parametrize("to", [BY_NAME, HOME])
def test_a_cluster_whose_spec_moves_leaves_its_old_project(sim: Simulation, to: str) -> None:
    move(sim, "c", to)
    sim.pass_time(30.0)
    calm(sim)
    assert ours(sim, "c") == [f"{to}: ray-c-head"]


def test_an_approval_is_used_up(sim: Simulation) -> None:
    """All specs are taken away and a person agrees; later they are away by accident."""
    docs = dict(sim.docs)
    for cluster in docs:
        sim.remove(cluster)
    sim.pass_time(5.0)
    process = sim.processes["a"]
    assert process.running is not None
    held = process.running.follower.held
    assert held is not None
    sim.command("approve", held.revision)
    sim.pass_time(120.0)
    assert not any(ours(sim, cluster) for cluster in docs)
    for cluster, doc in docs.items():
        sim.write(cluster, doc)
    sim.pass_time(60.0)
    assert all(ours(sim, cluster) for cluster in docs)
    Chosen("empty_folder", {"seconds": 120.0}).do(sim)
    assert all(ours(sim, cluster) for cluster in docs)
    calm(sim)


# Membership

LATER = 200.0  # seconds: longer than a lost node, or a head that cannot read Ray, is waited for


def engines(sim: Simulation) -> dict[str, str]:
    return {a.subdomain: a.engine_id for site in sim.world.sites.values() for a in site.rows()}


def other_engines(sim: Simulation, before: dict[str, str]) -> set[str]:
    after = engines(sim)
    return {name for name in before if before[name] != after.get(name)}


@pytest.mark.parametrize("frozen", [False, True])
def test_a_lost_node_is_restarted_and_no_other(sim: Simulation, *, frozen: bool) -> None:
    before = engines(sim)
    sim.world.sites[HOME].lose_raylet("ray-a-w-0", frozen=frozen)
    sim.pass_time(95.0)
    assert other_engines(sim, before) == {"ray-a-w-0"}
    calm(sim)
    assert other_engines(sim, before) == {"ray-a-w-0"}


@pytest.mark.parametrize("lost", ["mute", "unread", "strangers"])
def test_what_a_report_does_not_prove_restarts_no_worker(sim: Simulation, lost: str) -> None:
    before = engines(sim)
    getattr(sim.world, lost).add("a")
    sim.world.sites[HOME].lose_raylet("ray-a-w-0", frozen=True)
    if lost == "strangers":
        sim.world.zombies.clear()
    sim.pass_time(LATER)
    assert other_engines(sim, before) == ({"ray-a-head"} if lost == "unread" else set())
    calm(sim)
