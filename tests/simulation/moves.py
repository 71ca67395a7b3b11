"""Everything that may happen to a world, as a table: the name of a move, what it does to the stage,
and what it may be given.  Hypothesis, seeds and people who read a reproducer share this table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from controller.emulator.scripted import Behaviour
from tests.simulation.controllers import Controller
from tests.simulation.documents import EDITS, document, edited, with_second_group
from tests.simulation.ledger import Order
from tests.simulation.stage import Stage
from tests.simulation.weather import Fault

NAMES = ("ray-a-head", "ray-a-w-0", "ray-a-w-1", "ray-b-head", "ray-b-w-0")
CLUSTERS = ("a", "b")
AT = tuple(range(12))
# Half a minute is how long lists may lag, and ten minutes how long most waits last.
SECONDS = (1.0, 5.0, 5.0, 31.0, 130.0, 310.0, 610.0, 3700.0)
STORIES = {
    "at once": Behaviour(answers_after=0.0),
    "slowly": Behaviour(answers_after=20.0),
    "never": Behaviour(answers_after=None),
    "and fall at once": Behaviour(answers_after=None, ends_after=0.0),
    "and fall later": Behaviour(answers_after=0.0, ends_after=40.0),
    "and stop slowly": Behaviour(answers_after=0.0, stop_takes=60.0),
    "and never stop": Behaviour(answers_after=0.0, stop_takes=None),
}
ORDERS = {
    "nothing": Order(),
    "prune": Order(prune=True),
    "prune one": Order(prune=True, allow_prune=1),
    "delete a": Order(delete=frozenset({"a"})),
}
IGNORED = ("cpu", "memory", "nvidia_gpu", "environment", "script", "description")
ODD = ("APPLICATION_HIBERNATING", "", "APPLICATION_UNKNOWN")


def who(stage: Stage, name: str) -> Controller:
    return stage.a if name == "a" else stage.b


# passes


def pass_(stage: Stage, name: str) -> None:
    stage.pass_(who(stage, name))


def pass_and_wait(stage: Stage, name: str) -> None:
    stage.pass_(who(stage, name))
    stage.site.time.passed += 5.0


def faulty_pass(stage: Stage, name: str, at: int, fault: Fault) -> None:
    stage.pass_(who(stage, name), {at: fault})


def faulty_write(stage: Stage, name: str, at: int, fault: Fault) -> None:
    """The fault strikes one of the pass's writes."""
    stage.pass_(who(stage, name), of_writes={at: fault})


def twice_faulty_pass(stage: Stage, at: int, fault: Fault, later: int, other: Fault) -> None:
    stage.pass_(stage.a, {at: fault, at + 1 + later: other})


def dark_pass(stage: Stage, fault: Fault) -> None:
    """From here on nothing gets through in this pass."""
    stage.pass_(stage.a, dict.fromkeys(range(40), fault))


def together(stage: Stage, name: str, at: int) -> None:
    first, second = who(stage, name), who(stage, "b" if name == "a" else "a")
    stage.interleave(first, second, at)


def disturbed_pass(stage: Stage, at: int, deed: str, name: str) -> None:
    """A person acts between two requests of one pass."""
    stage.pass_(stage.a, interrupts={at: lambda: DEEDS[deed](stage, name)})


# people


def crash(stage: Stage, name: str) -> None:
    stage.site.crash(name)


