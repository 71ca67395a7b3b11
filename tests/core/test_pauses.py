"""A pause is of one cluster in one project, and no write reaches what is paused."""

from dataclasses import replace

import pytest

from controller.core.audit import laws
from controller.core.audit.case import AuditedPlan
from controller.core.model.history import History
from controller.core.model.observed import (
    LauncherFile,
    ObservedApplication,
    ObservedFiles,
    ObservedPauses,
    ObservedState,
    Pause,
    Phase,
)
from controller.core.model.plan import Intent, Plan, RemoveLauncher, Step
from controller.core.model.reasons import Reason
from controller.core.situation.situation import situate
from tests.worlds import (
    POLICY,
    PROJECT,
    all_files,
    application,
    at,
    decide,
    desired,
    observed,
    said,
    spec,
    whole_cluster,
)

OTHER = "eeee-ffff-0000-1111"
CLUSTER = spec()
APPS = whole_cluster(CLUSTER)
PAUSE = Pause("analytics", "moving data", "jdoe", at(-60))
OVER = replace(PAUSE, until=at(-1))
FALLEN = [replace(APPS[0], phase=Phase.FAILED), *APPS[1:]]


def paused(
    pauses: dict[tuple[str, str], Pause],
    *apps: ObservedApplication,
    extra: LauncherFile | None = None,
) -> ObservedState:
    """These applications with their files and pauses."""
    more = () if extra is None else (extra,)
    launchers = {PROJECT: (*all_files(*APPS).launchers[PROJECT], *more), OTHER: ()}
    return observed(*apps, files=ObservedFiles(launchers, environments={})).with_pauses(
        ObservedPauses(pauses)
    )


@pytest.mark.parametrize(
    ("pauses", "holds"),
    [
        ({(PROJECT, "analytics"): PAUSE}, True),
        ({(PROJECT, "analytics"): PAUSE, (OTHER, "analytics"): OVER}, True),
        ({(PROJECT, "analytics"): OVER, (OTHER, "analytics"): PAUSE}, False),
        ({(OTHER, "analytics"): PAUSE}, False),
        ({(PROJECT, "another"): PAUSE}, False),
    ],
)
def test_a_pause_holds_for_its_cluster_in_its_own_project_alone(
    pauses: dict[tuple[str, str], Pause], holds: bool
) -> None:
    plan = decide(desired(CLUSTER), paused(pauses, *FALLEN))
    assert ("wait head Paused" in said(plan)) is holds
    assert ("restart head Down" in said(plan)) is not holds


def test_what_left_a_project_is_held_by_a_pause_in_that_project() -> None:
    moved = replace(application(CLUSTER, "cpu/0"), id="old", project=OTHER)
    there = paused({(OTHER, "analytics"): PAUSE}, *APPS, moved)
    found = decide(desired(CLUSTER), there)
    assert "wait cpu/0 Paused" in said(found)
    assert "delete cpu/0 Moved" not in said(found)
    here = paused({}, *APPS, moved)
    assert "delete cpu/0 Moved" in said(decide(desired(CLUSTER), here))


def test_what_may_not_leave_a_protected_cluster_is_not_waited_for() -> None:
    held = [replace(app, project=OTHER) for app in APPS]
    found = said(decide(desired(spec(protect=True)), paused({}, *held)))
    assert "wait head Protected" in found
    assert not [line for line in found if "NameInUse" in line or "delete" in line]


OLD = LauncherFile(".raycml/launchers/analytics/cpu-0000000000000000-old.py", at(-9000))


@pytest.mark.parametrize("by_spec", [True, False])
def test_no_launcher_of_a_paused_cluster_is_removed(by_spec: bool) -> None:
    cluster = spec(paused=by_spec)
    pauses = {} if by_spec else {(PROJECT, "analytics"): PAUSE}
    plan = decide(desired(cluster), paused(pauses, *APPS, extra=OLD))
    assert not plan.steps
    going = decide(desired(CLUSTER), paused({}, *APPS, extra=OLD))
    assert [step.name for step in going.steps] == ["remove_launcher"]


def test_no_launcher_of_a_paused_cluster_without_a_spec_is_removed() -> None:
    world = paused({(PROJECT, "analytics"): PAUSE}, *APPS, extra=OLD)
    assert not decide(desired(), world).steps


def test_the_audit_lets_no_write_into_a_paused_cluster() -> None:
    world = paused({(PROJECT, "analytics"): PAUSE}, *APPS, extra=OLD)
    action = RemoveLauncher(OLD.path)
    step = Step(action, "analytics", PROJECT, None, Reason.LAUNCHER_UNUSED, Intent.NOTHING)
    for project, found in ((PROJECT, 1), (OTHER, 0)):
        case = AuditedPlan(
            Plan((replace(step, project=project),)),
            situate(desired(CLUSTER), world, History(), POLICY),
        )
        assert len(list(laws.paused_and_suspended_are_left_alone(case))) == found
