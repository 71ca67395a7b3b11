"""Decide what to do next.  Pure: the same inputs give the same plan, in whatever order they come.

Emits only steps that are safe now; everything else becomes a wait with a reason.  Clusters are
decided one by one: what is wrong with one never shows in the steps of another.
"""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from controller.core.model.desired import DesiredState, Frozen, launcher_sizes
from controller.core.model.history import History, forget_changed, note_unjoined, notice
from controller.core.model.observed import ObservedState, Phase, key_of
from controller.core.model.plan import (
    Intent,
    Plan,
    RemoveEnvironment,
    RemoveFolder,
    RemoveLauncher,
    Step,
    Wait,
    WriteBuilder,
    WriteLauncher,
)
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason
from controller.core.planner.cluster import decide_cluster
from controller.core.planner.cluster_folders import note_unused_folders, unused_folders
from controller.core.planner.launchers import needed, note_unused, unused
from controller.core.planner.partial_plan import NOTHING, PartialPlan, merge
from controller.core.planner.python_environments.cleanup import (
    named_places,
    note_unused_environments,
    unused_environments,
)
from controller.core.planner.removal import ownerless
from controller.core.situation.past import Past
from controller.core.situation.situation import Case, View, view


def plan(
    desired: DesiredState,
    observed: ObservedState,
    history: History,
    policy: Policy,
    refused: AbstractSet[str] = frozenset(),
) -> Plan:
    """The steps allowed now and the waits.  Clusters that are `refused` have no steps.

    `history` must have taken note of `observed` (see `remember`).  Where `observed.files` is None
    the plan names launchers that may be there already: look, then plan again.
    """
    past = Past(history, policy, observed.as_of)
    views = _views(desired, observed, past)
    drafts = [decide_cluster(seen, observed.projects.get(seen.cluster.project)) for seen in views]
    drafts += [_frozen(name, desired.frozen[name]) for name in sorted(desired.frozen)]
    drafts += [_kept(seen.cluster.name, desired) for seen in views]
    drafts.append(ownerless(desired, observed, past))
    made = _without(refused, merge(drafts))
    steps = needed(made.steps, observed, _sizes(views, observed, policy))
    steps = (*steps, *unused(desired, observed, past, steps))
    steps = (*steps, *unused_environments(desired, observed, past))
    steps = (*steps, *unused_folders(desired, observed, past))
    steps = tuple(step for step in steps if step.cluster not in refused)
    return Plan(tuple(sorted(steps, key=_step_order)), tuple(sorted(made.waits, key=_wait_order)))


def _sizes(views: Sequence[View], observed: ObservedState, policy: Policy) -> dict[str, int]:
    """Of the launchers that clusters want; nothing where there is nothing to compare them with."""
    sizes: dict[str, int] = {}
    for seen in views if observed.files is not None else ():
        sizes |= launcher_sizes(seen.cluster, policy.edition, policy.launcher_base)
    return sizes


def remember(
    desired: DesiredState, observed: ObservedState, history: History, policy: Policy
) -> History:
    """The history with what was just seen: phases, calm, nodes missing from Ray, mass failure."""
    views = _views(desired, observed, Past(history, policy, observed.as_of))
    cases = [case for seen in views for case in seen.cases]
    restless = {case.seat.key for case in cases if case.stale or case.joined is False}
    history = notice(history, observed, policy, restless)
    wanted = {case.seat.key: case.seat.group.fingerprint() for case in cases}
    history = forget_changed(history, wanted)
    unjoined = [case.seat.key for case in cases if _unjoined(case)]
    history = note_unjoined(history, unjoined, observed.as_of)
    past = Past(history, policy, observed.as_of)
    return replace(
        history,
        fault_since=_fault_since(views, history, observed.as_of),
        unused_since={
            **note_unused(desired, observed, past),
            **note_unused_environments(desired, observed, past),
            **note_unused_folders(desired, observed, past),
        },
        named=named_places(desired, observed, past),
    )


