"""A plan as it is printed: golden texts, and the document for machines."""

import json
from collections.abc import Sequence

from controller.core.model.json_object import fields_of
from controller.core.model.member import Member
from controller.core.model.plan import (
    Change,
    Configuration,
    Create,
    Delete,
    Intent,
    Plan,
    RemoveLauncher,
    Restart,
    Step,
    Stop,
    Update,
    Wait,
    WriteLauncher,
)
from controller.core.model.reasons import Reason
from controller.core.status.documents import plan_json
from controller.terminal.plan_table import is_pending, plan_text

SECRET = "hunter2"
WANTED = Configuration("n", "n", "d", "s", 1.0, 2.0, 0, "r", {"PRECIOUS": SECRET})
GPU = Change("gpu", "1", "2")


def step(
    action: object, member: str, reason: Reason, intent: Intent, impact: str = "", *changes: Change
) -> Step:
    group, _, ordinal = member.partition("/")
    place = None if not member else Member(group, int(ordinal or 0))
    return Step(action, "training", "p", place, reason, intent, changes, "", impact)  # type: ignore[arg-type]  # any action


def launcher(action: object, reason: Reason) -> Step:
    return step(action, "", reason, Intent.NOTHING)


ALL = Plan(
    steps=(
        launcher(WriteLauncher(".raycml/launchers/training/gpu-1-e.py", "{}"), Reason.MISSING),
        step(Create(WANTED), "head", Reason.MISSING, Intent.CREATE),
        step(Update("app-1", {"environment": WANTED.environment}), "gpu/0", Reason.OUTDATED,
             Intent.UPDATE, "", GPU, Change("environment.PRECIOUS", "", "")),
        step(Restart("app-1"), "gpu/0", Reason.OUTDATED, Intent.UPDATE),
        step(Restart("app-2"), "gpu/1", Reason.STALE, Intent.RESTART,
             "ends tasks and actors on gpu/1"),
        step(Stop("app-3"), "gpu/2", Reason.SUSPENDED, Intent.STOP),
        step(Restart("app-4"), "gpu/3", Reason.RESUMED, Intent.START),
        step(Delete("app-5"), "gpu/4", Reason.SCALED_DOWN, Intent.DELETE),
        step(Delete("app-6"), "gpu/5", Reason.REPLACED, Intent.UPDATE, "", GPU),
        launcher(RemoveLauncher(".raycml/launchers/training/old.py"), Reason.LAUNCHER_UNUSED),
    ),
    waits=(
        Wait("training", Member("gpu", 6), Reason.ROLLING_UPDATE, "follows", Intent.UPDATE, (GPU,)),
        Wait("training", Member("gpu", 7), Reason.PROTECTED, "is protected", Intent.BLOCKED),
        Wait("training", Member("gpu", 10), Reason.JOINING, "Ray does not list its node"),
        Wait("old", None, Reason.ORPHAN, "no spec holds it", Intent.BLOCKED),
    ),
)  # fmt: skip

TEXT = """\
? old      -      unchanged                 Orphan: no spec holds it
+ training head   create                    Missing: the member is not created yet
~ training gpu/0  update and restart        Outdated: gpu 1 -> 2, environment.PRECIOUS
! training gpu/1  restart                   Stale: ends tasks and actors on gpu/1
. training gpu/2  stop                      Suspended: the spec suspends the cluster or the group
> training gpu/3  start                     Resumed: the application is stopped and should run
- training gpu/4  delete                    ScaledDown: the group has fewer replicas now
~ training gpu/5  delete and create         Replaced: gpu 1 -> 2
~ training gpu/6  update and restart, later RollingUpdate: follows; gpu 1 -> 2
? training gpu/7  blocked                   Protected: is protected
  training gpu/10 wait                      Joining: Ray does not list its node
Launchers: 1 to write, 1 to remove.
Plan: 1 to create, 3 to update, 1 to restart, 1 to start, 1 to stop, 1 to delete, 1 blocked, \
1 pending."""


def test_a_plan_is_a_line_for_each_member_in_order() -> None:
    assert plan_text(ALL) == TEXT


def test_verbose_lists_the_launchers() -> None:
    assert plan_text(ALL, verbose=True).splitlines()[-3:-1] == [
        "  launcher write .raycml/launchers/training/gpu-1-e.py",
        "  launcher remove .raycml/launchers/training/old.py",
    ]


def test_an_empty_plan_says_that_nothing_changes() -> None:
    assert plan_text(Plan()) == "No changes. Everything is in sync."


def test_a_refused_plan_says_which_law_it_would_break() -> None:
    said = plan_text(Plan(refusals=("only_our_own_is_changed: stop of x",)))
    assert said == (
        "Refused: it would break a law: only_our_own_is_changed: stop of x\nNothing was done."
    )
    assert plan_json(Plan(refusals=("a law",)), "").complete is False


def test_the_document_has_exactly_the_fields_of_its_schema() -> None:
    body = fields_of(plan_json(ALL, "4f2c1d9"))
    assert list(body) == ["schema", "revision", "steps", "waits", "complete", "summary", "limits"]
    assert (body["schema"], body["revision"]) == ("raycml.plan/v1", "4f2c1d9")
    assert body["complete"] is False
    steps, waits = body["steps"], body["waits"]
    assert isinstance(steps, list)
    assert isinstance(waits, list)
    fields = ["action", "cluster", "member", "application_id", "reason", "changes", "impact"]
    assert all(list(one) == fields for one in steps)
    assert all(list(one) == ["cluster", "member", "reason", "message"] for one in waits)
    assert [one["action"] for one in steps] == [s.name for s in ALL.steps]
    assert steps[2]["changes"][0] == {"field": "gpu", "was": "1", "wants": "2"}
    assert steps[0]["member"] is None
    assert steps[1]["application_id"] is None


def test_no_rendering_holds_a_value_of_a_variable() -> None:
    said = [plan_text(ALL), plan_text(ALL, verbose=True), json.dumps(fields_of(plan_json(ALL, "")))]
    assert not any(SECRET in text for text in said)


def test_what_only_settles_is_not_pending_and_what_is_blocked_is() -> None:
    def only(*waits: Wait) -> Plan:
        return Plan(waits=waits)

    orphan, joining, blocked, rolling = (_by(ALL.waits, n) for n in (None, "10", "7", "6"))
    assert not is_pending(only(orphan))
    assert not is_pending(only(joining))
    assert is_pending(only(blocked))
    assert is_pending(only(rolling))
    assert is_pending(Plan(steps=ALL.steps[:1]))


def _by(waits: Sequence[Wait], ordinal: str | None) -> Wait:
    return next(w for w in waits if (w.member and str(w.member.ordinal)) == ordinal)
