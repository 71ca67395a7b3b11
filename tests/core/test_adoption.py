"""Adoption: what names propose, which mark is written, and what the planner makes of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.adoption.adoption import (
    AdoptionContext,
    adopted,
    adoption,
    foresee,
    objections,
    offer,
    release,
)
from controller.adoption.proposal import Pair, Proposal, propose
from controller.core.audit.laws import audit
from controller.core.model.configuration import configuration
from controller.core.model.desired import DesiredState
from controller.core.model.history import History
from controller.core.model.member import Mark, Member, parse_member, read_mark
from controller.core.model.observed import ObservedApplication, ObservedState, Phase
from controller.core.model.plan import Create, Delete, Plan, Update
from controller.core.situation.drift import patch
from controller.core.situation.situation import situate
from controller.core.spec.fingerprint import ADOPTED, VERSION, is_adopted
from tests.worlds import (
    POLICY,
    PROJECT,
    RUNTIME,
    application,
    at,
    converged,
    decide,
    desired,
    foreign,
    named,
    observed,
    report,
    said,
    spec,
    whole_cluster,
)

CLUSTER = spec()
STATE = desired(CLUSTER)
ANALYTICS = STATE.clusters[0]


def by_hand(subdomain: str, phase: Phase = Phase.RUNNING, **fields: object) -> ObservedApplication:
    """An application of somebody else's making."""
    made = replace(
        foreign(subdomain, phase),
        script="train/node.py",
        cpu=1.0,
        memory=2.0,
        runtime=RUNTIME,
        environment={"THEIRS": "kept"},
        created_at=at(-7200),
    )
    return replace(made, **fields)


def place(text: str) -> Member:
    found = parse_member(text)
    assert found is not None
    return found


def pair(member: str, app: ObservedApplication) -> Pair:
    return Pair(place(member), app)


def taken(member: str, app: ObservedApplication) -> ObservedApplication:
    """The application once it is adopted."""
    made = adoption(ANALYTICS, pair(member, app), POLICY)
    return replace(app, environment=made.environment)


def released(app: ObservedApplication) -> ObservedApplication:
    assert app.mark is not None
    environment = release(app, app.mark)["environment"]
    assert isinstance(environment, dict)
    return replace(app, environment=environment)


def proposed(*apps: ObservedApplication, filled: tuple[Member, ...] = ()) -> dict[str, str]:
    found = propose(ANALYTICS, filled, apps)
    return {str(p.member): p.app.subdomain for p in found.pairs}


def ground(
    *apps: ObservedApplication, state: DesiredState = STATE, from_owner: str | None = None
) -> AdoptionContext:
    return AdoptionContext(state.clusters[0], state, observed(*apps), POLICY, from_owner)


def fields(plan: Plan, member: str) -> list[str]:
    """Names of all that a plan would change of a member, now or later."""
    items = [item for item in (*plan.steps, *plan.waits) if str(item.member) == member]
    return sorted({change.field for item in items for change in item.changes})


# What names propose


def test_names_of_other_tools_are_understood() -> None:
    apps = [by_hand(f"ray-cluster-{tail}") for tail in ("head", "worker-1", "worker-2")]
    assert proposed(*apps) == {
        "head": "ray-cluster-head",
        "cpu/1": "ray-cluster-worker-1",
        "cpu/2": "ray-cluster-worker-2",
    }


@pytest.mark.parametrize(
    ("subdomain", "name", "member"),
    [
        ("ray-analytics-head", "", "head"),
        ("head", "", "head"),
        ("k3x9", "Ray Cluster Head", "head"),
        ("ray-analytics-cpu-7", "", "cpu/7"),
        ("cpu0", "", "cpu/0"),
        ("k3x9", "My_Worker 012", "cpu/12"),
        ("overhead", "", None),
        ("head-of-sales", "", None),
        ("supercpu-1", "", None),
        ("worker", "", None),
        ("worker-123456789012345678901", "", None),
        ("", "", None),
        ("\x1b[31m", "\x00²", None),
    ],
)
def test_whole_words_at_the_end_tell_a_place(subdomain: str, name: str, member: str | None) -> None:
    app = by_hand(subdomain, name=name)
    assert proposed(app) == ({} if member is None else {member: subdomain})