# What may happen in the middle of a pass.
DEEDS: dict[str, Callable[[Stage, str], None]] = {
    "delete": lambda stage, name: stage.people.delete(name),
    "stop": lambda stage, name: stage.people.stop(name),
    "restart": lambda stage, name: stage.people.restart(name),
    "edit": lambda stage, name: stage.people.edit(name, cpu=3),
    "garble": lambda stage, name: stage.people.garble(name),
    "take the mark off": lambda stage, name: stage.people.take_mark_off(name),
    "crash": crash,
}
SLOW_DEEDS: dict[str, Callable[[Stage, str], None]] = {
    **DEEDS,
    "annotate": lambda stage, name: stage.people.annotate(name),
    "copy settings": lambda stage, name: stage.people.copy_settings(name),
    "misdate": lambda stage, name: stage.people.misdate(name),
    "disown": lambda stage, name: stage.people.disown(name),
    "clone": lambda stage, name: stage.people.clone(name, f"{name}-copy"),
    "clone with care": lambda stage, name: stage.people.clone(
        name, f"{name}-other", with_care=True
    ),
    "occupy": lambda stage, name: stage.people.occupy(name),
    "lose the launcher": lambda stage, name: stage.people.lose_launcher(name),
    "point elsewhere": lambda stage, name: stage.people.edit(name, script="run.py"),
}


def deed(stage: Stage, kind: str, name: str) -> None:
    stage.site.tree.contents.setdefault(("run.py",), b"print('theirs')")
    SLOW_DEEDS[kind](stage, name)


def pause(stage: Stage, cluster: str) -> None:
    stage.people.pause(cluster)


def unpause(stage: Stage, cluster: str) -> None:
    stage.people.unpause(cluster)


# specs


def edit(stage: Stage, cluster: str, change: tuple[str, object]) -> None:
    if cluster in stage.docs:
        stage.docs[cluster] = edited(stage.docs[cluster], *change)


def second_group(stage: Stage, cluster: str) -> None:
    if cluster in stage.docs:
        stage.docs[cluster] = with_second_group(stage.docs[cluster])


def break_(stage: Stage, cluster: str) -> None:
    if cluster in stage.docs:
        stage.broken.add(cluster)


def mend(stage: Stage) -> None:
    stage.broken.clear()


def remove(stage: Stage, cluster: str) -> None:
    stage.docs.pop(cluster, None)
    stage.broken.discard(cluster)


def restore(stage: Stage, cluster: str) -> None:
    stage.docs.setdefault(cluster, document(cluster))


def fall_behind(stage: Stage) -> None:
    """The second controller goes on with the documents as they are now."""
    stage.behind = {n: d for n, d in stage.docs.items() if n not in stage.broken}


def catch_up(stage: Stage) -> None:
    stage.behind = None


def order(stage: Stage, kind: str) -> None:
    stage.order = ORDERS[kind]


# platform


def story(stage: Stage, kind: str) -> None:
    """How pods that start from now on behave."""
    stage.site.story = lambda _: STORIES[kind]


def lose_node(stage: Stage, name: str) -> None:
    stage.site.lose_node(name)


def mute(stage: Stage, cluster: str) -> None:
    stage.site.mute.add(cluster)


def heal(stage: Stage) -> None:
    stage.site.heal()


# sky


def lag(stage: Stage, versions: int) -> None:
    stage.sky.lag = versions


def page_size(stage: Stage, size: int) -> None:
    stage.sky.page_size = size


def torn_page(stage: Stage, kind: str, name: str) -> None:
    stage.sky.page_size = stage.sky.page_size or 1
    stage.sky.between = lambda: DEEDS[kind](stage, name)


def new_between_pages(stage: Stage) -> None:
    stage.sky.page_size = 1
    stage.sky.between = lambda: stage.people.clone("ray-a-head", "copied")


def repeat_token(stage: Stage) -> None:
    stage.sky.page_size, stage.sky.repeat_token = 1, True


def ignore(stage: Stage, field: str) -> None:
    stage.sky.ignored = frozenset({field})


def odd_status(stage: Stage, name: str, status: str) -> None:
    app = stage.site.at(name)
    if app is not None:
        stage.sky.odd = {app.id: status}


def files_lag(stage: Stage) -> None:
    stage.sky.files_lag = True


def half_report(stage: Stage) -> None:
    stage.sky.half_report = True


def clear_sky(stage: Stage) -> None:
    stage.sky.clear()


# time and processes


def wait(stage: Stage, seconds: float) -> None:
    stage.site.time.passed += seconds


