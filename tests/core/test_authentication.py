"""The mode of a cluster: by its spec, and by the editions of raycml that made its members.

A node of an edition before tokens starts without one, whatever its head says; a node of this
edition follows its head.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import product

import pytest
from pydantic import ValidationError

from controller.core.model.configuration import launcher_settings
from controller.core.model.history import History
from controller.core.model.member import AUTH_MODE
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import Create, Plan, Update
from controller.core.situation.authentication import auth_mode
from controller.core.situation.situation import situate
from controller.core.spec.fingerprint import agreement, fingerprint
from controller.core.spec.spec import RayCluster
from controller.core.status.assess import assess
from tests.worlds import (
    EDITION,
    POLICY,
    all_files,
    application,
    converged,
    decide,
    desired,
    observed,
    report,
    said,
    spec,
    whole_cluster,
)

CLUSTER = spec()
OLD_RAY = spec(rayVersion="2.44.1")
EXPLICIT = spec(authOptions={"mode": "token"})
OFF = spec(authOptions={"mode": "disabled"})
MEMBERS = ("head", "cpu/0", "cpu/1")
# What the mark of a member says; `old`: configured by an edition before tokens.
OLD, TOKEN, DISABLED, ABSENT = "old", "token", "disabled", "absent"


def made(cluster: RayCluster, member: str, mark: str, **overrides: object) -> ObservedApplication:
    app = application(cluster, member, **overrides)  # type: ignore[arg-type]
    others = {name: value for name, value in app.environment.items() if name != AUTH_MODE}
    own = {} if mark == OLD else {AUTH_MODE: mark}
    return replace(app, environment={**others, **own})


def apps(cluster: RayCluster, *marks: str) -> list[ObservedApplication]:
    pairs = zip(MEMBERS, marks, strict=True)
    return [made(cluster, member, mark) for member, mark in pairs if mark != ABSENT]


def mode(cluster: RayCluster, existing: Iterable[ObservedApplication]) -> str:
    return auth_mode(desired(cluster).clusters[0], existing)


def configured(decision: Plan) -> dict[str, str]:
    """The modes that the plan writes, by member."""
    modes = {}
    for step in decision.steps:
        match step.action:
            case Create(configuration):
                modes[str(step.member)] = configuration.environment.get(AUTH_MODE, "")
            case Update():
                variables = step.action.merged_into({})["environment"]
                assert isinstance(variables, dict)
                modes[str(step.member)] = variables.get(AUTH_MODE, "")
    return modes


@pytest.mark.parametrize("marks", [*product((OLD, TOKEN, DISABLED, ABSENT), repeat=3)])
def test_a_token_is_the_default_only_where_every_member_of_the_cluster_can_show_it(
    marks: tuple[str, ...],
) -> None:
    expected = DISABLED if {OLD, DISABLED} & {*marks} else TOKEN
    assert mode(CLUSTER, apps(CLUSTER, *marks)) == expected


@pytest.mark.parametrize("marks", [*product((OLD, TOKEN, DISABLED), repeat=3)])
def test_a_mode_restarts_nothing_whatever_the_marks_of_a_cluster_say(
    marks: tuple[str, ...],
) -> None:
    existing = apps(CLUSTER, *marks)
    world = observed(*existing, reports=(report(CLUSTER, *MEMBERS),), files=all_files(*existing))
    assert said(decide(desired(CLUSTER), world)) == []


@pytest.mark.parametrize(
    ("cluster", "existing", "expected"),
    [
        (CLUSTER, apps(OLD_RAY, OLD, OLD, OLD), TOKEN),  # they cannot join before they are updated
        (CLUSTER, apps(OLD_RAY, DISABLED, DISABLED, DISABLED), TOKEN),
        (CLUSTER, apps(OFF, DISABLED, DISABLED, DISABLED), TOKEN),
        (CLUSTER, [*apps(OLD_RAY, OLD, OLD, ABSENT), made(CLUSTER, "cpu/1", TOKEN)], TOKEN),
        (CLUSTER, [*apps(OLD_RAY, OLD, OLD, ABSENT), made(CLUSTER, "cpu/1", OLD)], DISABLED),
        (CLUSTER, [made(CLUSTER, "cpu/1", OLD, project="elsewhere")], TOKEN),
        (OLD_RAY, [], DISABLED),
        (EXPLICIT, apps(CLUSTER, OLD, OLD, OLD), TOKEN),
        (OFF, [], DISABLED),
    ],
)
def test_members_that_cannot_join_do_not_decide_and_a_spec_that_names_the_mode_does(
    cluster: RayCluster, existing: list[ObservedApplication], expected: str
) -> None:
    assert mode(cluster, existing) == expected


def test_an_old_worker_of_a_group_that_is_leaving_counts() -> None:
    gone = made(spec(workerGroupSpecs__0__groupName="gone"), "gone/0", OLD)
    assert mode(CLUSTER, [gone]) == DISABLED


def test_a_new_cluster_is_created_with_the_same_mode_for_every_member() -> None:
    decision = decide(desired(CLUSTER), observed(files=all_files()))
    assert configured(decision) == dict.fromkeys(MEMBERS, TOKEN)


def test_a_head_of_old_workers_that_is_updated_or_lost_starts_without_a_token() -> None:
    workers = apps(CLUSTER, ABSENT, OLD, OLD)
    world = observed(*workers, files=all_files(*workers))
    assert configured(decide(desired(CLUSTER), world)) == {"head": DISABLED}
    head = made(CLUSTER, "head", OLD, phase=Phase.STOPPED)
    world = observed(head, *workers, files=all_files(head, *workers))
    larger = spec(headGroupSpec__resources__memory="16Gi")
    assert configured(decide(desired(larger), world))["head"] == DISABLED


def test_a_worker_that_is_added_to_an_old_cluster_says_so_in_its_mark() -> None:
    existing = apps(CLUSTER, OLD, OLD, ABSENT)
    world = observed(*existing, files=all_files(*existing))
    assert configured(decide(desired(CLUSTER), world)) == {"cpu/1": DISABLED}


@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.STOPPED])
def test_a_spec_that_names_the_mode_recreates_the_whole_cluster_and_the_plan_says_why(
    phase: Phase,
) -> None:
    existing = [replace(app, phase=phase) for app in apps(CLUSTER, OLD, OLD, OLD)]
    world = observed(*existing, files=all_files(*existing))
    decision = decide(desired(EXPLICIT), world)
    assert {str(step.member) for step in decision.steps if step.member} == {*MEMBERS}
    changes = {change for step in decision.steps for change in step.changes}
    assert {(c.field, c.was, c.wants) for c in changes} == {
        ("authOptions.mode", "disabled", "token")
    }
    if phase is Phase.STOPPED:
        assert configured(decision) == dict.fromkeys(MEMBERS, TOKEN)


def test_the_plan_of_a_new_ray_says_that_clients_will_need_a_token() -> None:
    existing = apps(OLD_RAY, OLD, OLD, OLD)
    decision = decide(desired(CLUSTER), observed(*existing, files=all_files(*existing)))
    changes = {change.field for step in decision.steps for change in step.changes}
    assert changes == {"Ray version or interpreter", "authOptions.mode"}


def test_only_a_mode_that_a_spec_names_counts_in_fingerprint_agreement_and_launcher() -> None:
    [plain, named, off] = [desired(each).clusters[0].groups[0] for each in (CLUSTER, EXPLICIT, OFF)]
    inputs = [plain.inputs, named.inputs, off.inputs]
    assert len({*map(fingerprint, inputs)}) == len({*map(agreement, inputs)}) == 3
    built = [replace(each, built_python="3.11") for each in inputs]
    assert len({*map(agreement, built)}) == 3
    settings = [json.loads(launcher_settings(each, EDITION)) for each in (plain, named, off)]
    assert [each.get("auth_mode") for each in settings] == [None, "token", "disabled"]


def test_a_token_with_a_ray_that_has_none_is_refused_with_the_place_and_the_remedy() -> None:
    with pytest.raises(ValidationError) as refused:
        spec(rayVersion="2.51.2", authOptions={"mode": "token"})
    [fault] = refused.value.errors()
    assert fault["loc"][-2:] == ("authOptions", "mode")
    assert "set rayVersion to 2.52 or newer, or `mode: disabled`" in fault["msg"]
    assert spec(rayVersion="2.51.2", authOptions={"mode": "disabled"})


@pytest.mark.parametrize(
    ("cluster", "reported", "ray", "reason"),
    [
        (CLUSTER, TOKEN, "2.60.0", None),
        (CLUSTER, "", "2.60.0", "CreatedWithoutToken"),
        (CLUSTER, DISABLED, "2.60.0", "CreatedWithoutToken"),
        (CLUSTER, DISABLED, "of another kind", "CreatedWithoutToken"),
        (OFF, DISABLED, "2.60.0", "DisabledBySpec"),
        (OLD_RAY, DISABLED, "2.44.1", "RayHasNoTokens"),
    ],
)
def test_a_cluster_without_a_token_is_said_by_a_condition_with_the_remedy(
    cluster: RayCluster, reported: str, ray: str, reason: str | None
) -> None:
    alive = replace(report(cluster, *MEMBERS), auth_mode=reported, ray_version=ray)
    world = observed(*whole_cluster(cluster), reports=(alive,))
    state = situate(desired(cluster), world, History(), POLICY)
    [status] = assess(state, Plan()).clusters
    condition = status.condition("AuthenticationDisabled")
    assert (None if condition is None else condition.reason) == reason
    assert condition is None or ("; set " in condition.message and condition.status == "True")


def test_a_cluster_that_does_not_report_is_not_said_to_be_open() -> None:
    state = situate(desired(CLUSTER), observed(*whole_cluster(CLUSTER)), History(), POLICY)
    [status] = assess(state, Plan()).clusters
    assert status.condition("AuthenticationDisabled") is None
    [status] = assess(
        situate(desired(CLUSTER), converged(CLUSTER), History(), POLICY), Plan()
    ).clusters
    assert status.condition("AuthenticationDisabled") is None