def test_the_clusters_own_family_is_proposed_before_all_others() -> None:
    others = [by_hand("a-head"), by_hand("b-worker-1")]
    assert proposed(*others) == {}
    mine = [by_hand("my-analytics-head"), by_hand("my-analytics-worker-1")]
    assert proposed(*others, *mine) == {
        "head": "my-analytics-head",
        "cpu/1": "my-analytics-worker-1",
    }
    own = by_hand("ray-analytics-head")
    assert proposed(*others, *mine, own) == {"head": "ray-analytics-head"}


def test_families_that_compete_are_left_to_a_person() -> None:
    found = propose(ANALYTICS, (), [by_hand("a-head"), by_hand("b-head")])
    assert found.pairs == ()
    assert found.notes == ("ambiguous families of names (`a`, `b`); choose with --map",)


def test_a_place_that_two_claim_is_left_to_a_person_and_the_rest_is_proposed() -> None:
    apps = [by_hand("x-head"), by_hand("x-worker-1"), by_hand("x-worker1")]
    found = propose(ANALYTICS, (), apps)
    assert [str(p.member) for p in found.pairs] == ["head"]
    assert found.notes == (
        "cpu/1: ambiguous names `x-worker-1` and `x-worker1`; choose with --map",
    )


def test_a_group_with_more_claims_than_room_is_left_to_a_person() -> None:
    apps = [by_hand(f"x-worker-{n}") for n in range(3)]
    found = propose(ANALYTICS, (), apps)
    assert found.pairs == ()
    assert "3 applications match group cpu, which has 2 free members" in found.notes[0]
    assert proposed(*apps[:2], filled=(place("cpu/9"),)) == {}


def test_a_place_that_is_filled_is_not_offered() -> None:
    assert proposed(by_hand("x-head"), filled=(place("head"),)) == {}


def test_worker_means_a_group_only_where_there_is_one() -> None:
    group = {"groupName": "gpu", "replicas": 2, "resources": {"cpu": 1, "memory": 4}}
    both = [CLUSTER.spec.worker_group_specs[0].model_dump(by_alias=True), group]
    two = desired(spec(workerGroupSpecs=both)).clusters[0]
    found = propose(two, (), [by_hand("x-worker-1"), by_hand("x-gpu-1")])
    assert [str(p.member) for p in found.pairs] == ["gpu/1"]


def test_what_was_released_is_known_by_its_launcher_whatever_its_name() -> None:
    app = replace(application(CLUSTER, "cpu/1"), subdomain="odd", name="odd")
    bare = replace(app, environment={"RAYCML_MEMBER": "cpu/1"})
    assert proposed(bare) == {"cpu/1": "odd"}
    assert proposed(replace(bare, script="train/node.py")) == {}


@given(st.permutations([f"x-worker-{n}" for n in range(4)] + ["x-head", "y-head", "x-worker1"]))
def test_the_order_of_a_list_does_not_matter(names: list[str]) -> None:
    found = propose(ANALYTICS, (), [by_hand(name) for name in names])
    assert found == propose(ANALYTICS, (), [by_hand(name) for name in sorted(names)])


def test_workers_that_are_numbered_by_a_time_are_members_in_the_order_of_their_numbers() -> None:
    late, early = by_hand("ray-worker-1764100007"), by_hand("ray-worker-1764100000")
    head = by_hand("ray-cluster-head")
    assert proposed(late, head, early) == {
        "head": "ray-cluster-head",
        "cpu/0": "ray-worker-1764100000",
        "cpu/1": "ray-worker-1764100007",
    }
    found = propose(ANALYTICS, (), [late, head, early])
    assert [pair.why for pair in found.pairs] == [
        "subdomain says head",
        "number 1764100000, in turn",
        "number 1764100007, in turn",
    ]
    assert proposed(late, filled=(place("cpu/0"),)) == {"cpu/1": "ray-worker-1764100007"}
    beside = by_hand("ray-cluster-cpu-0")
    assert proposed(late, head, beside)["cpu/1"] == "ray-worker-1764100007"
    assert proposed(by_hand("k3", name="Ray_Cluster.CPU-1764100000")) == {"cpu/0": "k3"}