def jump(stage: Stage, skew: float) -> None:
    """The wall clock of the first controller is set; its monotonic time goes on."""
    stage.sometimes.saw("the clock went back" if skew < stage.a.clock.skew else "the clock leapt")
    stage.a.clock.skew = skew


def forget(stage: Stage, name: str) -> None:
    who(stage, name).start()


def upgrade(stage: Stage, name: str) -> None:
    """Another version of the controller, with another node program."""
    one = who(stage, name)
    one.policy = replace(one.policy, edition="9876543210")
    one.start()


@dataclass(frozen=True, slots=True)
class Move:
    """`options`: for each argument the values that it may take; `weight`: how common it is."""

    do: Callable[..., None]
    options: dict[str, Sequence[object]]
    weight: int = 1


_WHO: dict[str, Sequence[object]] = {"name": "ab"}
_FAULTS = tuple(Fault)
_CHANGES = tuple((path, value) for path, values in EDITS.items() for value in values)

MOVES: dict[str, Move] = {
    "pass_": Move(pass_, {"name": "aab"}, 5),
    "pass_and_wait": Move(pass_and_wait, {"name": "aab"}, 10),
    "faulty_pass": Move(faulty_pass, {"name": "aab", "at": AT, "fault": _FAULTS}, 10),
    "twice_faulty_pass": Move(
        twice_faulty_pass, {"at": AT, "fault": _FAULTS, "later": AT, "other": _FAULTS}, 3
    ),
    "faulty_write": Move(faulty_write, {"name": "aab", "at": (0, 0, 1, 2), "fault": _FAULTS}, 8),
    "dark_pass": Move(dark_pass, {"fault": _FAULTS}),
    "together": Move(together, {**_WHO, "at": AT}, 4),
    "disturbed_pass": Move(disturbed_pass, {"at": AT, "deed": tuple(DEEDS), "name": NAMES}, 3),
    "deed": Move(deed, {"kind": tuple(SLOW_DEEDS), "name": NAMES}, 6),
    "pause": Move(pause, {"cluster": CLUSTERS}),
    "unpause": Move(unpause, {"cluster": CLUSTERS}),
    "edit": Move(edit, {"cluster": "aab", "change": _CHANGES}, 8),
    "second_group": Move(second_group, {"cluster": CLUSTERS}),
    "break_": Move(break_, {"cluster": CLUSTERS}),
    "mend": Move(mend, {}),
    "remove": Move(remove, {"cluster": CLUSTERS}, 2),
    "restore": Move(restore, {"cluster": CLUSTERS}, 2),
    "fall_behind": Move(fall_behind, {}),
    "catch_up": Move(catch_up, {}),
    "order": Move(order, {"kind": tuple(ORDERS)}, 3),
    "story": Move(story, {"kind": tuple(STORIES)}, 3),
    "lose_node": Move(lose_node, {"name": NAMES}),
    "mute": Move(mute, {"cluster": CLUSTERS}),
    "heal": Move(heal, {}),
    "lag": Move(lag, {"versions": (1, 2, 4)}, 2),
    "page_size": Move(page_size, {"size": (1, 2)}),
    "torn_page": Move(torn_page, {"kind": tuple(DEEDS), "name": NAMES}, 2),
    "new_between_pages": Move(new_between_pages, {}),
    "repeat_token": Move(repeat_token, {}),
    "ignore": Move(ignore, {"field": IGNORED}, 2),
    "odd_status": Move(odd_status, {"name": NAMES, "status": ODD}),
    "files_lag": Move(files_lag, {}),
    "half_report": Move(half_report, {}),
    "clear_sky": Move(clear_sky, {}, 3),
    "wait": Move(wait, {"seconds": SECONDS}, 8),
    "jump": Move(jump, {"skew": (-7200.0, -40.0, 0.0, 40.0, 7200.0)}),
    "forget": Move(forget, dict(_WHO), 2),
    "upgrade": Move(upgrade, dict(_WHO)),
}
