"""The judges themselves: the oracle sees what differs, and the laws what may not be sent."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from controller.core.model.plan import Plan
from controller.core.model.policy import Policy
from controller.core.spec.revision import Revision
from controller.reconcile import Pass
from tests.simulation.controllers import Controller
from tests.simulation.documents import edited
from tests.simulation.ledger import LawBrokenError, Order
from tests.simulation.stage import NotConvergedError, Stage, prepared, the_stage

Deed = Callable[[Stage], object]


def fresh(world: str = "a cluster") -> Stage:
    stage = the_stage()
    stage.begin(prepared(world), seed=1)
    return stage


def app(stage: Stage, name: str) -> str:
    found = stage.site.at(name)
    assert found is not None
    return found.id


def _prune_all(stage: Stage) -> None:
    stage.docs.clear()
    stage.order = Order(prune=True)


DIFFERENT: dict[str, Deed] = {
    "stopped": lambda s: s.people.stop("ray-a-w-0"),
    "gone": lambda s: s.people.delete("ray-a-w-0"),
    "crashed": lambda s: s.site.crash("ray-a-head"),
    "another size": lambda s: s.people.edit("ray-a-w-0", cpu=7),
    "another variable": lambda s: s.people.garble("ray-a-w-0"),
    "another script": lambda s: s.people.edit("ray-a-w-0", script="run.py"),
    "another fingerprint": lambda s: s.people.misdate("ray-a-w-0"),
    "not ours any more": lambda s: s.people.disown("ray-a-w-0"),
    "one too many": lambda s: s.people.clone("ray-a-w-0", "extra", with_care=True),
    "another document": lambda s: s.docs.update(
        a=edited(s.docs["a"], "workerGroupSpecs.0.rayStartParams", {"num-cpus": "1"})
    ),
    "a cluster that should be gone": _prune_all,
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_oracle_sees_that_a_world_differs(name: str) -> None:
    stage = fresh()
    stage.site.tree.write(("run.py",), b"print()")
    assert stage.mismatch() == []
    DIFFERENT[name](stage)
    stage.site.time.passed += 5
    assert stage.mismatch()


def test_the_oracle_does_not_mind_what_people_added() -> None:
    stage = fresh()
    stage.people.annotate("ray-a-w-0")
    assert stage.mismatch() == []


def _looked_and(stage: Stage, name: str, verb: str) -> None:
    client = stage.a.client
    if not stage.a.eyes.ledger or stage.people.paused():
        stage.a.eyes.ledger = stage.ledger(stage.a)
    client.list_applications(stage.owner)
    found = client.get_application(stage.owner, app(stage, name))
    calls = {
        "delete": client.delete_application,
        "stop": client.stop_application,
        "restart": client.restart_application,
    }
    calls[verb](stage.owner, found.id)


def _pause_and_stop(stage: Stage) -> None:
    stage.people.pause("a")
    _looked_and(stage, "ray-a-w-0", "stop")


# Requests that no controller of ours may send, each sent by its own production client.
FORBIDDEN: dict[str, tuple[str, Deed]] = {
    "a stop without a look": (
        "law 2",
        lambda s: s.a.client.stop_application(s.owner, app(s, "ray-a-w-0")),
    ),
    "a delete of somebody else's": ("law 1", lambda s: _looked_and(s, "theirs", "delete")),
    "a delete of a wanted member": ("law 3", lambda s: _looked_and(s, "ray-a-w-0", "delete")),
    "a restart of what serves": ("serves", lambda s: _looked_and(s, "ray-a-head", "restart")),
    "a stop in a paused cluster": (
        "law 10",
        _pause_and_stop,
    ),
    "a removal of a launcher in use": (
        "law 5",
        lambda s: s.a.client.delete_file(s.owner, s.site.rows()[0].script),
    ),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_a_forbidden_request_is_seen_before_it_is_sent(name: str) -> None:
    stage = fresh()
    stage.people.clone("ray-a-head", "theirs")
    law, deed = FORBIDDEN[name]
    stage.a.eyes.ledger = stage.ledger(stage.a)
    before = [row.wire() for row in stage.site.rows()]
    with pytest.raises(LawBrokenError, match=law):
        deed(stage)
    assert [row.wire() for row in stage.site.rows()] == before


def test_harm_to_somebody_elses_application_is_seen() -> None:
    stage = fresh()
    stage.people.clone("ray-a-head", "theirs")
    assert stage.people.harmed() == []
    theirs = stage.site.at("theirs")
    assert theirs is not None
    stage.site.cml.applications.patch(theirs, {"cpu": 3}, stage.site.cml.tick())
    assert stage.people.harmed() == ["theirs"]


class Idle(Controller):
    """Looks, and never does anything."""

    def act(self, revision: Revision, policy: Policy) -> Pass:
        return replace(self.look(revision, policy), plan=Plan(), outcomes=())


def test_a_controller_that_does_nothing_is_not_taken_for_one_that_converges() -> None:
    stage = fresh()
    stage.docs["a"] = edited(stage.docs["a"], "workerGroupSpecs.0.replicas", 3)
    able, stage.a = stage.a, Idle("a", stage.site, stage.sky, stage.laws)
    try:
        with pytest.raises(NotConvergedError):
            stage.calm()
    finally:
        stage.a = able
