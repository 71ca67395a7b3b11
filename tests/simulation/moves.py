"""Everything that may happen to a world, as a table: the name of a move, what it does, and what it
may be given.  Seeds, the sweep and people who read a reproducer share this table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.scripted_pods import Behaviour
from tests.simulation.asked import Ask
from tests.simulation.documents import EDITS, document, edited, with_second_group
from tests.simulation.simulation import BY_ID, BY_NAME, HOME, Simulation
from tests.simulation.weather import Fault
from tests.simulation.wire import Rule

CLUSTERS = ("a", "b", "c")
NAMES = ("ray-a-head", "ray-a-w-0", "ray-a-w-1", "ray-b-head", "ray-b-w-0", "ray-c-head")
SITES = (HOME, BY_NAME, BY_ID)
# Half a minute is how long lists may lag, and ten minutes how long most waits last.
SECONDS = (1.0, 5.0, 31.0, 61.0, 130.0, 310.0, 610.0)
DAYS = 3 * 86400.0
STORIES = {
    "at once": Behaviour(answers_after=0.0),
    "slowly": Behaviour(answers_after=20.0),
    "never": Behaviour(answers_after=None),
    "and fall at once": Behaviour(answers_after=None, ends_after=0.0),
    "and fall later": Behaviour(answers_after=0.0, ends_after=40.0),
    "and stop slowly": Behaviour(answers_after=0.0, stop_takes=60.0),
}
IGNORED = ("cpu", "memory", "nvidia_gpu", "environment", "script", "description")
KINDS = {
    "any": frozenset(),
    "lists": frozenset({Ask.LIST}),
    "looks": frozenset({Ask.LIST, Ask.GET, Ask.LOOK_UP, Ask.FILES, Ask.DOWNLOAD, Ask.JOBS}),
    "look-ups": frozenset({Ask.LOOK_UP}),
    "files": frozenset({Ask.FILES, Ask.DOWNLOAD, Ask.UPLOAD, Ask.REMOVE}),
    "uploads": frozenset({Ask.UPLOAD}),
    "removals": frozenset({Ask.REMOVE}),
    "reports": frozenset({Ask.DOWNLOAD}),
    "writes": frozenset({Ask.CREATE, Ask.PATCH, Ask.RESTART, Ask.STOP, Ask.DELETE}),
    "creates": frozenset({Ask.CREATE}),
}
PLACE = {"a": HOME, "b": BY_NAME, "c": BY_ID}


# weather


def strike(sim: Simulation, fault: Fault, site: str, kind: str, skip: int) -> None:
    """One call."""
    sim.rules.append(Rule(fault, site=site, asks=KINDS[kind], skip=skip))


def storm(sim: Simulation, fault: Fault, site: str, kind: str, seconds: float) -> None:
    """Every such call for a while."""
    until = sim.now + seconds
    sim.rules.append(Rule(fault, site=site, asks=KINDS[kind], count=10**9, until=until))
    sim.while_away(seconds + 1.0)


def vanish(sim: Simulation, site: str, seconds: float) -> None:
    """The project is not there for a while."""
    storm(sim, Fault.NOT_FOUND, site, "any", seconds)


# people


def crash(sim: Simulation, name: str) -> None:
    for site in sim.world.sites.values():
        if any(app.subdomain == name for app in site.rows()):
            site.crash(name)


def deed(sim: Simulation, kind: str, name: str) -> None:
    """A person acts in the UI of the project that has the application."""
    for site_name, site in sim.world.sites.items():
        if any(app.subdomain == name for app in site.rows()):
            DEEDS[kind](sim, site_name, name)
            return


def _clone(sim: Simulation, site: str, name: str) -> None:
    sim.people[site].clone(name, f"{name}-copy")


def _clone_with_care(sim: Simulation, site: str, name: str) -> None:
    sim.people[site].clone(name, f"{name}-other", with_care=True)


DEEDS: dict[str, Callable[[Simulation, str, str], None]] = {
    "delete": lambda sim, site, name: sim.people[site].delete(name),
    "stop": lambda sim, site, name: sim.people[site].stop(name),
    "restart": lambda sim, site, name: sim.people[site].restart(name),
    "edit": lambda sim, site, name: sim.people[site].edit(name, cpu=3),
    "garble": lambda sim, site, name: sim.people[site].garble(name),
    "annotate": lambda sim, site, name: sim.people[site].annotate(name),
    "misdate": lambda sim, site, name: sim.people[site].misdate(name),
    "disown": lambda sim, site, name: sim.people[site].disown(name),
    "clone": _clone,
    "clone with care": _clone_with_care,
    "lose the launcher": lambda sim, site, name: sim.people[site].lose_launcher(name),
    "crash": lambda sim, site, name: crash(sim, name),
    "lose the node": lambda sim, site, name: sim.world.sites[site].lose_node(name),
    "lose the raylet": lambda sim, site, name: sim.world.sites[site].lose_raylet(
        name, frozen=False
    ),
    "freeze the pod": lambda sim, site, name: sim.world.sites[site].lose_raylet(name, frozen=True),
}


def deed_within(sim: Simulation, kind: str, name: str, at: int) -> None:
    """The same between two calls."""
    sim.interrupts[sim.calls + at] = lambda: deed(sim, kind, name)


def occupy(sim: Simulation, name: str, site: str) -> None:
    sim.people[site].occupy(name)


def pause(sim: Simulation, cluster: str) -> None:
    sim.people[PLACE[cluster]].pause(cluster)


def unpause(sim: Simulation, cluster: str) -> None:
    sim.people[PLACE[cluster]].unpause(cluster)


def pause_elsewhere(sim: Simulation, cluster: str, site: str) -> None:
    """A pause that is over, of a cluster of that name, in another project."""
    if site != PLACE[cluster]:
        sim.people[site].pause(cluster, days=-1)


# commands


def command(sim: Simulation, name: str, cluster: str) -> None:
    if name.startswith("delete") and cluster in sim.docs:
        if sim.docs[cluster]["spec"].get("protect"):
            sim.command(name, cluster)
            return
        sim.declared.withdraw(sim.site_name(sim.docs[cluster]), cluster)
    sim.command(name, *([] if name.startswith("reconcile") else [cluster]))


# specs


def edit(sim: Simulation, cluster: str, change: tuple[str, object]) -> None:
    if cluster in sim.docs and (cluster != "c" or not change[0].startswith("worker")):
        sim.write(cluster, edited(sim.docs[cluster], *change))


def second_group(sim: Simulation, cluster: str) -> None:
    if cluster in sim.docs and cluster != "c":
        sim.write(cluster, with_second_group(sim.docs[cluster]))


def rename_group(sim: Simulation, cluster: str) -> None:
    if cluster in sim.docs and sim.docs[cluster]["spec"]["workerGroupSpecs"]:
        old = sim.docs[cluster]["spec"]["workerGroupSpecs"][0]["groupName"]
        path = "workerGroupSpecs.0.groupName"
        sim.write(cluster, edited(sim.docs[cluster], path, "y" if old == "w" else "w"))


def spoil(sim: Simulation, cluster: str, how: str) -> None:
    sim.spoil(cluster, SPOILT[how](sim.folder.files.get(f"{cluster}.yaml", b"x: y\n")))


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "broken": lambda data: data.replace(b"RayCluster", b"RayCluste"),
    "truncated": lambda data: data[: len(data) // 2],
    "emptied": lambda _: b"",
    "only a comment": lambda _: b"# nothing here yet\n",
    "no document": lambda _: b"---\n",
}


def mend(sim: Simulation) -> None:
    sim.mend_files()


def unmount(sim: Simulation, seconds: float) -> None:
    sim.folder.mount(away=True)
    sim.while_away(seconds)
    sim.folder.mount(away=False)


def empty_folder(sim: Simulation, seconds: float) -> None:
    """The folder is there, and nothing is in it, for a while."""
    files = dict(sim.folder.files)
    sim.folder.reset({})
    sim.while_away(seconds)
    sim.folder.reset(files)


def remove(sim: Simulation, cluster: str) -> None:
    sim.remove(cluster)


def restore(sim: Simulation, cluster: str) -> None:
    if cluster not in sim.docs:
        sim.write(cluster, placed(sim, cluster))


def placed(sim: Simulation, cluster: str) -> dict[str, object]:
    """The first document of a cluster, in its project."""
    doc = document(cluster, 0 if cluster == "c" else 1)
    if cluster == "b":
        doc["spec"]["project"] = BY_NAME
    if cluster == "c":
        doc["spec"]["project"] = sim.world.sites[BY_ID].project
    return doc


def move(sim: Simulation, cluster: str, site: str) -> None:
    """The spec names another project."""
    if cluster in sim.docs:
        place = None if site == HOME else site if site == BY_NAME else sim.world.sites[site].project
        sim.write(cluster, edited(sim.docs[cluster], "project", place))


# platform


def story(sim: Simulation, kind: str) -> None:
    """How pods that start from now on behave."""
    sim.world.story = lambda _: STORIES[kind]


def mute(sim: Simulation, cluster: str) -> None:
    sim.world.mute.add(cluster)


def deafen(sim: Simulation, cluster: str) -> None:
    sim.world.unread.add(cluster)


def join_by_hand(sim: Simulation, cluster: str) -> None:
    sim.world.strangers.add(cluster)


def heal(sim: Simulation) -> None:
    sim.world.heal()


# sky


def lag(sim: Simulation, site: str, versions: int) -> None:
    sim.skies[site].lag = versions


def page_size(sim: Simulation, site: str, size: int) -> None:
    sim.skies[site].page_size = size


def torn_page(sim: Simulation, site: str, kind: str, name: str) -> None:
    sim.skies[site].page_size = sim.skies[site].page_size or 1
    sim.skies[site].between = lambda: deed(sim, kind, name)


def repeat_token(sim: Simulation, site: str) -> None:
    sim.skies[site].page_size, sim.skies[site].repeat_token = 1, True


def ignore(sim: Simulation, site: str, field: str) -> None:
    sim.skies[site].ignored = frozenset({field})


def odd_status(sim: Simulation, name: str, status: str) -> None:
    for site_name, site in sim.world.sites.items():
        for app in site.rows():
            if app.subdomain == name:
                sim.skies[site_name].odd = {app.id: status}


def files_lag(sim: Simulation, site: str) -> None:
    sim.skies[site].files_lag = True


def work(sim: Simulation, name: str, seconds: float) -> None:
    """Somebody's tasks keep the node of an application busy."""
    for site in sim.world.sites.values():
        if any(app.subdomain == name for app in site.rows()):
            site.work(name, seconds)


