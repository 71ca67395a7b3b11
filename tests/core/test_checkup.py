"""Bounds of the checks of `raycml doctor`, on given answers."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from controller.clock import SystemClock
from controller.cml.inspector import WholeList
from controller.core.model.observed import Listed, ObservedProject
from controller.core.model.offers import OfferedRuntime
from controller.core.model.project import Amounts, ProjectSeen, Quota
from controller.core.spec.revision import Revision, SpecDocument
from controller.core.spec.spec import RayCluster
from controller.doctor import state
from controller.doctor.checks.capacity import (
    gpus_of_one,
    largest_node,
    nodes,
    offered_runtimes,
    quota,
    runtimes,
    user_quota,
)
from controller.doctor.checks.connection import (
    PING,
    api_result,
    api_version,
    calls,
    clock,
    host,
    key_result,
    key_user,
)
from controller.doctor.checks.files import write_result
from controller.doctor.checks.project import access, shared_memory
from controller.doctor.checks.system import git_version
from controller.doctor.checkup import CHECKS, examine
from controller.doctor.probe import ApiCall, NoAnswerError, Probe
from controller.doctor.result import (
    Cause,
    CheckResult,
    CheckStatus,
    bad,
    counts,
    warning,
    worst,
)
from controller.process.system import System
from controller.settings import Settings
from controller.terminal.screen import Screen

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
IMAGE = "registry/ml-runtime-python3.11-standard:1"
NO = NoAnswerError("there is no answer")
HOME = ProjectSeen("aaaa-bbbb-cccc-dddd", "demo", 4096, may_write=True)
Answers = Mapping[Callable[[Probe], object], object]


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


ANSWERS: Answers = {
    state.settings: (Settings(), ()),
    state.specs: spec(),
    git_version: "git version 2.43.0",
    host: "cml.example.com",
    calls: (),
    api_version: "26.06.13",
    key_user: "jdoe",
    state.projects: {None: HOME},
    state.listings: {HOME.id: WholeList(ObservedProject(HOME.id), ())},
    offered_runtimes: (OfferedRuntime(IMAGE, "ENABLED"),),
    user_quota: NO,
    largest_node: NO,
    gpus_of_one: NO,
    state.project_files: NO,
    state.reports: {},
    state.launchers: {HOME.id: ()},
    state.pauses: {HOME.id: {}},
}


def probe(answers: Answers) -> Probe:
    """A probe that has these answers besides the usual ones, and no connection for others."""
    machine = System({}, SystemClock(), random.Random(3))
    screen = Screen(machine, plain=True, verbose=False)
    return Probe(screen, NO, answers={**ANSWERS, **answers})


def only(found: list[CheckResult]) -> CheckResult:
    (one,) = found
    return one


def skewed(skews: list[float]) -> Answers:
    return {calls: tuple(ApiCall(PING, 0.1, skew_s=s) for s in skews)}


@pytest.mark.parametrize(
    ("skews", "result"),
    [
        ([], CheckStatus.UNKNOWN),
        ([5.0], CheckStatus.GOOD),
        ([-5.1], CheckStatus.WARNING),
        ([20.0], CheckStatus.WARNING),
        ([20.1], CheckStatus.BAD),
        ([0.1, 0.2, 3600.0], CheckStatus.GOOD),  # one answer from a cache does not count
    ],
)
def test_clocks_may_differ_by_so_much(skews: list[float], result: CheckStatus) -> None:
    assert only(list(clock(probe(skewed(skews))))).status is result


def test_the_bound_of_clocks_follows_the_freshness_of_reports() -> None:
    patient = {**skewed([25.0]), state.settings: (Settings(report_fresh_s=60.0), ())}
    assert only(list(clock(probe(patient)))).status is CheckStatus.WARNING


OK = ApiCall(PING, 0.010)
LOST = ApiCall(PING, 5.0, "Unavailable")
REFUSED = ApiCall(PING, 0.2, "Unauthorized", 401)
PAGE = ApiCall(PING, 0.2, "Unauthorized", 302)
UNLIKE = ApiCall(PING, 0.2, "Malformed", 404)
DOWN = NoAnswerError("no route", "Unavailable")


@pytest.mark.parametrize(
    ("samples", "specification", "result"),
    [
        ([OK] * 5, "26.06.13", CheckStatus.GOOD),
        ([OK] * 5, DOWN, CheckStatus.GOOD),
        ([REFUSED] * 5, "26.06.13", CheckStatus.GOOD),  # it answers; the key is another matter
        ([REFUSED] * 5, DOWN, CheckStatus.GOOD),
        ([OK, LOST, OK], "26.06.13", CheckStatus.WARNING),
        ([replace(OK, seconds=1.1)], "26.06.13", CheckStatus.WARNING),
        ([PAGE] * 5, "26.06.13", CheckStatus.GOOD),
        ([PAGE] * 5, NO, CheckStatus.BAD),
        ([UNLIKE] * 5, NO, CheckStatus.BAD),
        ([LOST], DOWN, CheckStatus.BAD),
        ([], DOWN, CheckStatus.BAD),
    ],
)
def test_what_reach_means(
    samples: list[ApiCall], specification: str | NoAnswerError, result: CheckStatus
) -> None:
    found = api_result("cml.example.com", samples, specification)
    assert found.status is result
    assert (found.cause is Cause.UNREACHABLE) == (result is CheckStatus.BAD)


def test_latency_is_the_median_of_answers() -> None:
    slow = [replace(OK, seconds=9.0), OK, OK, replace(OK, seconds=0.02)]
    assert "15 ms (median of 4)" in api_result("cml", slow, "26.06.13").message


@pytest.mark.parametrize(
    ("found", "samples", "result", "words"),
    [
        ("jdoe", [], CheckStatus.GOOD, "jdoe"),
        (
            NoAnswerError("x", "Malformed", 404),
            [OK],
            CheckStatus.GOOD,
            "does not report its audience",
        ),
        (NoAnswerError("x", "NotFound", 404), [REFUSED], CheckStatus.BAD, "wrong, expired"),
        (
            NoAnswerError("x", "NotFound", 404),
            [replace(REFUSED, status=403)],
            CheckStatus.BAD,
            "audience",
        ),
        (NoAnswerError("x", "Unavailable"), [OK], CheckStatus.UNKNOWN, "not checked"),
    ],
)
def test_a_key_is_judged_even_where_the_server_has_no_question_for_it(
    found: str | NoAnswerError, samples: list[ApiCall], result: CheckStatus, words: str
) -> None:
    judged = key_result(found, samples)
    assert judged.status is result
    assert words in judged.message


@pytest.mark.parametrize(
    ("project", "listing", "result", "cause"),
    [
        (HOME, ObservedProject(HOME.id), CheckStatus.GOOD, Cause.OTHER),
        (replace(HOME, may_write=None), ObservedProject(HOME.id), CheckStatus.GOOD, Cause.OTHER),
        (replace(HOME, may_write=False), ObservedProject(HOME.id), CheckStatus.BAD, Cause.KEY),
        (HOME, ObservedProject(HOME.id, listed=Listed.TORN), CheckStatus.WARNING, Cause.OTHER),
        (HOME, NoAnswerError("no", "Unauthorized", 403), CheckStatus.BAD, Cause.KEY),
        (HOME, NoAnswerError("no", "Unavailable"), CheckStatus.UNKNOWN, Cause.OTHER),
        (NoAnswerError("no", "Unauthorized", 403), NO, CheckStatus.BAD, Cause.KEY),
        (NoAnswerError("several", "Rejected"), NO, CheckStatus.BAD, Cause.OTHER),
        (NoAnswerError("gone", "NotFound", 404), NO, CheckStatus.BAD, Cause.OTHER),
    ],
)
def test_access_to_a_project(
    project: ProjectSeen | NoAnswerError,
    listing: ObservedProject | NoAnswerError,
    result: CheckStatus,
    cause: Cause,
) -> None:
    seen = listing if isinstance(listing, NoAnswerError) else WholeList(listing, ())
    answers = {state.projects: {None: project}, state.listings: {HOME.id: seen}}
    found = only(list(access(probe(answers))))
    assert (found.status, found.cause) == (result, cause)


@pytest.mark.parametrize(
    ("limit", "store", "result"),
    [
        (None, "", CheckStatus.UNKNOWN),
        (0, "", CheckStatus.WARNING),  # unset: the default of 64 MB
        (79, "", CheckStatus.WARNING),
        (5425, "", CheckStatus.WARNING),  # the default store: 30 % of the head's 16 GiB
        (5426, "", CheckStatus.GOOD),
        (4522, str(4096 * 2**20), CheckStatus.GOOD),
        (4521, str(4096 * 2**20), CheckStatus.WARNING),
    ],
)
def test_shared_memory_against_object_stores(
    limit: int | None, store: str, result: CheckStatus
) -> None:
    given = {"rayStartParams": {"object-store-memory": store}} if store else {}
    project = replace(HOME, shared_memory_mb=limit)
    answers = {state.projects: {None: project}, state.specs: spec(**given)}
    assert only(list(shared_memory(probe(answers)))).status is result


@pytest.mark.parametrize(
    ("known", "result"),
    [
        ({IMAGE: "ENABLED"}, CheckStatus.GOOD),
        ({IMAGE: ""}, CheckStatus.GOOD),
        ({IMAGE: "DEPRECATED"}, CheckStatus.WARNING),
        ({IMAGE: "DISABLED"}, CheckStatus.BAD),
        ({}, CheckStatus.BAD),
    ],
)
def test_a_runtime_must_be_there_and_enabled(known: Mapping[str, str], result: CheckStatus) -> None:
    catalogue = tuple(OfferedRuntime(*pair) for pair in known.items())
    assert only(list(runtimes(probe({offered_runtimes: catalogue})))).status is result


def test_a_runtime_that_is_misspelt_is_hinted_at() -> None:
    near = IMAGE.replace(":1", ":2")
    catalogue = (OfferedRuntime(near, "ENABLED"),)
    found = only(list(runtimes(probe({offered_runtimes: catalogue}))))
    assert "did you mean `ml-runtime-python3.11-standard:2`?" in found.fix


@pytest.mark.parametrize(
    ("limit", "used", "results"),
    [
        (Amounts(8, 32, None), Amounts(0, 0), [CheckStatus.GOOD]),
        (Amounts(7.9, 32), Amounts(), [CheckStatus.BAD]),
        (Amounts(7.9, 31), Amounts(), [CheckStatus.BAD, CheckStatus.BAD]),
        (Amounts(10, 40), Amounts(3, 0), [CheckStatus.WARNING]),
        (Amounts(), Amounts(), [CheckStatus.UNKNOWN]),
    ],
)
def test_specs_against_a_quota(limit: Amounts, used: Amounts, results: list[CheckStatus]) -> None:
    found = list(quota(probe({user_quota: Quota(limit, used)})))
    assert [one.status for one in found] == results


@pytest.mark.parametrize(
    ("node", "gpu", "result"),
    [
        (NO, NO, CheckStatus.UNKNOWN),
        (Amounts(4, 16, 0), NO, CheckStatus.BAD),
        (Amounts(4, 16, 1), NO, CheckStatus.GOOD),
        (Amounts(4, 16), 1.0, CheckStatus.GOOD),
        (Amounts(3.9, 16), 1.0, CheckStatus.BAD),
        (NO, 0.0, CheckStatus.BAD),
    ],
)
def test_the_largest_member_against_a_node(
    node: Amounts | NoAnswerError, gpu: float | NoAnswerError, result: CheckStatus
) -> None:
    wants = spec(resources={"cpu": 4, "memory": "16Gi", "gpu": 1})
    answers = {state.specs: wants, largest_node: node, gpus_of_one: gpu}
    assert only(list(nodes(probe(answers)))).status is result


def test_a_project_that_was_not_found_is_the_reason_why_nothing_is_compared() -> None:
    missing = NoAnswerError("there is none", "NotFound")
    results = examine(probe({state.projects: {None: missing}}))
    assert "there is none" in next(r.message for r in results if r.name == "nodes")


def test_a_replacement_through_the_api_is_not_said_to_be_atomic() -> None:
    assert "atomically" in write_result("", atomic=True).message
    assert "upload" in write_result("", atomic=False).message


def test_no_check_stays_without_a_line_whatever_is_unknown() -> None:
    unknown = {question: NO for question in ANSWERS if question is not state.settings}
    unconnected = {**unknown, state.projects: {None: NO}, state.reports: {}}
    reached = {question: ANSWERS[question] for question in (host, calls, api_version, key_user)}
    for answers in ({}, unconnected, {**unconnected, **reached}):
        assert [r.name for r in examine(probe(answers))] == [check.name for check in CHECKS]


def test_one_cause_stands_for_all() -> None:
    found = [bad("", ""), bad("", "", Cause.SPEC), bad("", "", Cause.KEY)]
    assert worst(found) is Cause.KEY
    assert worst(found[:2]) is Cause.SPEC
    assert worst([warning("", "")]) is None
    assert counts(found) == {"good": 0, "warning": 0, "bad": 3, "unknown": 0}
