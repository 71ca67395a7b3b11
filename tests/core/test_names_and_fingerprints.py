"""Names are injective; fingerprints hold what restarts a member, and nothing else."""

import json
import string
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.configuration import configuration, launcher_path, launcher_settings
from controller.core.model.member import (
    Key,
    Mark,
    Member,
    application_name,
    parse_member,
    read_mark,
)
from controller.core.spec.fingerprint import (
    Inputs,
    agreement,
    canonical,
    fingerprint,
    fingerprint_by,
)
from tests.worlds import EDITION, POLICY, RUNTIME, desired, spec

NAMES = st.from_regex(r"[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,2}", fullmatch=True)
GROUPS = NAMES.filter(lambda g: g != "head")
MEMBERS = st.just(Member("head")) | st.builds(Member, GROUPS, st.integers(0, 9999))

INPUTS = Inputs(4.0, 16.0, 0, {"A": "1"}, RUNTIME, ".venv/bin/python", {"num-cpus": "0"}, "2.60.0")


@given(NAMES, MEMBERS, MEMBERS)
def test_two_members_of_one_cluster_never_share_a_name(
    cluster: str, one: Member, other: Member
) -> None:
    same = application_name(cluster, one) == application_name(cluster, other)
    assert same == (one == other)


@given(NAMES, MEMBERS)
def test_every_name_is_a_subdomain_that_cml_takes(cluster: str, member: Member) -> None:
    name = application_name(cluster, member)
    assert len(name) <= 63
    assert set(name) <= set(string.ascii_lowercase + string.digits + "-")
    assert not name.startswith("-")
    assert "--" not in name


@given(MEMBERS)
def test_a_member_reads_back_from_its_text(member: Member) -> None:
    assert parse_member(str(member)) == member


@given(st.text(max_size=12))
def test_only_what_a_member_writes_is_read_as_one(text: str) -> None:
    found = parse_member(text)
    assert found is None or str(found) == text


@given(NAMES, MEMBERS, st.lists(st.sampled_from(["A", "B_C"]), unique=True))
def test_a_mark_reads_back_and_only_from_its_own_application(
    cluster: str, member: Member, variables: list[str]
) -> None:
    name = application_name(cluster, member)
    mark = Mark("team", cluster, member, "v1:ab", name, "v1:cd", tuple(sorted(variables)))
    assert read_mark(mark.environment(), name) == mark
    assert read_mark(mark.environment(), "a-copy") is None
    assert mark.key == Key(cluster, member)


def test_members_sort_head_first_and_by_number() -> None:
    members = [Member("b", 2), Member("b", 10), Member("head"), Member("a", 0)]
    assert [str(m) for m in sorted(members)] == ["head", "a/0", "b/2", "b/10"]


def test_each_input_of_a_process_changes_its_fingerprint() -> None:
    others = [
        replace(INPUTS, cpu=5.0),
        replace(INPUTS, memory=17.0),
        replace(INPUTS, gpu=1),
        replace(INPUTS, environment={"A": "2"}),
        replace(INPUTS, runtime="other"),
        replace(INPUTS, python="/usr/bin/python3"),
        replace(INPUTS, ray_start_params={}),
        replace(INPUTS, ray_version="2.61.0"),
        replace(INPUTS, labels={"tier": "spot"}),
    ]
    prints = {fingerprint(one) for one in (INPUTS, *others)}
    assert len(prints) == 10


def test_the_released_arithmetic_never_changes() -> None:
    assert fingerprint(INPUTS) == "v1:d3ff72984de23b68"
    assert fingerprint_by("v0", INPUTS) is None


def test_a_field_that_is_not_given_does_not_change_a_fingerprint() -> None:
    assert fingerprint(replace(INPUTS, labels={})) == fingerprint(INPUTS)
    assert '"labels"' not in launcher_settings(desired(spec()).clusters[0].groups[1], EDITION)


def test_key_order_and_number_format_never_change_a_fingerprint() -> None:
    reordered = replace(
        INPUTS, environment=dict(reversed([("A", "1"), ("B", "2")])), cpu=4, memory=16
    )
    assert fingerprint(reordered) == fingerprint(replace(INPUTS, environment={"A": "1", "B": "2"}))


def test_counting_and_guiding_fields_restart_nobody() -> None:
    base = desired(spec()).clusters[0].groups
    for changes in (
        {"workerGroupSpecs__0__replicas": 7},
        {"workerGroupSpecs__0__suspend": True},
        {"upgradeStrategy": {"type": "Recreate", "maxUnavailable": "50%"}},
        {"suspend": True},
        {"paused": True},
        {"protect": True},
    ):
        changed = desired(spec(**changes)).clusters[0].groups
        assert [g.fingerprint for g in changed] == [g.fingerprint for g in base], changes


def test_one_groups_change_leaves_the_fingerprints_of_the_others() -> None:
    base = desired(spec()).clusters[0].groups
    changed = desired(spec(workerGroupSpecs__0__environment={"X": "1"})).clusters[0].groups
    assert changed[0].fingerprint == base[0].fingerprint
    assert changed[1].fingerprint != base[1].fingerprint


def test_nodes_agree_on_ray_and_python_but_not_on_the_edition_of_the_image() -> None:
    cuda = RUNTIME.replace("standard", "cuda")
    assert agreement(replace(INPUTS, runtime=cuda)) == agreement(INPUTS)
    for other in ("2.61.0",):
        assert agreement(replace(INPUTS, ray_version=other)) != agreement(INPUTS)
    newer = RUNTIME.replace("python3.11", "python3.12")
    assert agreement(replace(INPUTS, runtime=newer)) != agreement(INPUTS)


def test_a_launcher_is_named_after_all_that_it_holds() -> None:
    group = desired(spec()).clusters[0].groups[1]
    path = launcher_path(group, EDITION)
    assert path == f".raycml/launchers/analytics/cpu-{group.fingerprint[3:]}-{EDITION}.py"
    assert f'"launcher":"{path}"' in launcher_settings(group, EDITION)


def test_no_variable_of_the_spec_is_written_into_a_launcher() -> None:
    group = desired(spec(environment={"TOKEN": "hush-hush"})).clusters[0].groups[0]
    assert "hush" not in launcher_settings(group, EDITION)


def test_a_configuration_carries_the_mark_and_says_whose_it_is() -> None:
    group = desired(spec()).clusters[0].groups[1]
    made = configuration(group, Member("cpu", 1), POLICY)
    mark = read_mark(made.environment, made.subdomain)
    assert mark is not None
    assert (mark.owner, str(mark.key), mark.variables) == (
        "team",
        "analytics cpu/1",
        ("OMP_NUM_THREADS",),
    )
    assert made.script == launcher_path(group, EDITION)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON)
def test_equal_values_have_equal_canonical_text(value: object) -> None:
    assert canonical(json.loads(canonical(value))) == canonical(value)
