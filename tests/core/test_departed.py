"""Clusters whose spec is gone: which go by themselves, and which stay for a person to see."""

from dataclasses import replace

import pytest

from controller.core.audit.laws import audit
from controller.core.model.desired import DesiredState, desire
from controller.core.model.history import History
from controller.core.model.plan import Plan
from controller.core.model.policy import Policy
from controller.core.situation.situation import situate
from controller.core.spec.revision import Problem, Revision, SpecDocument
from tests.worlds import (
    POLICY,
    PROJECT,
    all_files,
    decide,
    named,
    observed,
    report,
    said,
    spec,
    whole_cluster,
)

KEPT, LEFT = named("kept"), spec()
APPS = [*whole_cluster(KEPT), *whole_cluster(LEFT)]
WORLD = observed(*APPS, files=all_files(*APPS), reports=(report(KEPT, "head", "cpu/0", "cpu/1"),))
GONE = replace(POLICY, gone=frozenset({"analytics"}))


def state(left: object = LEFT, problems: tuple[Problem, ...] = ()) -> DesiredState:
    here = (SpecDocument(KEPT, "specs/kept.yaml", 1),)
    departed = (SpecDocument(left, "specs/left.yaml", 1),)  # type: ignore[arg-type]
    return desire(Revision(here, problems, "c", "specs", departed), {None: PROJECT}, {})


def decided(desired: DesiredState, policy: Policy) -> Plan:
    found = decide(desired, WORLD, policy=policy)
    assert audit(situate(desired, WORLD, History(), policy), found) == ()
    return found


def test_a_departed_cluster_whose_grace_is_over_is_pruned_and_no_other() -> None:
    assert said(decided(state(), GONE)) == [
        "delete head Pruned",
        "delete cpu/0 Pruned",
        "delete cpu/1 Pruned",
    ]


def test_in_its_grace_it_is_an_orphan() -> None:
    assert said(decided(state(), POLICY)) == ["wait analytics Orphan"]


def test_a_cluster_that_was_never_seen_to_leave_is_an_orphan_whatever_else_goes() -> None:
    nobody = desire(
        Revision((SpecDocument(KEPT, "specs/kept.yaml", 1),), (), "c", "specs"), {None: PROJECT}, {}
    )
    assert said(decided(nobody, GONE)) == ["wait analytics Orphan"]


@pytest.mark.parametrize("field", ["protect", "paused"])
def test_one_that_its_last_spec_protected_or_paused_is_kept_and_that_is_said(field: str) -> None:
    found = decided(state(spec(**{field: True})), GONE)
    assert said(found) == ["wait analytics Protected"]
    assert found.waits[0].message.startswith("its spec is gone; not deleted: its last spec")


def test_nothing_is_pruned_while_a_file_is_broken() -> None:
    broken = state(problems=(Problem("specs/x.yaml", 1, 1, "broken"),))
    assert said(decided(broken, GONE)) == ["wait analytics Orphan"]


def test_a_plan_that_prunes_what_was_not_let_go_is_refused() -> None:
    bold = decide(state(), WORLD, policy=GONE)
    refused = audit(situate(state(), WORLD, History(), POLICY), bold)
    assert len(refused) == 3
    assert all("without a request" in found.message for found in refused)