def deaf(sim: Simulation, cluster: str) -> None:
    """The head of a cluster answers no request."""
    sim.world.deaf.add(cluster)


def half_report(sim: Simulation, site: str) -> None:
    sim.skies[site].half_report = True


def clear_sky(sim: Simulation) -> None:
    for sky in sim.skies.values():
        sky.clear()


# time and processes


def wait(sim: Simulation, seconds: float) -> None:
    sim.while_away(seconds)


def jump(sim: Simulation, skew: float) -> None:
    """The wall clock of every controller is set; its monotonic time goes on."""
    for process in sim.processes.values():
        process.set_skew(skew)


def kill(sim: Simulation, name: str) -> None:
    if name in sim.processes and not sim.processes[name].busy:
        sim.processes[name].die()


def kill_within(sim: Simulation, at: int) -> None:
    """At a call to come, whichever process makes it."""
    sim.rules.append(Rule(Fault.KILLED_AFTER, skip=at))


def stop(sim: Simulation, name: str) -> None:
    """TERM; it does not come back by itself."""
    if name in sim.processes:
        sim.processes[name].stop()


def stop_within(sim: Simulation, name: str, at: int) -> None:
    """TERM between two calls."""
    sim.interrupts[sim.calls + at] = lambda: stop(sim, name)