def test_workers_numbered_by_a_time_join_no_head_where_two_could_be_theirs() -> None:
    apps = [by_hand(f"ray-{tail}") for tail in ("a-head", "b-head", "worker-1764100000")]
    found = propose(ANALYTICS, (), apps)
    assert found.pairs == ()
    assert "ambiguous families of names (`ray`, `ray-a`, `ray-b`)" in found.notes[0]


# Kept as adopted


def kept(*apps: tuple[str, ObservedApplication]) -> ObservedState:
    """The world once these applications are adopted as they are."""
    made = [adoption(ANALYTICS, pair(member, app), POLICY, keep=True) for member, app in apps]
    return observed(*(replace(each.app, environment=each.environment) for each in made))


def theirs(**fields: object) -> list[tuple[str, ObservedApplication]]:
    names = {"head": "ray-cluster-head", "cpu/0": "ray-worker-17", "cpu/1": "ray_Worker.18"}
    return [(member, by_hand(name, **fields)) for member, name in names.items()]


@given(
    st.fixed_dictionaries(
        {
            "cpu": st.floats(0, 2000),
            "memory": st.floats(0, 5000),
            "gpu": st.integers(0, 99),
            "runtime": st.text(max_size=20),
            "script": st.text(max_size=20),
            "public": st.booleans(),
        }
    )
)
def test_a_cluster_that_was_adopted_as_it_is_has_an_empty_plan_whatever_it_runs(
    fields: dict[str, object],
) -> None:
    world = kept(*theirs(**fields))
    found = decide(STATE, world)
    assert said(found) == []
    assert not audit(situate(STATE, world, History(), POLICY), found)


def test_any_change_of_the_spec_updates_every_member_that_was_kept() -> None:
    world = kept(*theirs())
    changed = desired(spec(headGroupSpec={"resources": {"cpu": 3, "memory": 8}}))
    members = {
        str(item.member) for item in (*decide(changed, world).steps, *decide(changed, world).waits)
    }
    assert {"head", "cpu/0", "cpu/1"} <= members
    assert decide(STATE, world) == Plan((), ())


def test_a_cluster_is_kept_as_a_whole_or_not_at_all() -> None:
    own = ("cpu/1", application(CLUSTER, "cpu/1"))
    members = [("head", by_hand("ray-cluster-head")), ("cpu/0", by_hand("ray-worker-17"))]
    world = kept(*members)
    beside = observed(*world.projects[PROJECT].applications, own[1])
    assert fields(decide(STATE, beside), "cpu/0")
    without_head = kept(members[1])
    assert "create head Missing" in said(decide(STATE, without_head))


def test_a_member_that_is_missing_beside_an_adopted_head_waits_for_a_person() -> None:
    assert said(decide(STATE, kept(*theirs()[:2]))) == ["wait cpu/1 HeadAsAdopted"]


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.STOPPED])
def test_a_kept_member_that_is_down_is_started_again_and_not_changed(phase: Phase) -> None:
    (head, worker, other) = theirs()
    down = ("cpu/0", replace(worker[1], phase=phase))
    found = decide(STATE, kept(head, down, other))
    assert [f"{step.name} {step.member}" for step in found.steps] == ["restart cpu/0"]


def test_an_offer_keeps_only_what_can_stay_as_it_is() -> None:
    pairs = tuple(pair(member, app) for member, app in theirs())
    whole = offer(Proposal(pairs), replace(ground(*(p.app for p in pairs)), keep=True))
    assert [bool(each.mark.kept) for each in whole.adoptions] == [True] * 3
    assert whole.plan == Plan((), ())
    headless = offer(Proposal(pairs[1:]), replace(ground(*(p.app for p in pairs)), keep=True))
    assert [bool(each.mark.kept) for each in headless.adoptions] == [False] * 2
    equal = pair("cpu/1", released(application(CLUSTER, "cpu/1")))
    mixed = offer(
        Proposal((*pairs[:2], equal)),
        replace(ground(*(p.app for p in pairs[:2]), equal.app), keep=True),
    )
    assert [bool(each.mark.kept) for each in mixed.adoptions] == [False] * 3


