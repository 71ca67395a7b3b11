"""Launchers come before what names them and go after it."""

import json
from dataclasses import replace

import pytest

from controller.core.audit.laws import audit
from controller.core.model.configuration import launcher_path, launcher_settings, launcher_sizes
from controller.core.model.history import History
from controller.core.model.observed import LauncherFile, ObservedFiles
from controller.core.model.plan import Create, WriteLauncher
from controller.core.situation.situation import situate
from controller.node import render
from tests.worlds import (
    EDITION,
    NOW,
    POLICY,
    PROJECT,
    at,
    converged,
    decide,
    desired,
    observed,
    said,
    spec,
)

CLUSTER = spec()
OLD = ".raycml/launchers/analytics/cpu-0000000000000000-0123456789.py"


def with_files(world: object, *paths: str, age_s: float = 7200) -> object:
    files = tuple(LauncherFile(path, at(-age_s)) for path in paths)
    return replace(world, files=ObservedFiles({PROJECT: files}))  # type: ignore[type-var]


def test_a_launcher_that_an_application_names_is_kept_however_old() -> None:
    world = converged(CLUSTER)
    named = {app.script for app in world.projects[PROJECT].applications}
    assert said(decide(desired(CLUSTER), with_files(world, *named))) == []  # type: ignore[arg-type]
    narrower = observed(*world.projects[PROJECT].applications[:1])
    found = said(decide(desired(), with_files(narrower, *named)))  # type: ignore[arg-type]
    assert found == [
        "remove_launcher analytics LauncherUnused",
        "wait analytics Orphan",
    ]


def test_a_launcher_that_a_spec_would_name_is_kept_without_an_application() -> None:
    resting = spec(suspend=True)
    paths = {app.script for app in converged(CLUSTER).projects[PROJECT].applications}
    assert said(decide(desired(resting), with_files(observed(), *paths))) == []  # type: ignore[arg-type]


def test_files_that_are_no_launchers_are_never_removed() -> None:
    strange = (".raycml/launchers/notes.py", ".raycml/launchers/analytics/notes.txt", "main.py")
    assert said(decide(desired(CLUSTER), with_files(converged(CLUSTER), *strange))) == []  # type: ignore[arg-type]


def test_nothing_is_removed_on_a_torn_list() -> None:
    torn = observed(complete=False)
    found = said(decide(desired(), with_files(torn, OLD)))  # type: ignore[arg-type]
    assert found == []


def test_launchers_of_a_deleted_cluster_go_with_it_once_nothing_is_left_of_it() -> None:
    asked = replace(POLICY, delete=frozenset({"analytics"}), only=frozenset({"analytics"}))
    world = converged(CLUSTER)
    left = said(decide(desired(), with_files(world, OLD, age_s=1), policy=asked))  # type: ignore[arg-type]
    assert not [line for line in left if line.startswith("remove_launcher")]
    gone = said(decide(desired(), with_files(observed(), OLD, age_s=1), policy=asked))  # type: ignore[arg-type]
    assert gone == ["remove_launcher analytics LauncherUnused"]


def test_a_launcher_whose_age_nobody_tells_is_kept_until_it_was_seen_unused_for_an_hour() -> None:
    from controller.core.model.history import History
    from controller.core.planner.memory import remember
    from controller.core.planner.planner import plan

    files = ObservedFiles({PROJECT: (LauncherFile(OLD),)})
    world = replace(converged(CLUSTER), files=files)
    history = remember(situate(desired(CLUSTER), world, History(), POLICY)).history
    assert plan(situate(desired(CLUSTER), world, history, POLICY)).steps == ()
    later = replace(world, as_of=at(3601), reports={})
    history = remember(situate(desired(CLUSTER), later, history, POLICY)).history
    names = [step.name for step in plan(situate(desired(CLUSTER), later, history, POLICY)).steps]
    assert names == ["remove_launcher"]


SETTINGS_SIZE = launcher_sizes(desired(spec()).clusters[0], EDITION, 1000)


@pytest.mark.parametrize(("missing", "phase"), [(0, "whole"), (1, "half"), (900, "half")])
def test_a_launcher_counts_as_written_by_its_size_and_not_by_its_name(
    missing: int, phase: str
) -> None:
    """Half an upload has the full name; it is written anew, and before what names it."""
    policy = replace(POLICY, launcher_base=1000)
    files = tuple(LauncherFile(p, NOW, size - missing) for p, size in SETTINGS_SIZE.items())
    world = observed(files=ObservedFiles({PROJECT: files}))
    plan = decide(desired(spec()), world, policy=policy)
    written = [s.action.path for s in plan.steps if isinstance(s.action, WriteLauncher)]
    assert written == ([] if phase == "whole" else sorted(SETTINGS_SIZE))
    state = desired(spec())
    assert audit(situate(state, world, History(), policy), plan) == ()
    bare = replace(plan, steps=tuple(s for s in plan.steps if isinstance(s.action, Create)))
    assert bool(audit(situate(state, world, History(), policy), bare)) is (missing > 0)


def test_the_size_that_a_launcher_must_have_is_the_one_that_it_gets() -> None:
    cluster = desired(spec()).clusters[0]
    sizes = launcher_sizes(cluster, EDITION, render.base_size())
    for group in cluster.groups:
        settings = json.loads(launcher_settings(group, EDITION))
        assert len(render.launcher(settings).encode()) == sizes[launcher_path(group, EDITION)]