def second(sim: Simulation) -> None:
    """Another process, of the same installation; or the first one again."""
    name = "b" if "b" not in sim.processes else "a"
    if name not in sim.processes or sim.processes[name].due == float("inf"):
        sim.launch(name, seed=sim.calls)


@dataclass(frozen=True, slots=True)
class Move:
    """`options`: for each argument the values that it may take; `weight`: how common it is."""

    do: Callable[..., None]
    options: dict[str, Sequence[object]]
    weight: int = 1


_FAULTS = tuple(fault for fault in Fault if fault is not Fault.TOO_LARGE)
_LASTING = tuple(f for f in _FAULTS if not f.name.startswith(("KILLED", "HANGS")))
_CHANGES = tuple((path, value) for path, values in EDITS.items() for value in values)
_AT = tuple(range(40))
_STRUCK = (*KINDS, *("writes",) * 8)

MOVES: dict[str, Move] = {
    "strike": Move(
        strike,
        {
            "fault": _FAULTS,
            "site": ("", "", *SITES),
            "kind": _STRUCK,
            "skip": (0, 0, 0, 1, 2, 3, 7),
        },
        12,
    ),
    "storm": Move(
        storm,
        {"fault": _LASTING, "site": SITES, "kind": tuple(KINDS), "seconds": (5.0, 20.0, 70.0)},
        4,
    ),
    "vanish": Move(vanish, {"site": SITES, "seconds": (5.0, 40.0)}),
    "deed": Move(deed, {"kind": tuple(DEEDS), "name": NAMES}, 8),
    "deed_within": Move(deed_within, {"kind": tuple(DEEDS), "name": NAMES, "at": _AT}, 3),
    "occupy": Move(occupy, {"name": NAMES, "site": SITES}),
    "pause": Move(pause, {"cluster": CLUSTERS}),
    "unpause": Move(unpause, {"cluster": CLUSTERS}),
    "pause_elsewhere": Move(pause_elsewhere, {"cluster": CLUSTERS, "site": SITES}),
    "command": Move(
        command,
        {
            "name": ("pause", "unpause", "delete", "delete elsewhere", "reconcile once"),
            "cluster": CLUSTERS,
        },
        3,
    ),
    "edit": Move(edit, {"cluster": "aabc", "change": _CHANGES}, 10),
    "second_group": Move(second_group, {"cluster": CLUSTERS}),
    "rename_group": Move(rename_group, {"cluster": CLUSTERS}),
    "spoil": Move(spoil, {"cluster": CLUSTERS, "how": tuple(SPOILT)}, 2),
    "mend": Move(mend, {}),
    "unmount": Move(unmount, {"seconds": (5.0, 100.0)}),
    "empty_folder": Move(empty_folder, {"seconds": (5.0, 100.0)}),
    "remove": Move(remove, {"cluster": CLUSTERS}, 3),
    "restore": Move(restore, {"cluster": CLUSTERS}, 2),
    "move": Move(move, {"cluster": CLUSTERS, "site": SITES}, 2),
    "story": Move(story, {"kind": tuple(STORIES)}, 2),
    "mute": Move(mute, {"cluster": CLUSTERS}),
    "deafen": Move(deafen, {"cluster": CLUSTERS}),
    "join_by_hand": Move(join_by_hand, {"cluster": CLUSTERS}),
    "work": Move(work, {"name": NAMES, "seconds": (5.0, 60.0, 400.0)}, 6),
    "deaf": Move(deaf, {"cluster": CLUSTERS}),
    "heal": Move(heal, {}),
    "lag": Move(lag, {"site": SITES, "versions": (1, 2, 4)}, 2),
    "page_size": Move(page_size, {"site": SITES, "size": (1, 2)}),
    "torn_page": Move(torn_page, {"site": SITES, "kind": tuple(DEEDS), "name": NAMES}),
    "repeat_token": Move(repeat_token, {"site": SITES}),
    "ignore": Move(ignore, {"site": SITES, "field": IGNORED}),
    "odd_status": Move(
        odd_status, {"name": NAMES, "status": ("APPLICATION_HIBERNATING", "", "APPLICATION_ODD")}
    ),
    "files_lag": Move(files_lag, {"site": SITES}),
    "half_report": Move(half_report, {"site": SITES}),
    "clear_sky": Move(clear_sky, {}, 2),
    "wait": Move(wait, {"seconds": SECONDS}, 8),
    "jump": Move(jump, {"skew": (-7200.0, -40.0, 40.0, 7200.0)}),
    "kill": Move(kill, {"name": "a"}),
    "kill_within": Move(kill_within, {"at": _AT}, 2),
    "stop": Move(stop, {"name": "ab"}),
    "stop_within": Move(stop_within, {"name": "a", "at": _AT}),
    "second": Move(second, {}, 2),
}
