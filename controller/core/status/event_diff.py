"""What one pass gave rise to, in words: the difference between two glances at the world.

A world that stands still gives nothing.  Messages hold no times and no counters, so that the same
matter is the same sentence and repeats can be counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.core.model.approval import Held
from controller.core.model.plan import Intent, Outcome, Plan, Result, Step, Wait
from controller.core.model.reasons import Outlook, Reason
from controller.core.spec.text import counted
from controller.core.status.event_reasons import EventReason
from controller.core.status.events import Event, Kind
from controller.core.status.plan_text import step_text
from controller.core.status.snapshot import SourceState
from controller.core.status.status import ClusterStatus, Condition, Status

PROBLEMS_TOLD = 20  # of one reading of a source, each as an event of its own
_REVISION_SHOWN = 12  # characters


@dataclass(frozen=True, slots=True)
class PassSnapshot:
    """All of one pass that events are made of."""

    status: Status
    plan: Plan
    outcomes: tuple[Outcome, ...]
    source: SourceState


def event_diff(before: PassSnapshot | None, now: PassSnapshot) -> tuple[Event, ...]:
    """Events without times, each once, causes before effects.

    Without a glance before, what was well already is no news; what waits for a person is.  Two
    passes that did the same give their outcomes twice; the same glance gives nothing.
    """
    if before == now:
        return ()
    return (
        *_source(None if before is None else before.source, now.source),
        *_refusals(before, now),
        *_comings(before, now),
        *map(_outcome, (o for o in now.outcomes if o.result is not Result.SKIPPED)),
        *_conditions(before, now),
        *_waits(before, now),
        *_graces(before, now),
    )


# Where specs come from


def _source(before: SourceState | None, now: SourceState) -> Iterator[Event]:
    was = before or SourceState(now.origin)
    if now.revision and now.revision != was.revision:
        message = f"revision {_short(now.revision)} of {now.origin} is in force"
        yield EventReason.NEW_REVISION.event(message)
    yield from _held(was.held, now)
    if now.failure and now.failure != was.failure:
        yield EventReason.SOURCE_FAILING.event(f"{now.origin} cannot be read: {now.failure}")
    if was.failure and not now.failure:
        yield EventReason.SOURCE_RECOVERED.event(f"{now.origin} can be read again")
    yield from _problems(was.problems, now.problems)


def _short(revision: str) -> str:
    return revision[:_REVISION_SHOWN]


def _held(was: Held | None, source: SourceState) -> Iterator[Event]:
    held = source.held
    if held is not None and (was is None or was.revision != held.revision):
        remedy = f"`raycml approve {_short(held.revision)}` lets it in"
        message = f"revision {_short(held.revision)} waits: {held.message}; {remedy}"
        yield EventReason.APPROVAL_NEEDED.event(message)
    elif was is not None and held is None:
        by = f", approved by {source.approved_by}" if source.approved_by else ""
        end = f"was let in{by}" if source.revision == was.revision else "no longer waits"
        yield EventReason.HOLD_ENDED.event(f"revision {_short(was.revision)} {end}")


def _problems(was: Sequence[str], now: Sequence[str]) -> Iterator[Event]:
    """A problem that only moved within its file is the same one."""
    known, found = _by_matter(was), _by_matter(now)
    yield from _told(EventReason.SPEC_PROBLEM, [p for m, p in found.items() if m not in known])
    fixed = [f"fixed: {p}" for m, p in known.items() if m not in found]
    yield from _told(EventReason.SPEC_MENDED, fixed)


def _by_matter(problems: Sequence[str]) -> Mapping[tuple[str, str], str]:
    """By file and message: `file:line:column: message` without its place in the file."""
    parts = ((problem, problem.split(":", 3)) for problem in problems)
    return {(part[0], part[-1].strip()): problem for problem, part in parts}


def _told(occasion: EventReason, problems: Sequence[str]) -> Iterator[Event]:
    for problem in problems[:PROBLEMS_TOLD]:
        yield occasion.event(problem)
    more = len(problems) - PROBLEMS_TOLD
    if more > 0:
        yield occasion.event(f"and {more} more")


# What the controller did


def _refusals(before: PassSnapshot | None, now: PassSnapshot) -> Iterator[Event]:
    known = () if before is None else before.plan.refusals
    for refusal in now.plan.refusals:
        if refusal not in known:
            message = f"{refusal.law}: {refusal.message}"
            yield EventReason.PLAN_REFUSED.event(message, refusal.cluster)


_DONE = {
    "create": EventReason.CREATED,
    "update": EventReason.UPDATED,
    "require_sign_in": EventReason.SIGN_IN_REQUIRED,
    "restart": EventReason.RESTARTED,
    "stop": EventReason.STOPPING,
    "delete": EventReason.DELETING,
    "write_launcher": EventReason.LAUNCHER_WRITTEN,
    "remove_launcher": EventReason.LAUNCHER_REMOVED,
    "write_builder": EventReason.BUILDER_WRITTEN,
    "create_job": EventReason.JOB_CREATED,
    "start_run": EventReason.RUN_STARTED,
    "stop_run": EventReason.RUN_STOPPING,
    "delete_job": EventReason.JOB_DELETED,
    "remove_environment": EventReason.ENVIRONMENT_REMOVED,
    "remove_folder": EventReason.FILES_REMOVED,
}
_NOT_DONE = {
    Result.FAILED: EventReason.STEP_FAILED,
    Result.REJECTED: EventReason.STEP_REJECTED,
    Result.UNKNOWN: EventReason.STEP_UNKNOWN,
}


def _outcome(outcome: Outcome) -> Event:
    """What was done and why, or what was not and what stood against it."""
    step = outcome.step
    member = "" if step.member is None else str(step.member)
    if outcome.result is Result.DONE:
        return _done(step).event(step_text(step), step.cluster, member)
    message = f"{step.name.replace('_', ' ')}: {outcome.message or outcome.fault}"
    return _NOT_DONE[outcome.result].event(message, step.cluster, member)


def _done(step: Step) -> EventReason:
    starts = step.name == "restart" and step.intent is Intent.START
    return EventReason.STARTED if starts else _DONE[step.name]


# How clusters are


def _clusters(glance: PassSnapshot | None) -> dict[str, ClusterStatus]:
    """Those that there are; one of which only launchers are left is gone."""
    found = () if glance is None else glance.status.clusters
    return {c.name: c for c in found if not _is_gone(c)}


def _is_gone(cluster: ClusterStatus) -> bool:
    synced = cluster.condition("Synced")
    left = cluster.desired or cluster.members
    return not left and synced is not None and synced.reason == Reason.PRUNED.title


_IN_DOUBT = frozenset({Reason.SPEC_UNREADABLE.title, Reason.PROJECT_NOT_FOUND.title})


def _has_spec(cluster: ClusterStatus) -> bool | None:
    """None where nobody can tell: a cluster in a file that cannot be read."""
    if cluster.condition("Ready") is not None:
        return True
    return None if any(c.reason in _IN_DOUBT for c in cluster.conditions) else False


def _comings(before: PassSnapshot | None, now: PassSnapshot) -> Iterator[Event]:
    """Clusters that came, lost their spec, or went; nothing is told on a list that was torn."""
    if before is None:
        return
    known, found = _clusters(before), _clusters(now)
    for name, cluster in found.items():
        yield from _coming(known.get(name), cluster, whole=not now.source.problems)
    torn = any(w.reason is Reason.INCOMPLETE_LIST for w in now.plan.waits)
    if not torn and not now.plan.refusals:
        for name in sorted(known.keys() - found.keys()):
            yield EventReason.CLUSTER_GONE.event("nothing of it is left", name)


def _coming(was: ClusterStatus | None, cluster: ClusterStatus, *, whole: bool) -> Iterator[Event]:
    """A spec that is missed may be in a file that cannot be read, so then none was removed."""
    held = _has_spec(cluster)
    had = None if was is None else _has_spec(was)
    if held and (was is None or had is False):
        message = f"its spec asks for {counted(cluster.desired, 'member')}"
        yield EventReason.CLUSTER_ADDED.event(message, cluster.name)
    if held is False and whole and (was is None or had is not False):
        occasion = EventReason.CLUSTER_FOUND if was is None else EventReason.SPEC_REMOVED
        yield occasion.event(_message(cluster.condition("Synced")), cluster.name)


def _message(condition: Condition | None) -> str:
    return "" if condition is None else condition.message


def _conditions(before: PassSnapshot | None, now: PassSnapshot) -> Iterator[Event]:
    known = _clusters(before)
    for name, cluster in _clusters(now).items():
        was = known.get(name)
        if before is not None:
            yield from _readiness(was, cluster, now.plan.of(name))
            yield from _stalling(_is_stalled(before, name), _is_stalled(now, name), name)
        yield from _suspension(was, cluster)
        yield from _pause(was, cluster)


def _readiness(was: ClusterStatus | None, now: ClusterStatus, plan: Plan) -> Iterator[Event]:
    ready = now.condition("Ready")
    before = None if was is None else was.condition("Ready")
    if ready is None:
        return
    well, was_well = ready.status == "True", before is not None and before.status == "True"
    if well and not was_well:
        yield EventReason.READY.event(ready.message, now.name)
    unseen = any(w.reason is Reason.INCOMPLETE_LIST for w in plan.waits)
    if was_well and not well and not unseen and now.condition("Suspended") is None:
        yield EventReason.NOT_READY.event(ready.message, now.name)


def _is_stalled(glance: PassSnapshot, cluster: str) -> bool:
    return any(w.cluster == cluster for w in _stuck(glance).values())


def _stalling(was: bool, now: bool, cluster: str) -> Iterator[Event]:  # noqa: FBT001 - a pair
    if now and not was:
        yield EventReason.STALLED.event("what is left to do waits for a person", cluster)
    if was and not now:
        yield EventReason.UNSTALLED.event("nothing waits for a person any more", cluster)


def _suspension(was: ClusterStatus | None, now: ClusterStatus) -> Iterator[Event]:
    suspended = now.condition("Suspended")
    before = None if was is None else was.condition("Suspended")
    if suspended is None:
        if before is not None and now.condition("Ready") is not None:
            yield EventReason.RESUMED.event("its spec no longer suspends it", now.name)
    elif before is None or before.status != suspended.status:
        if suspended.status == "True":
            yield EventReason.SUSPENDED.event(suspended.message, now.name)
        else:
            yield EventReason.SUSPENDING.event("its spec suspends it; its members stop", now.name)


def _pause(was: ClusterStatus | None, now: ClusterStatus) -> Iterator[Event]:
    paused = _paused(now)
    before = "" if was is None else _paused(was)
    if paused and paused != before:
        yield EventReason.PAUSED.event(paused, now.name)
    if before and not paused:
        yield EventReason.UNPAUSED.event("it is worked on again", now.name)


def _paused(cluster: ClusterStatus) -> str:
    """By whom and why; empty when it is not.  Without a spec, no condition but Synced tells."""
    said = (c for c in cluster.conditions if c.reason == "Paused" and c.type != "Stalled")
    return _message(next(said, None))


# What waits for a person

Matter = tuple[str, str, Reason]


def _stuck(glance: PassSnapshot | None) -> dict[Matter, Wait]:
    """Waits for a person by cluster, member and reason; a pause is told as what it is."""
    waits = () if glance is None else glance.plan.waits
    return {
        (wait.cluster, "" if wait.member is None else str(wait.member), wait.reason): wait
        for wait in waits
        if wait.reason.outlook is Outlook.PERSON and wait.reason is not Reason.PAUSED
    }


def _waits(before: PassSnapshot | None, now: PassSnapshot) -> Iterator[Event]:
    """A wait that ends because the step is tried once more is not over yet."""
    known, found = _stuck(before), _stuck(now)
    for (cluster, member, reason), wait in found.items():
        if (cluster, member, reason) not in known:
            message = wait.message or reason.meaning
            yield Event(Kind.WARNING, reason.title, message, cluster, member)
    tried = {(s.cluster, "" if s.member is None else str(s.member)) for s in now.plan.steps}
    there = _clusters(now)
    for cluster, member, reason in known:
        over = (cluster, member, reason) not in found
        if over and cluster in there and (cluster, member) not in tried:
            yield EventReason.CLEARED.event(f"{reason.title} is over", cluster, member)


# Clusters whose spec is gone


def _in_grace(glance: PassSnapshot | None) -> dict[str, Wait]:
    waits = () if glance is None else glance.plan.waits
    return {wait.cluster: wait for wait in waits if wait.reason is Reason.PRUNE_GRACE}


def _graces(before: PassSnapshot | None, now: PassSnapshot) -> Iterator[Event]:
    """The begin of a grace, and its end where the spec was put back."""
    known, found = _in_grace(before), _in_grace(now)
    for cluster, wait in found.items():
        if cluster not in known:
            yield Event(Kind.WARNING, wait.reason.title, wait.message, cluster)
    for cluster in known.keys() - found.keys():
        status = now.status.cluster(cluster)
        if status is not None and status.condition("Ready") is not None:
            yield EventReason.PRUNE_CANCELLED.event("its spec is back: it is kept", cluster)