def test_an_update_of_a_kept_member_takes_the_word_off() -> None:
    app = kept(*theirs()).projects[PROJECT].applications[1]
    assert app.mark is not None
    group = ANALYTICS.group("cpu")
    assert group is not None
    wants = configuration(group, place("cpu/0"), POLICY)
    environment = patch(app, app.mark.variables, wants).fields["environment"]
    assert isinstance(environment, dict)
    assert "RAYCML_KEPT" not in environment
    assert environment["RAYCML_ADOPTED"] == app.id


# Marks and differences


def test_an_equal_application_gets_the_mark_that_a_create_would_have_given() -> None:
    app = application(CLUSTER, "cpu/0")
    bare = released(app)
    assert bare.mark is None
    made = adoption(ANALYTICS, pair("cpu/0", bare), POLICY)
    assert made.changes == ()
    assert made.environment == app.environment


def test_any_other_edition_of_the_right_launcher_is_equal() -> None:
    app = application(CLUSTER, "cpu/0")
    older = replace(app, script=app.script.replace("0123456789.py", "ffffffffff.py"))
    assert adoption(ANALYTICS, pair("cpu/0", released(older)), POLICY).changes == ()


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("cpu", 3.0, "cpu"),
        ("memory", 15.0, "memory"),
        ("gpu", 1, "gpu"),
        ("runtime", "another", "runtimeIdentifier"),
        ("script", "train/node.py", "launcher"),
        ("script", "", "launcher"),
        ("environment", {"OMP_NUM_THREADS": "9"}, "environment.OMP_NUM_THREADS"),
        ("environment", {}, "environment.OMP_NUM_THREADS"),
    ],
)
def test_whatever_differs_is_named_and_never_taken_for_up_to_date(
    field: str, value: object, shown: str
) -> None:
    app = replace(released(application(CLUSTER, "cpu/0")), **{field: value})
    made = adoption(ANALYTICS, pair("cpu/0", app), POLICY)
    assert [change.field for change in made.changes] == [shown]
    assert is_adopted(made.mark.fingerprint)
    assert made.mark.agreement == ""
    world = observed(*whole_cluster(CLUSTER)[:1], replace(app, environment=made.environment))
    assert shown in fields(decide(STATE, world), "cpu/0")


@given(st.integers(1, 64), st.text("0123456789", min_size=1, max_size=3))
def test_an_adopted_application_is_outdated_under_every_spec(cpu: int, threads: str) -> None:
    app = taken("cpu/0", by_hand("x-worker-0"))
    other = desired(
        spec(workerGroupSpecs__0__resources__cpu=cpu, environment={"OMP_NUM_THREADS": threads})
    )
    seen = decide(other, observed(app))
    assert "launcher" in fields(seen, "cpu/0")


def test_no_spec_has_the_fingerprint_of_an_adopted_application() -> None:
    digits = ADOPTED.removeprefix(f"{VERSION}:")
    assert digits != ADOPTED
    assert not set(digits) <= set("0123456789abcdef")


def test_values_of_variables_and_bytes_of_scripts_do_not_reach_a_preview() -> None:
    app = by_hand("x-head", script="a\x1b[31m.py", environment={"OMP_NUM_THREADS": "s3cret"})
    text = str([str(c) for c in adoption(ANALYTICS, pair("head", app), POLICY).changes])
    assert "s3cret" not in text
    assert "\x1b" not in text
    assert "\\x1b" not in text


def test_a_mark_of_another_place_is_written_over_and_other_variables_are_kept() -> None:
    old = {**application(CLUSTER, "head").environment, "RAYCML_ADOPTED": "x", "RAYCML_KEEP": "1"}
    app = by_hand("x-worker-1", environment={**old, "THEIRS": "kept"})
    made = taken("cpu/1", app)
    assert made.mark is not None
    assert (made.mark.key.member, made.mark.adopted) == (place("cpu/1"), app.id)
    assert made.environment["THEIRS"] == "kept"
    assert made.environment["RAYCML_KEEP"] == "1"


def test_release_removes_the_mark_and_nothing_else() -> None:
    app = taken("head", by_hand("x-head"))
    assert released(app).environment == {"THEIRS": "kept"}
    launched = application(CLUSTER, "cpu/0")
    needed = {"RAYCML_MEMBER": "cpu/0", "RAYCML_AUTH_MODE": "token"}
    assert released(launched).environment == {"OMP_NUM_THREADS": "2", **needed}


