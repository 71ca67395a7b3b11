"""Events of a pass: the difference between its snapshot and the one before.

Equal snapshots give no events.  Messages contain no times and no counters, so that the same event
has the same message and repeats can be counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.core.model.approval import Held
from controller.core.model.faults import Result
from controller.core.model.plan import Intent, Outcome, Plan, Step, Wait
from controller.core.model.reasons import Outlook, Reason
from controller.core.spec.text import counted
from controller.core.status.event_reasons import EventReason
from controller.core.status.events import Event, Kind
from controller.core.status.plan_text import step_text
from controller.core.status.snapshot import SourceState
from controller.core.status.status import ClusterStatus, Condition, Status

PROBLEMS_SHOWN = 20  # of one reading of a source; the rest is one event
_REVISION_SHOWN = 12  # characters


@dataclass(frozen=True, slots=True)
class PassSnapshot:
    """Everything in one pass that events are made from."""

    status: Status
    plan: Plan
    outcomes: tuple[Outcome, ...]
    source: SourceState


def event_diff(before: PassSnapshot | None, now: PassSnapshot) -> tuple[Event, ...]:
    """Events without times, each once, causes before effects.

    Without a previous snapshot, only problems are reported.  Two passes with equal outcomes report
    them twice; the same snapshot reports nothing.
    """
    if before == now:
        return ()
    empty = PassSnapshot(Status((), now.status.as_of), Plan(), (), SourceState(now.source.origin))
    was = before or empty
    return (
        *_source(was.source, now.source),
        *_refusals(was, now),
        *(_added_and_removed(was, now) if before else ()),
        *map(_outcome, (o for o in now.outcomes if o.result is not Result.SKIPPED)),
        *_conditions(was, now, is_first=before is None),
        *_waits(was, now),
        *_graces(was, now),
    )


# The source of the specs


def _source(was: SourceState, now: SourceState) -> Iterator[Event]:
    if now.revision and now.revision != was.revision:
        message = f"revision {_short(now.revision)} of {now.origin} is in force"
        yield EventReason.NEW_REVISION.event(message)
    yield from _approval_events(was.held, now)
    if now.failure and now.failure != was.failure:
        yield EventReason.SOURCE_FAILING.event(f"{now.origin} cannot be read: {now.failure}")
    if was.failure and not now.failure:
        yield EventReason.SOURCE_RECOVERED.event(f"{now.origin} can be read again")
    yield from _problems(was.problems, now.problems)


def _short(revision: str) -> str:
    return revision[:_REVISION_SHOWN]


def _approval_events(was: Held | None, source: SourceState) -> Iterator[Event]:
    hold = source.held
    if hold is not None and (was is None or was.revision != hold.revision):
        remedy = f"to approve: `raycml approve {_short(hold.revision)}`"
        message = f"revision {_short(hold.revision)} needs approval: {hold.message}; {remedy}"
        yield EventReason.APPROVAL_NEEDED.event(message)
    elif was is not None and hold is None:
        by = f", approved by {source.approved_by}" if source.approved_by else ""
        end = f"is in force{by}" if source.revision == was.revision else "no longer needs approval"
        yield EventReason.HOLD_ENDED.event(f"revision {_short(was.revision)} {end}")


def _problems(was: Sequence[str], now: Sequence[str]) -> Iterator[Event]:
    """New and fixed problems; a problem that only moved within its file is neither."""
    previous, current = _by_message(was), _by_message(now)
    new = [p for key, p in current.items() if key not in previous]
    yield from _bounded(EventReason.SPEC_PROBLEM, new)
    fixed = [f"fixed: {p}" for key, p in previous.items() if key not in current]
    yield from _bounded(EventReason.SPEC_FIXED, fixed)


def _by_message(problems: Sequence[str]) -> Mapping[tuple[str, str], str]:
    """By file and message: `file:line:column: message` without line and column."""
    parts = ((problem, problem.split(":", 3)) for problem in problems)
    return {(part[0], part[-1].strip()): problem for problem, part in parts}


def _bounded(reason: EventReason, problems: Sequence[str]) -> Iterator[Event]:
    for problem in problems[:PROBLEMS_SHOWN]:
        yield reason.event(problem)
    more = len(problems) - PROBLEMS_SHOWN
    if more > 0:
        yield reason.event(f"and {more} more")


# What the controller did


def _refusals(before: PassSnapshot, now: PassSnapshot) -> Iterator[Event]:
    for refusal in now.plan.refusals:
        if refusal not in before.plan.refusals:
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
    "drain": EventReason.DRAIN_STARTED,
    "withdraw": EventReason.DRAIN_CANCELLED,
    "remove_launcher": EventReason.LAUNCHER_REMOVED,
    "write_builder": EventReason.BUILDER_WRITTEN,
    "create_job": EventReason.JOB_CREATED,
    "start_run": EventReason.RUN_STARTED,
    "stop_run": EventReason.RUN_STOPPING,
    "delete_job": EventReason.JOB_DELETED,
    "raise_shared_memory": EventReason.SHARED_MEMORY_RAISED,
    "create_builder": EventReason.BUILDER_CREATED,
    "delete_builder": EventReason.BUILDER_DELETED,
    "remove_environment": EventReason.ENVIRONMENT_REMOVED,
    "remove_folder": EventReason.FILES_REMOVED,
}
_NOT_DONE = {
    Result.FAILED: EventReason.STEP_FAILED,
    Result.REJECTED: EventReason.STEP_REJECTED,
    Result.UNKNOWN: EventReason.STEP_UNKNOWN,
}


def _outcome(outcome: Outcome) -> Event:
    """A completed step with its reason, or a failed one with its fault."""
    step = outcome.step
    member = "" if step.member is None else str(step.member)
    if outcome.result is Result.DONE:
        return _done(step).event(step_text(step), step.cluster, member)
    message = f"{step.name.replace('_', ' ')}: {outcome.message or outcome.fault}"
    return _NOT_DONE[outcome.result].event(message, step.cluster, member)


def _done(step: Step) -> EventReason:
    starts = step.name == "restart" and step.intent is Intent.START
    return EventReason.STARTED if starts else _DONE[step.name]


# State of clusters


def _clusters(snapshot: PassSnapshot) -> dict[str, ClusterStatus]:
    """The clusters by name, without those of which only launchers are left."""
    return {c.name: c for c in snapshot.status.clusters if not _is_deleted(c)}


def _is_deleted(cluster: ClusterStatus) -> bool:
    synced = cluster.condition("Synced")
    is_empty = not cluster.desired and not cluster.members
    return is_empty and synced is not None and synced.reason == Reason.PRUNED.title


_IN_DOUBT = frozenset({Reason.SPEC_UNREADABLE.title, Reason.PROJECT_NOT_FOUND.title})


def _has_spec(cluster: ClusterStatus) -> bool | None:
    """None if unknown: the cluster may be in a file that cannot be read."""
    if cluster.condition("Ready") is not None:
        return True
    return None if any(c.reason in _IN_DOUBT for c in cluster.conditions) else False


def _added_and_removed(before: PassSnapshot, now: PassSnapshot) -> Iterator[Event]:
    """Clusters that were added, lost their spec or were deleted.

    Nothing is reported as deleted from an incomplete list.
    """
    previous, current = _clusters(before), _clusters(now)
    for name, cluster in current.items():
        yield from _added(previous.get(name), cluster, whole=not now.source.problems)
    incomplete = any(w.reason is Reason.INCOMPLETE_LIST for w in now.plan.waits)
    if not incomplete and not now.plan.refusals:
        for name in sorted(previous.keys() - current.keys()):
            yield EventReason.CLUSTER_DELETED.event("all of its applications are deleted", name)


def _added(was: ClusterStatus | None, cluster: ClusterStatus, *, whole: bool) -> Iterator[Event]:
    """Events of a cluster that is new, or that gained or lost its spec.

    A missing spec may be in a file that cannot be read, so it counts as removed only from a whole
    source.
    """
    has = _has_spec(cluster)
    had = None if was is None else _has_spec(was)
    if has and (was is None or had is False):
        message = f"its spec declares {counted(cluster.desired, 'member')}"
        yield EventReason.CLUSTER_ADDED.event(message, cluster.name)
    if has is False and whole and (was is None or had is not False):
        reason = EventReason.CLUSTER_FOUND if was is None else EventReason.SPEC_REMOVED
        yield reason.event(_message(cluster.condition("Synced")), cluster.name)


def _message(condition: Condition | None) -> str:
    return "" if condition is None else condition.message


def _conditions(before: PassSnapshot, now: PassSnapshot, *, is_first: bool) -> Iterator[Event]:
    previous = _clusters(before)
    for name, cluster in _clusters(now).items():
        was = previous.get(name)
        if not is_first:
            yield from _readiness(was, cluster, now.plan.of(name))
            yield from _stalling(_is_stalled(before, name), _is_stalled(now, name), name)
        yield from _suspension(was, cluster)
        yield from _pause(was, cluster)


def _readiness(was: ClusterStatus | None, now: ClusterStatus, plan: Plan) -> Iterator[Event]:
    ready = now.condition("Ready")
    before = None if was is None else was.condition("Ready")
    if ready is None:
        return
    is_ready, was_ready = ready.status == "True", before is not None and before.status == "True"
    if is_ready and not was_ready:
        yield EventReason.READY.event(ready.message, now.name)
    incomplete = any(w.reason is Reason.INCOMPLETE_LIST for w in plan.waits)
    if was_ready and not is_ready and not incomplete and now.condition("Suspended") is None:
        yield EventReason.NOT_READY.event(ready.message, now.name)


def _is_stalled(snapshot: PassSnapshot, cluster: str) -> bool:
    return any(w.cluster == cluster for w in _manual_waits(snapshot).values())


def _stalling(was: bool, now: bool, cluster: str) -> Iterator[Event]:  # noqa: FBT001 - a pair
    if now and not was:
        yield EventReason.STALLED.event("needs attention", cluster)
    if was and not now:
        yield EventReason.STALL_RESOLVED.event("no longer needs attention", cluster)


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
            yield EventReason.SUSPENDING.event(
                "its spec suspends it; its members are being stopped", now.name
            )


def _pause(was: ClusterStatus | None, now: ClusterStatus) -> Iterator[Event]:
    paused = _paused(now)
    before = "" if was is None else _paused(was)
    if paused and paused != before:
        yield EventReason.PAUSED.event(paused, now.name)
    if before and not paused:
        yield EventReason.UNPAUSED.event("reconciled again", now.name)


def _paused(cluster: ClusterStatus) -> str:
    """The user and the reason; empty if not paused.

    Without a spec, Synced is the only condition.
    """
    paused = (c for c in cluster.conditions if c.reason == "Paused" and c.type != "Stalled")
    return _message(next(paused, None))


# Waits that need manual action

WaitKey = tuple[str, str, Reason]


def _manual_waits(snapshot: PassSnapshot) -> dict[WaitKey, Wait]:
    """Waits that need manual action, by cluster, member and reason; a pause has its own event."""
    return {
        (wait.cluster, "" if wait.member is None else str(wait.member), wait.reason): wait
        for wait in snapshot.plan.waits
        if wait.reason.outlook is Outlook.PERSON and wait.reason is not Reason.PAUSED
    }


def _waits(before: PassSnapshot, now: PassSnapshot) -> Iterator[Event]:
    """New and resolved waits; a wait that ends in a retry is not resolved yet."""
    previous, current = _manual_waits(before), _manual_waits(now)
    for (cluster, member, reason), wait in current.items():
        if (cluster, member, reason) not in previous:
            message = wait.message or reason.meaning
            yield Event(Kind.WARNING, reason.title, message, cluster, member)
    retried = {(s.cluster, "" if s.member is None else str(s.member)) for s in now.plan.steps}
    existing = _clusters(now)
    for cluster, member, reason in previous:
        ended = (cluster, member, reason) not in current
        if ended and cluster in existing and (cluster, member) not in retried:
            yield EventReason.RESOLVED.event(f"{reason.title} is resolved", cluster, member)


# Clusters whose spec was removed


def _in_grace(snapshot: PassSnapshot) -> dict[str, Wait]:
    waits = snapshot.plan.waits
    return {wait.cluster: wait for wait in waits if wait.reason is Reason.PRUNE_GRACE}


def _graces(before: PassSnapshot, now: PassSnapshot) -> Iterator[Event]:
    """The start of a grace period, and its end if the spec was restored."""
    previous, current = _in_grace(before), _in_grace(now)
    for cluster, wait in current.items():
        if cluster not in previous:
            yield Event(Kind.WARNING, wait.reason.title, wait.message, cluster)
    for cluster in previous.keys() - current.keys():
        status = now.status.cluster(cluster)
        if status is not None and status.condition("Ready") is not None:
            yield EventReason.PRUNE_CANCELLED.event(
                "its spec was restored; the cluster is kept", cluster
            )