def _views(desired: DesiredState, observed: ObservedState, past: Past) -> list[View]:
    only = past.policy.only
    chosen = [c for c in desired.clusters if only is None or c.name in only]
    letting_go = _letting_go(desired, observed, past.policy)
    return [view(cluster, observed, past, letting_go) for cluster in chosen]


def _letting_go(desired: DesiredState, observed: ObservedState, policy: Policy) -> frozenset[str]:
    """Clusters that delete now what they do not want; of others nobody need wait for that."""
    names = {c.name for c in desired.clusters} | policy.delete | policy.gone
    if policy.prune:
        names |= {key_of(app).cluster for app in observed.owned(policy.owner)}
    pauses = {} if observed.pauses is None else observed.pauses.found
    paused = {name for (_, name), pause in pauses.items() if pause.holds(observed.as_of)}
    kept = {c.name for c in desired.clusters if c.paused or c.suspended or c.protected}
    return frozenset(names - kept - paused)


def _unjoined(case: Case) -> bool:
    return case.phase is Phase.RUNNING and not case.joined


def _fault_since(views: Sequence[View], history: History, now: datetime) -> datetime | None:
    """Since when so many members have been down that the fault cannot be theirs; else None.

    One group alone proves nothing: half as many must be down outside of the group that has most.
    """
    struck = [case for seen in views if seen.is_struck for case in seen.down()]
    every = sum(len(seen.cases) for seen in views)
    groups = Counter((case.seat.group.cluster, case.seat.group.name) for case in struck)
    policy = views[0].policy if views else None
    if policy is None or len(struck) < policy.fault_members_min:
        return None
    elsewhere = len(struck) - max(groups.values())
    many = len(struck) > policy.fault_fraction * every
    if not many or elsewhere < policy.fault_members_min / 2:
        return None
    return history.fault_since or now


def _frozen(name: str, why: Frozen) -> PartialPlan:
    return PartialPlan(waits=(Wait(name, None, why.reason, why.message, Intent.BLOCKED),))


def _without(refused: AbstractSet[str], made: PartialPlan) -> PartialPlan:
    """Before steps are shared between clusters, so that no cluster relies on a refused step."""
    steps = tuple(step for step in made.steps if step.cluster not in refused)
    message = "its plan would break a law, so none of its steps is taken"
    waits = (
        Wait(name, None, Reason.PLAN_REFUSED, message, Intent.BLOCKED)
        for name in sorted(refused - {""})
    )
    return PartialPlan(steps, (*made.waits, *waits))


def _kept(name: str, desired: DesiredState) -> PartialPlan:
    """A note on a cluster whose newest spec cannot be used."""
    why = desired.kept.get(name)
    return (
        PartialPlan(waits=(Wait(name, None, Reason.KEPT, why, Intent.BLOCKED),)) if why else NOTHING
    )


def _step_order(step: Step) -> tuple[object, ...]:
    """Launchers are written first and removed last; the head comes before its workers."""
    turn = 0 if isinstance(step.action, _Write) else 1
    turn = 2 if isinstance(step.action, _Removal) else turn
    path = step.action.path if isinstance(step.action, _Write | _Removal) else ""
    member = (step.member is not None, *(step.member.rank() if step.member else ()))
    build = step.build or ("", "")
    whose = (step.application_id or "", path, build)
    return (step.cluster, turn, member, _CALLS.index(step.name), *whose)


_Write = WriteLauncher | WriteBuilder
_Removal = RemoveLauncher | RemoveEnvironment | RemoveFolder
_CALLS = (
    *("write_launcher", "write_builder", "stop_run", "delete_job", "create_job", "start_run"),
    *("delete", "stop", "require_sign_in", "create", "update", "restart"),
    *("remove_launcher", "remove_environment", "remove_folder"),
)


def _wait_order(wait: Wait) -> tuple[object, ...]:
    member = wait.member.rank() if wait.member else ()
    return (wait.cluster, member, wait.reason.title, wait.message)