def test_an_adopted_mark_reads_back() -> None:
    mark = Mark("o", "c", place("head"), ADOPTED, "x-head", "", (), "id-1")
    assert read_mark(mark.environment(), "x-head") == mark
    plain = replace(mark, adopted="")
    assert "RAYCML_ADOPTED" not in plain.environment()
    assert read_mark(plain.environment(), "x-head") == plain


# What may not be adopted


def refusals(*pairs: Pair, apps: tuple[ObservedApplication, ...] = (), **more: object) -> list[str]:
    return objections(pairs, ground(*apps, *(p.app for p in pairs), **more))  # type: ignore[arg-type]


def test_an_application_of_nobody_may_fill_an_empty_place() -> None:
    assert refusals(pair("head", by_hand("x-head"))) == []


def test_another_owners_mark_is_respected_unless_that_owner_is_named() -> None:
    theirs = application(CLUSTER, "head")
    theirs = replace(theirs, environment={**theirs.environment, "RAYCML_OWNER": "b"})
    (refused,) = refusals(pair("head", theirs))
    assert "--from-owner b" in refused
    assert refusals(pair("head", theirs), from_owner="c") != []
    assert refusals(pair("head", theirs), from_owner="b") == []


def test_ours_in_another_place_must_be_released_first_even_where_we_are_named() -> None:
    app = application(CLUSTER, "cpu/0")
    for named_owner in (None, POLICY.owner):
        (refused,) = refusals(pair("head", app), from_owner=named_owner)
        assert "`raycml release analytics` first" in refused


def test_ours_in_the_very_place_is_no_matter() -> None:
    app = application(CLUSTER, "head")
    assert refusals(pair("head", app)) == []
    found = offer(Proposal((pair("head", app),)), ground(app))
    assert (found.adoptions, found.already) == ((), (pair("head", app),))


def test_a_filled_place_takes_no_second_one() -> None:
    held = application(CLUSTER, "head")
    (refused,) = refusals(pair("head", by_hand("x-head")), apps=(held,))
    assert f"head has an application already: {held.id}" in refused


@pytest.mark.parametrize(
    ("subdomain", "member", "other"),
    [
        ("ray-analytics-cpu-1", "cpu/0", "analytics cpu/1"),
        ("ray-analytics-head", "cpu/0", "analytics head"),
        ("ray-other-head", "head", "other head"),
        ("ray-other-cpu-55", "cpu/0", "other cpu/55"),
    ],
)
def test_the_name_of_another_member_would_be_in_its_way(
    subdomain: str, member: str, other: str
) -> None:
    state = desired(CLUSTER, named("other"))
    (refused,) = refusals(pair(member, by_hand(subdomain)), state=state)
    assert f"has the name of {other}" in refused
    assert refusals(pair("cpu/1", by_hand("ray-analytics-cpu-1")), state=state) == []


def test_more_members_than_replicas_are_refused_for_they_would_be_deleted() -> None:
    new = [pair(f"cpu/{n}", by_hand(f"x-{n}")) for n in (7, 8)]
    assert refusals(*new) == []
    (refused,) = refusals(*new, apps=(application(CLUSTER, "cpu/0"),))
    assert "set `replicas: 3`" in refused


# What the planner makes of it


def adopted_world(*pairs: Pair) -> tuple[ObservedApplication, ...]:
    return tuple(taken(str(p.member), p.app) for p in pairs)


BY_HAND = (
    pair("head", by_hand("ray-cluster-head")),
    pair("cpu/1", by_hand("ray-cluster-worker-1")),
    pair("cpu/2", by_hand("ray-cluster-worker-2")),
)


def test_adopted_applications_fill_their_places_under_the_names_that_they_have() -> None:
    plan = decide(STATE, observed(*adopted_world(*BY_HAND)))
    assert not [s for s in plan.steps if isinstance(s.action, Create | Delete)]
    members = {str(item.member) for item in (*plan.steps, *plan.waits) if item.member}
    assert members == {"head", "cpu/1", "cpu/2"}


def test_the_preview_is_the_plan_of_the_world_with_the_marks() -> None:
    world = observed(*(p.app for p in BY_HAND))
    made = [adoption(ANALYTICS, p, POLICY) for p in BY_HAND]
    shown = foresee(STATE, world, made, POLICY)
    assert shown.steps == decide(STATE, adopted(world, made)).steps
    assert [s for s in shown.steps if s.member]


