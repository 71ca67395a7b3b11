"""Each law refuses a plan that breaks it, whoever made the plan."""

from dataclasses import replace
from pathlib import Path

import pytest

from controller.core.audit import laws
from controller.core.audit.case import AuditedPlan, Law
from controller.core.audit.laws import audit
from controller.core.model.configuration import configuration
from controller.core.model.history import History, MemberHistory
from controller.core.model.member import Key, Member
from controller.core.model.observed import Phase
from controller.core.model.plan import (
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
)
from controller.core.model.reasons import Reason
from controller.core.situation.situation import situate
from tests.worlds import (
    NOW,
    POLICY,
    PROJECT,
    all_files,
    decide,
    desired,
    foreign,
    named,
    observed,
    spec,
    whole_cluster,
)

CLUSTER = spec()
HEAD, CPU_0, CPU_1 = whole_cluster(CLUSTER)
NAMED = CPU_0.script
WORLD = observed(HEAD, CPU_0, files=all_files(HEAD, CPU_0))


def step(action: object, member: str = "cpu", reason: Reason = Reason.OUTDATED) -> Step:
    place = Member("head") if member == "head" else Member(member, 0)
    return Step(action, "analytics", PROJECT, place, reason, Intent.NOTHING)  # type: ignore[arg-type]


def broken(law: Law, *steps: Step, **parts: object) -> list[str]:
    situation = situate(
        parts.get("desired", desired(CLUSTER)),  # type: ignore[arg-type]
        parts.get("observed", WORLD),  # type: ignore[arg-type]
        parts.get("history", History()),  # type: ignore[arg-type]
        parts.get("policy", POLICY),  # type: ignore[arg-type]
    )
    case = AuditedPlan(Plan(tuple(steps)), situation)
    found = list(law(case))
    whole = [
        (v.cluster, v.message) for v in audit(case.situation, case.plan) if v.law == law.__name__
    ]
    assert whole == [(step.cluster, message) for step, message in found]
    return [message for _, message in found]


CREATE = next(s for s in decide(desired(CLUSTER), observed()).steps if isinstance(s.action, Create))


def test_a_change_of_somebody_elses_application_is_refused() -> None:
    world = observed(foreign("theirs"))
    found = broken(laws.only_our_own_is_changed, step(Stop("foreign-theirs")), observed=world)
    assert "lacks the owner's mark" in found[0]


def test_an_id_that_was_not_seen_is_refused() -> None:
    assert (
        "not observed" in broken(laws.only_observed_applications_are_changed, step(Delete("x")))[0]
    )


def test_an_id_seen_in_another_project_is_refused() -> None:
    elsewhere = replace(step(Stop(CPU_0.id)), project="eeee-ffff-0000-1111")
    assert broken(laws.only_observed_applications_are_changed, elsewhere)


def test_a_create_of_a_name_that_exists_is_refused() -> None:
    assert broken(laws.one_application_per_member, CREATE)


def test_two_creates_of_one_name_are_refused() -> None:
    assert broken(laws.one_application_per_member, CREATE, CREATE, observed=observed())


def test_a_delete_on_a_torn_list_is_refused() -> None:
    torn = observed(CPU_0, complete=False)
    assert broken(laws.absences_are_understood, step(Delete(CPU_0.id)), observed=torn)


def test_a_delete_in_a_frozen_cluster_is_refused() -> None:
    frozen = replace(desired(), frozen={"analytics": "its spec cannot be read"})
    assert broken(laws.absences_are_understood, step(Delete(CPU_0.id)), desired=frozen)


@pytest.mark.parametrize("whole", [True, False])
def test_a_prune_that_nobody_asked_for_is_refused(whole: bool) -> None:
    gone = step(Delete(CPU_0.id), reason=Reason.PRUNED)
    assert broken(laws.absences_are_understood, gone, desired=desired(whole=whole))
    pruning = replace(POLICY, prune=True)
    found = broken(laws.absences_are_understood, gone, desired=desired(whole=whole), policy=pruning)
    assert bool(found) is not whole


def test_a_create_without_its_launcher_is_refused() -> None:
    assert broken(laws.launchers_outlive_applications, CREATE, observed=observed())


def test_the_removal_of_a_launcher_that_is_named_is_refused() -> None:
    gone = replace(step(RemoveLauncher(NAMED)), member=None)
    assert broken(laws.launchers_outlive_applications, gone)


