"""Applications that leave: members no longer wanted, and whole clusters whose spec is gone.

A member that a present spec no longer wants leaves without asking; a whole cluster leaves only
because a person asked (`delete`) or by prune, and prune only on an absence that is understood.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from controller.core.model.desired import DesiredState
from controller.core.model.observed import (
    ObservedApplication,
    ObservedProject,
    ObservedState,
    Pause,
    Phase,
    key_of,
)
from controller.core.model.plan import Intent, Wait
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason
from controller.core.planner import partial_plan as draft
from controller.core.planner.backoff import gate, settling
from controller.core.planner.partial_plan import NOTHING, PartialPlan, merge, wait
from controller.core.planner.unlisted_projects import unseen
from controller.core.situation.matching import UnwantedApplication
from controller.core.situation.past import Past
from controller.core.situation.situation import View
from controller.core.spec.text import spoken

_WHY = {
    Reason.SCALED_DOWN: "the group has fewer replicas now",
    Reason.GROUP_REMOVED: "the spec no longer has this group",
    Reason.SURPLUS: "a second application of one member",
    Reason.MOVED: "the spec names another project now",
    Reason.PRUNED: "no spec holds the cluster",
    Reason.REQUESTED: "a person asked for it",
}


def leave(view: View, leaver: UnwantedApplication) -> PartialPlan:
    """A leaver of a cluster that has a spec; a suspended cluster is only ever stopped."""
    if view.cluster.suspended:
        return _rest(view.past, leaver)
    if view.cluster.protected:
        message = f"the cluster is protected: it loses nothing ({_WHY[leaver.reason]})"
        return wait(leaver.key, Reason.PROTECTED, message, intent=Intent.BLOCKED)
    pause = view.paused_elsewhere.get(leaver.app.project)
    if pause is not None:
        return wait(leaver.key, Reason.PAUSED, _paused(pause), intent=Intent.BLOCKED)
    return _go(view.past, leaver, view.projects.get(leaver.app.project))


def _paused(pause: Pause) -> str:
    return f"paused by {pause.by}: {pause.reason}"


def _rest(past: Past, leaver: UnwantedApplication) -> PartialPlan:
    """Suspended: what is to leave later holds no resources meanwhile, either."""
    if held := settling(past, leaver.key, leaver.app):
        return held
    if leaver.app.phase not in (Phase.RUNNING, Phase.STARTING):
        return NOTHING
    return gate(past, leaver.key, "stop") or draft.stop_leaver(leaver)


def _go(past: Past, leaver: UnwantedApplication, project: ObservedProject | None) -> PartialPlan:
    """Delete it; `project` is the one that it is in, which may be another than its cluster's."""
    if project is None or not project.complete:
        message = "the list of applications of its project was torn; nothing is deleted on it"
        return wait(leaver.key, Reason.INCOMPLETE_LIST, message)
    known = past.application(leaver.app)
    if known.call == "delete" and known.called_at is not None:
        shows = known.sure or leaver.app.phase is Phase.STOPPING
        seconds = past.policy.delete_deadline_s if shows else past.policy.settle_s
        until = past.after(known.called_at, seconds)
        if past.now < until:
            return wait(leaver.key, Reason.DELETING, "CML is deleting it", until=until)
        if shows and past.now < past.after(known.called_at, past.policy.resync_s):
            message = "it was deleted and does not go; ask the workspace's admin to end its pod"
            return wait(leaver.key, Reason.DELETE_TIMED_OUT, message)
    elif leaver.app.phase is Phase.UNKNOWN:
        message = f"CML reports the status `{leaver.app.status}`; nothing is deleted on that"
        return wait(leaver.key, Reason.UNKNOWN_STATUS, message, intent=Intent.DELETE)
    held = gate(past, leaver.key, "delete")
    return held or draft.delete(leaver, _WHY[leaver.reason])


def ownerless(desired: DesiredState, observed: ObservedState, past: Past) -> PartialPlan:
    """Clusters of ours that no spec holds: paused, deleted on request, pruned, or reported."""
    found = _unheld(desired, observed, past.policy)
    pauses = _pauses(found, observed)
    others = [name for name in found if name not in past.policy.delete]
    guard = _guard(desired, others, past.policy) if past.policy.prune else None
    drafts: list[PartialPlan] = []
    for name in found:
        if name in pauses:
            drafts.append(_cluster_wait(name, Reason.PAUSED, _paused(pauses[name])))
        elif name in past.policy.delete:
            drafts.append(_all_go(past, found[name], observed, Reason.REQUESTED))
        elif _may_go(name, desired, past.policy):
            crowd = _crowd(desired, found, past.policy)
            drafts.append(
                _cluster_wait(name, *crowd)
                if name not in desired.agreed and crowd is not None
                else _all_go(past, found[name], observed, Reason.PRUNED)
            )
        elif not past.policy.prune:
            drafts.append(_left(name, found[name], desired, past))
        elif guard is not None:
            drafts.append(_cluster_wait(name, *guard))
        else:
            drafts.append(_all_go(past, found[name], observed, Reason.PRUNED))
    return merge([*drafts, *unseen(desired, observed)])


