"""The judgements of a check-up at their bounds, where a whole workspace would say too much."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from controller.core.model.observed import ObservedProject
from controller.core.model.policy import Policy
from controller.core.model.project import Amounts, ProjectSeen, Quota
from controller.core.spec.revision import Revision, SpecDocument
from controller.core.spec.spec import RayCluster
from controller.doctor.checks.connection import PING, admission, clock, reach
from controller.doctor.checks.project import files, nodes, projects, quota, runtimes, shared_memory
from controller.doctor.checkup import CHECKS, examine
from controller.doctor.result import Cause, Finding, Result, bad, counts, warning, worst
from controller.doctor.state import Facts, Probe, Sample, Unread

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
IMAGE = "registry/ml-runtime-python3.11-standard:1"
NO = Unread("nobody asked")
HOME = ProjectSeen("aaaa-bbbb-cccc-dddd", "demo", 4096, may_write=True)


def spec(**head: object) -> Revision:
    body = {
        "apiVersion": "raycml/v1",
        "kind": "RayCluster",
        "metadata": {"name": "demo"},
        "spec": {
            "rayVersion": "2.60.0",
            "runtimeIdentifier": IMAGE,
            "headGroupSpec": {"resources": {"cpu": 4, "memory": "16Gi"}, **head},
            "workerGroupSpecs": [
                {"groupName": "w", "replicas": 2, "resources": {"cpu": 2, "memory": "8Gi"}}
            ],
        },
    }
    return Revision(
        (SpecDocument(RayCluster.model_validate(body), "a.yaml", 1),), (), None, "specs"
    )


FACTS = Facts(
    as_of=NOON,
    policy=Policy(owner="me", edition="e"),
    settings=(),
    specs=spec(),
    whole=True,
    git="git version 2.43.0",
    host="cml.example.com",
    samples=(),
    specification="26.06.13",
    key="jdoe",
    projects={None: HOME},
    applications={HOME.id: ObservedProject(HOME.id)},
    open_to_all=frozenset(),
    runtimes={IMAGE: "ENABLED"},
    quota=NO,
    node=NO,
    gpu_of_one=NO,
    probe=NO,
    interpreters={},
    lease=NO,
    reports={},
    launchers={HOME.id: ()},
    pauses={HOME.id: {}},
)


def only(found: list[Finding]) -> Finding:
    (one,) = found
    return one


def told(skews: list[float]) -> Facts:
    return replace(FACTS, samples=tuple(Sample(PING, 0.1, skew_s=s) for s in skews))


@pytest.mark.parametrize(
    ("skews", "result"),
    [
        ([], Result.UNKNOWN),
        ([5.0], Result.GOOD),
        ([-5.1], Result.WARNING),
        ([20.0], Result.WARNING),
        ([20.1], Result.BAD),
        ([0.1, 0.2, 3600.0], Result.GOOD),  # one answer from a cache does not count
    ],
)
def test_clocks_may_differ_by_so_much(skews: list[float], result: Result) -> None:
    assert only(list(clock(told(skews)))).result is result


def test_the_bound_of_clocks_follows_the_freshness_of_reports() -> None:
    patient = replace(told([25.0]), policy=replace(FACTS.policy, report_fresh_s=60.0))
    assert only(list(clock(patient))).result is Result.WARNING


OK = Sample(PING, 0.010)
LOST = Sample(PING, 5.0, "Unavailable")
REFUSED = Sample(PING, 0.2, "Unauthorized", 401)
PAGE = Sample(PING, 0.2, "Unauthorized", 302)
UNLIKE = Sample(PING, 0.2, "Malformed", 404)
DOWN = Unread("no route", "Unavailable")


@pytest.mark.parametrize(
    ("samples", "specification", "result"),
    [
        ([OK] * 5, "26.06.13", Result.GOOD),
        ([OK] * 5, DOWN, Result.GOOD),
        ([REFUSED] * 5, "26.06.13", Result.GOOD),  # it answers; the key is another matter
        ([REFUSED] * 5, DOWN, Result.GOOD),
        ([OK, LOST, OK], "26.06.13", Result.WARNING),
        ([replace(OK, seconds=1.1)], "26.06.13", Result.WARNING),
        ([PAGE] * 5, "26.06.13", Result.GOOD),
        ([PAGE] * 5, NO, Result.BAD),
        ([UNLIKE] * 5, NO, Result.BAD),
        ([LOST], DOWN, Result.BAD),
        ([], DOWN, Result.BAD),
    ],
)
def test_what_reach_means(
    samples: list[Sample], specification: str | Unread, result: Result
) -> None:
    found = reach("cml.example.com", samples, specification)
    assert found.result is result
    assert (found.cause is Cause.UNREACHABLE) == (result is Result.BAD)


def test_latency_is_the_median_of_answers() -> None:
    slow = [replace(OK, seconds=9.0), OK, OK, replace(OK, seconds=0.02)]
    assert "15 ms (median of 4)" in reach("cml", slow, "26.06.13").message


@pytest.mark.parametrize(
    ("found", "samples", "result", "words"),
    [
        ("jdoe", [], Result.GOOD, "jdoe"),
        (Unread("x", "Malformed", 404), [OK], Result.GOOD, "does not tell of its audience"),
        (Unread("x", "NotFound", 404), [REFUSED], Result.BAD, "wrong, expired"),
        (Unread("x", "NotFound", 404), [replace(REFUSED, status=403)], Result.BAD, "audience"),
        (Unread("x", "Unavailable"), [OK], Result.UNKNOWN, "not checked"),
    ],
)
def test_a_key_is_judged_even_where_the_server_has_no_question_for_it(
    found: str | Unread, samples: list[Sample], result: Result, words: str
) -> None:
    judged = admission(found, samples)
    assert judged.result is result
    assert words in judged.message


@pytest.mark.parametrize(
    ("project", "listing", "result", "cause"),
    [
        (HOME, ObservedProject(HOME.id), Result.GOOD, Cause.OTHER),
        (replace(HOME, may_write=None), ObservedProject(HOME.id), Result.GOOD, Cause.OTHER),
        (replace(HOME, may_write=False), ObservedProject(HOME.id), Result.BAD, Cause.KEY),
        (HOME, ObservedProject(HOME.id, complete=False), Result.WARNING, Cause.OTHER),
        (HOME, Unread("no", "Unauthorized", 403), Result.BAD, Cause.KEY),
        (HOME, Unread("no", "Unavailable"), Result.UNKNOWN, Cause.OTHER),
        (Unread("no", "Unauthorized", 403), NO, Result.BAD, Cause.KEY),
        (Unread("several", "Rejected"), NO, Result.BAD, Cause.OTHER),
        (Unread("gone", "NotFound", 404), NO, Result.BAD, Cause.OTHER),
    ],
)
def test_access_to_a_project(
    project: ProjectSeen | Unread, listing: ObservedProject | Unread, result: Result, cause: Cause
) -> None:
    facts = replace(FACTS, projects={None: project}, applications={HOME.id: listing})
    found = only(list(projects(facts)))
    assert (found.result, found.cause) == (result, cause)


@pytest.mark.parametrize(
    ("limit", "store", "result"),
    [
        (None, "", Result.UNKNOWN),
        (0, "", Result.WARNING),  # what nobody set is the default of 64 MB
        (79, "", Result.WARNING),
        (80, "", Result.GOOD),
        (1024, str(1024 * 2**20), Result.GOOD),
        (1024, str(1025 * 2**20), Result.WARNING),
    ],
)
def test_shared_memory_against_object_stores(limit: int | None, store: str, result: Result) -> None:
    given = {"rayStartParams": {"object-store-memory": store}} if store else {}
    project = replace(HOME, shared_memory_mb=limit)
    facts = replace(FACTS, projects={None: project}, specs=spec(**given))
    assert only(list(shared_memory(facts))).result is result


@pytest.mark.parametrize(
    ("known", "result"),
    [
        ({IMAGE: "ENABLED"}, Result.GOOD),
        ({IMAGE: ""}, Result.GOOD),
        ({IMAGE: "DEPRECATED"}, Result.WARNING),
        ({IMAGE: "DISABLED"}, Result.BAD),
        ({}, Result.BAD),
    ],
)
def test_a_runtime_must_be_there_and_enabled(known: Mapping[str, str], result: Result) -> None:
    assert only(list(runtimes(replace(FACTS, runtimes=known)))).result is result


def test_a_runtime_that_is_misspelt_is_hinted_at() -> None:
    near = IMAGE.replace(":1", ":2")
    found = only(list(runtimes(replace(FACTS, runtimes={near: "ENABLED"}))))
    assert "did you mean `ml-runtime-python3.11-standard:2`?" in found.fix


@pytest.mark.parametrize(
    ("limit", "used", "results"),
    [
        (Amounts(8, 32, None), Amounts(0, 0), [Result.GOOD]),
        (Amounts(7.9, 32), Amounts(), [Result.BAD]),
        (Amounts(7.9, 31), Amounts(), [Result.BAD, Result.BAD]),
        (Amounts(10, 40), Amounts(3, 0), [Result.WARNING]),
        (Amounts(), Amounts(), [Result.UNKNOWN]),
    ],
)
def test_specs_against_a_quota(limit: Amounts, used: Amounts, results: list[Result]) -> None:
    found = list(quota(replace(FACTS, quota=Quota(limit, used))))
    assert [one.result for one in found] == results


@pytest.mark.parametrize(
    ("node", "gpu", "result"),
    [
        (NO, NO, Result.UNKNOWN),
        (Amounts(4, 16, 0), NO, Result.BAD),
        (Amounts(4, 16, 1), NO, Result.GOOD),
        (Amounts(4, 16), 1.0, Result.GOOD),
        (Amounts(3.9, 16), 1.0, Result.BAD),
        (NO, 0.0, Result.BAD),
    ],
)
def test_the_largest_member_against_a_node(
    node: Amounts | Unread, gpu: float | Unread, result: Result
) -> None:
    wants = spec(resources={"cpu": 4, "memory": "16Gi", "gpu": 1})
    facts = replace(FACTS, specs=wants, node=node, gpu_of_one=gpu)
    assert only(list(nodes(facts))).result is result


def test_a_project_that_was_not_found_is_the_reason_why_nothing_is_compared() -> None:
    facts = replace(FACTS, projects={None: Unread("there is none", "NotFound")})
    assert "there is none" in only(list(nodes(facts))).message


def test_a_probe_through_the_api_is_not_said_to_be_atomic() -> None:
    assert "one move" in only(list(files(replace(FACTS, probe=Probe())))).message
    assert "upload" in only(list(files(replace(FACTS, probe=Probe(atomic=False))))).message


def test_no_check_stays_without_a_line_whatever_is_unknown() -> None:
    empty = replace(
        FACTS,
        specs=NO,
        git=NO,
        host=NO,
        specification=NO,
        key=NO,
        projects={None: NO},
        applications={"": NO},
        runtimes=NO,
        launchers={"": NO},
        pauses={"": NO},
    )
    for facts in (FACTS, empty):
        assert all(list(check(facts)) for check in CHECKS)
    assert [f.name for f in examine(empty)] == [f.name for f in examine(FACTS)]


def test_one_cause_stands_for_all() -> None:
    found = [bad("a", "", ""), bad("b", "", "", Cause.SPEC), bad("c", "", "", Cause.KEY)]
    assert worst(found) is Cause.KEY
    assert worst(found[:2]) is Cause.SPEC
    assert worst([warning("d", "", "")]) is None
    assert counts(found) == {"good": 0, "warning": 0, "bad": 3, "unknown": 0}