def test_a_converged_world_that_was_released_and_adopted_has_an_empty_plan() -> None:
    world = converged(CLUSTER)
    bare = [released(app) for app in world.projects[PROJECT].applications]
    pairs = propose(ANALYTICS, (), bare).pairs
    assert len(pairs) == 3
    made = [adoption(ANALYTICS, p, POLICY) for p in pairs]
    again = adopted(observed(*bare, reports=tuple(world.reports.values())), made)
    assert said(decide(STATE, again)) == []


def test_a_process_that_runs_something_else_than_its_configuration_is_still_restarted() -> None:
    apps = whole_cluster(CLUSTER)
    old = report(CLUSTER, "head", "cpu/0", "cpu/1", cpu_0="v1:0000000000000000")
    back = [taken(str(a.mark.member), released(a)) for a in apps if a.mark]
    assert said(decide(STATE, observed(*back, reports=(old,)))) == ["restart cpu/0 Stale"]


def test_an_update_of_an_adopted_application_keeps_its_own_subdomain_in_the_mark() -> None:
    app = taken("cpu/1", by_hand("x-worker-1", Phase.STOPPED))
    group = ANALYTICS.group("cpu")
    assert group is not None
    assert app.mark is not None
    update = patch(app, app.mark.variables, configuration(group, place("cpu/1"), POLICY))
    environment = update.fields["environment"]
    assert isinstance(environment, dict)
    mark = read_mark(environment, "x-worker-1")
    assert mark is not None
    assert (mark.fingerprint, mark.adopted) == (group.fingerprint, app.id)
    assert environment["THEIRS"] == "kept"
    plan = decide(STATE, observed(*whole_cluster(CLUSTER)[:2], app))
    assert next(type(s.action) for s in plan.steps if str(s.member) == "cpu/1") is Update


def test_a_copy_of_an_adopted_application_never_fills_the_place_however_careful() -> None:
    app = taken("head", by_hand("x-head"))
    copy = {**app.environment, "RAYCML_SUBDOMAIN": "my-copy"}
    twin = replace(app, id="twin", subdomain="my-copy", name="my-copy", environment=copy)
    for world in (observed(app, twin), observed(twin)):
        plan = decide(STATE, world)
        deleted = [s.application_id for s in plan.steps if isinstance(s.action, Delete)]
        assert deleted == ["twin"]


@pytest.mark.parametrize(
    ("phase", "leaves"),
    [(Phase.RUNNING, "id-ray-analytics-head"), (Phase.FAILED, "foreign-x-head")],
)
def test_of_two_in_one_place_the_oldest_healthy_one_stays(phase: Phase, leaves: str) -> None:
    app = taken("head", by_hand("x-head", phase))
    plan = decide(STATE, observed(app, application(CLUSTER, "head")))
    steps = [s for s in plan.steps if isinstance(s.action, Delete)]
    assert [(s.application_id, str(s.reason)) for s in steps] == [(leaves, "Duplicate")]


def test_an_ordinal_whose_name_an_adopted_application_has_is_passed_over() -> None:
    head, *_ = whole_cluster(CLUSTER)
    app = taken("cpu/1", by_hand("ray-analytics-cpu-0"))
    plan = decide(STATE, observed(head, app))
    created = [s.action.configuration.name for s in plan.steps if isinstance(s.action, Create)]
    assert created == ["ray-analytics-cpu-2"]


def test_a_head_whose_name_an_adopted_application_has_waits_for_a_person() -> None:
    app = taken("cpu/1", by_hand("ray-analytics-head"))
    plan = decide(STATE, observed(app))
    (wait,) = [w for w in plan.waits if str(w.member) == "head"]
    assert str(wait.reason) == "NameConflict"
    assert "was adopted as analytics cpu/1" in wait.message


def test_the_audit_refuses_a_second_application_of_an_adopted_member() -> None:
    app = taken("head", by_hand("x-head"))
    made = decide(STATE, observed())
    broken = audit(situate(STATE, observed(app), History(), POLICY), made)
    assert any("which has an application" in one.message for one in broken)
    assert audit(situate(STATE, observed(), History(), POLICY), made) == ()