def _crowd(
    desired: DesiredState, found: Mapping[str, object], policy: Policy
) -> tuple[Reason, str] | None:
    """Why clusters without a person's agreement stay although their grace is over, if so."""
    names = [n for n in found if _may_go(n, desired, policy) and n not in desired.agreed]
    return _guard(desired, names, policy)


def _may_go(name: str, desired: DesiredState, policy: Policy) -> bool:
    """Whether a cluster was seen to leave its source and nothing holds it back."""
    return name in policy.gone and desired.whole and desired.departed.get(name) == ""


def _left(
    name: str, apps: Sequence[ObservedApplication], desired: DesiredState, past: Past
) -> PartialPlan:
    held_back = desired.departed.get(name)
    if not held_back and name in past.policy.grace and desired.whole:
        return _in_grace(name, past.policy.grace[name], past)
    if not held_back:
        return _orphan(name, apps)
    message = f"its spec is gone; not deleted, for {held_back}"
    return _cluster_wait(name, Reason.PROTECTED, message)


def _in_grace(name: str, until: datetime, past: Past) -> PartialPlan:
    left_s = (until - past.now).total_seconds()
    when = f"in {spoken(left_s)}" if left_s > 0 else "once the source has been read again"
    message = f"no spec declares it any more; it is deleted {when}; put the spec back to keep it"
    due = until if left_s > 0 else None
    return PartialPlan(
        waits=(Wait(name, None, Reason.PRUNE_GRACE, message, Intent.DELETE, until=due),)
    )


def _pauses(
    found: Mapping[str, Sequence[ObservedApplication]], observed: ObservedState
) -> Mapping[str, Pause]:
    """The pauses that hold where the clusters have applications, in any of their projects."""
    places = ((name, app.project) for name, apps in found.items() for app in apps)
    held = ((name, observed.pause(project, name)) for name, project in places)
    return {name: pause for name, pause in held if pause is not None}


def _unheld(
    desired: DesiredState, observed: ObservedState, policy: Policy
) -> Mapping[str, Sequence[ObservedApplication]]:
    held = {c.name for c in desired.clusters} | set(desired.frozen)
    found: dict[str, list[ObservedApplication]] = {}
    for app in observed.owned(policy.owner):
        name = key_of(app).cluster
        if name not in held and (policy.only is None or name in policy.only):
            found.setdefault(name, []).append(app)
    return dict(sorted(found.items()))


def _guard(
    desired: DesiredState, names: Sequence[str], policy: Policy
) -> tuple[Reason, str] | None:
    """Why nothing may be pruned at all, if so."""
    if not desired.whole:
        message = "a spec could not be read; what looks removed may be in it, so nothing is pruned"
        return Reason.SPEC_UNREADABLE, message
    every = len(names) + len(desired.clusters) + len(desired.frozen)
    if len(names) > max(policy.allow_prune, every // 2):
        message = (
            f"{len(names)} of {every} clusters would go; more than half waits for a person "
            f"(`--allow-prune {len(names)}`, or `raycml delete NAME`)"
        )
        return Reason.PRUNE_GUARDED, message
    return None


def _all_go(
    past: Past, apps: Sequence[ObservedApplication], observed: ObservedState, reason: Reason
) -> PartialPlan:
    drafts: list[PartialPlan] = []
    for app in sorted(apps, key=lambda a: (key_of(a), a.id)):
        leaver = UnwantedApplication(app, key_of(app), reason)
        drafts.append(_go(past, leaver, observed.projects.get(app.project)))
    return merge(drafts)


def _orphan(name: str, apps: Sequence[ObservedApplication]) -> PartialPlan:
    plural = "s" if len(apps) > 1 else ""
    message = f"no spec declares it ({len(apps)} application{plural}); see `raycml orphans`"
    return _cluster_wait(name, Reason.ORPHAN, message)


def _cluster_wait(name: str, reason: Reason, message: str) -> PartialPlan:
    return PartialPlan(waits=(Wait(name, None, reason, message, Intent.BLOCKED),))