def test_a_second_create_while_the_first_may_not_show_is_refused() -> None:
    assert CREATE.key is not None
    known = MemberHistory(created_id="new", created_at=NOW)
    lost = MemberHistory(created_id=None, created_at=NOW)
    for each in (known, lost):
        history = History(members={CREATE.key: each})
        assert broken(laws.unknown_is_resolved_by_looking, CREATE, history=history)
    other = History(members={Key("b", Member("head")): known})
    assert not broken(laws.unknown_is_resolved_by_looking, CREATE, history=other)


def test_a_write_in_a_paused_cluster_is_refused() -> None:
    still = desired(spec(paused=True))
    found = broken(laws.paused_and_suspended_are_left_alone, step(Stop(CPU_0.id)), desired=still)
    assert "paused" in found[0]


def test_a_restart_in_a_suspended_cluster_is_refused_and_a_stop_is_not() -> None:
    resting = desired(spec(suspend=True))
    law = laws.paused_and_suspended_are_left_alone
    assert broken(law, step(Restart(CPU_0.id)), desired=resting)
    assert not broken(law, step(Stop(CPU_0.id)), desired=resting)


def test_a_protected_cluster_loses_neither_a_member_nor_its_living_head() -> None:
    guarded = desired(spec(protect=True))
    law = laws.the_protected_lose_nothing
    assert broken(law, step(Delete(CPU_0.id)), desired=guarded)
    assert broken(law, step(Stop(HEAD.id), "head"), desired=guarded)
    down = observed(replace(HEAD, phase=Phase.FAILED), files=all_files(HEAD))
    assert not broken(law, step(Restart(HEAD.id), "head"), desired=guarded, observed=down)


def test_an_update_of_a_running_application_is_refused() -> None:
    assert broken(laws.nothing_is_changed_while_it_runs, step(Update(CPU_0.id, {})))


def test_a_restart_of_a_starting_application_is_refused() -> None:
    world = observed(replace(CPU_0, phase=Phase.STARTING))
    found = broken(laws.nothing_is_changed_while_it_runs, step(Restart(CPU_0.id)), observed=world)
    assert "orphan engine" in found[0]


def test_every_law_has_a_test_here() -> None:
    source = Path(__file__).read_text()
    elsewhere = {law.__name__ for law in laws.ENVIRONMENT_LAWS}
    elsewhere |= {laws.files_of_clusters_stay.__name__}  # in test_cluster_folders
    elsewhere |= {law.__name__ for law in laws.SETUP_LAWS}  # in test_audit_setup
    elsewhere |= {law.__name__ for law in laws.DRAINING_LAWS}  # in test_drain
    here = {law.__name__ for law in laws.LAWS} - elsewhere
    assert all(f"laws.{name}" in source for name in here)


def test_many_clusters_are_pruned_at_once_only_where_a_person_agreed() -> None:
    """Law 4 holds for clusters whose grace is over, too."""
    names = ("a", "b", "c")
    gone = [app for name in names for app in whole_cluster(named(name))]
    world = observed(HEAD, CPU_0, *gone, files=all_files(HEAD, CPU_0, *gone))
    state = replace(desired(CLUSTER), departed=dict.fromkeys(names, ""))
    deletes = [
        Step(
            Delete(app.id),
            app.mark.cluster,  # type: ignore[union-attr]
            PROJECT,
            app.mark.member,  # type: ignore[union-attr]
            Reason.PRUNED,
            Intent.DELETE,
        )
        for app in gone
    ]
    law = laws.large_removals_are_agreed
    policy = replace(POLICY, gone=frozenset(names))
    found = broken(law, *deletes, desired=state, observed=world, policy=policy)
    assert "deletion of 3 clusters" in found[0]
    allowed = replace(policy, allow_prune=3)
    assert not broken(law, *deletes, desired=state, observed=world, policy=allowed)
    agreed = replace(state, agreed=frozenset(names[:1]))
    assert not broken(law, *deletes, desired=agreed, observed=world, policy=policy)


def test_nothing_is_configured_while_a_name_has_no_id() -> None:
    create = Create(replace(named_configuration(), unresolved=frozenset({"accelerator"})))
    assert "without the id of its accelerator" in broken(laws.names_are_resolved, step(create))[0]
    update = Update(CPU_0.id, {"cpu": 1.0}, unresolved=frozenset({"runtime"}))
    assert "without the id of its runtime" in broken(laws.names_are_resolved, step(update))[0]
    assert broken(laws.names_are_resolved, step(Create(named_configuration()))) == []


def named_configuration() -> Configuration:
    return configuration(desired(CLUSTER).clusters[0].groups[1], Member("cpu", 0), POLICY)
