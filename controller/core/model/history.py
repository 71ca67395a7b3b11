"""Memory of the controller between passes: only what may be lost.

Losing it costs a try too early or a wait too long, never a restart, a leak or a duplicate.
Bounded: entries go when their application or member does.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from controller.core.model.fault_kinds import FaultKind
from controller.core.model.member import Key
from controller.core.model.observed import ObservedApplication, ObservedState, Phase, key_of
from controller.core.model.plan import (
    Create,
    Delete,
    Outcome,
    RequireSignIn,
    Restart,
    Result,
    StartRun,
    Step,
    Stop,
    Update,
)
from controller.core.model.policy import Policy
from controller.core.model.project import CreateProject, DeleteProject, RaiseSharedMemory
from controller.core.model.reasons import Reason

_HOUR = timedelta(hours=1)
_ATTEMPTS_KEPT = 32
_BUILDS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class Refusal:
    """CML understood and said no: to which action, in which words, first and last when."""

    action: str
    fingerprint: str
    message: str
    fault: FaultKind | None  # CONFLICT, QUOTA_EXCEEDED, REJECTED
    first_at: datetime
    last_at: datetime
    tries: int = 1


@dataclass(frozen=True, slots=True)
class MemberHistory:
    """One member.  `attempts`: restarts within the hour, whatever for; `failures`: calls in a row
    that failed.  `refused_update` is kept apart from any other `refusal`, since a member goes on
    with what it has, and is started and stopped meanwhile.  `update_stops`: how often it was
    stopped for an update since one was taken."""

    attempts: tuple[datetime, ...] = ()
    failures: int = 0
    failed_at: datetime | None = None
    error: str = ""
    refusal: Refusal | None = None
    refused_update: Refusal | None = None
    update_stops: int = 0
    unapplied: tuple[str, ...] = ()
    unapplied_tries: int = 0
    sign_in_tries: int = 0
    replaced: bool = False
    fingerprint: str = ""
    created_id: str | None = None  # also None where the answer to the create was lost
    created_at: datetime | None = None
    unjoined_since: datetime | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApplicationHistory:
    """One application: since when it was seen in its phase, and the last call that it took.

    `sure` is False for a call whose answer was lost: it may never have arrived.
    """

    phase: Phase
    since: datetime
    call: str = ""
    called_at: datetime | None = None
    sure: bool = True


@dataclass(frozen=True, slots=True)
class BuildHistory:
    """The last call about an environment's job, and what was there before it.

    `failures`: calls in a row that failed; `refused`: CML understood the last one and said no.
    `starts`: runs that were started, or found at work.
    """

    call: str = ""
    before: str = ""
    called_at: datetime | None = None
    failures: int = 0
    error: str = ""
    refused: bool = False
    starts: int = 0


NO_MEMBER = MemberHistory()
NO_BUILD = BuildHistory()


@dataclass(frozen=True, slots=True)
class History:
    """Memory of all members, applications and files; `seen_at` is the time of the last look.

    `named` are the environments that something named then, by project and path.
    """

    members: Mapping[Key, MemberHistory] = field(default_factory=dict)
    applications: Mapping[str, ApplicationHistory] = field(default_factory=dict)
    unused_since: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    fault_since: datetime | None = None
    seen_at: datetime | None = None
    builds: Mapping[tuple[str, str], BuildHistory] = field(default_factory=dict)
    named: frozenset[tuple[str, str]] = frozenset()

    def build(self, project: str, digest: str) -> BuildHistory:
        return self.builds.get((project, digest), NO_BUILD)

    def member(self, key: Key) -> MemberHistory:
        return self.members.get(key, NO_MEMBER)


def notice(
    history: History,
    observed: ObservedState,
    policy: Policy,
    restless: AbstractSet[Key] = frozenset(),
) -> History:
    """Take note of what was just seen: phases that changed, calls that showed, calm that lasted.

    A `restless` member runs, and not as it should: its restarts are not forgotten.
    """
    now = observed.as_of
    history = _of_the_past(history, now, policy)
    owned = observed.owned(policy.owner)
    applications = dict(history.applications) if not observed.complete() else {}
    applications |= phases(history, owned, now)
    members = dict(history.members)
    for seen in owned:
        key = key_of(seen)
        if key in members and key not in restless:
            members[key] = _calm(members[key], applications[seen.id], now, policy)
    return replace(history, members=members, applications=applications, seen_at=now)


def phases(
    history: History, applications: Iterable[ObservedApplication], now: datetime
) -> dict[str, ApplicationHistory]:
    """Of each application, since when it has been seen in its phase."""
    found: dict[str, ApplicationHistory] = {}
    for seen in applications:
        known = history.applications.get(seen.id) or ApplicationHistory(seen.phase, now)
        changed = known.phase is not seen.phase
        found[seen.id] = replace(known, phase=seen.phase, since=now) if changed else known
    return found


def _of_the_past(history: History, now: datetime, policy: Policy) -> History:
    """Nothing where the clock was set back: what is dated in the future would be waited for.

    A step that is no longer than lists may lag only lengthens each wait by as much.
    """
    back = (history.seen_at or now) - now
    return History() if back.total_seconds() > policy.settle_s else history


def _calm(
    member: MemberHistory, seen: ApplicationHistory, now: datetime, policy: Policy
) -> MemberHistory:
    """Quiet since its last start; a restart that the list never showed counts as one."""
    if not member.attempts or seen.phase is not Phase.RUNNING:
        return member
    since = max(seen.since, member.attempts[-1])
    quiet = (now - since).total_seconds() >= policy.quiet_s
    return replace(member, attempts=(), failures=0) if quiet else member


def note_unjoined(history: History, unjoined: Iterable[Key], now: datetime) -> History:
    """Remember since when members whose application runs have been missing from Ray."""
    wanted = set(unjoined)
    members = dict(history.members)
    for key, known in history.members.items():
        if key not in wanted and known.unjoined_since is not None:
            members[key] = replace(known, unjoined_since=None)
    for key in wanted:
        known = members.get(key, NO_MEMBER)
        if known.unjoined_since is None:
            members[key] = replace(known, unjoined_since=now)
    return replace(history, members=members)


def record(history: History, outcomes: Iterable[Outcome], now: datetime) -> History:
    """The history after a pass.  Steps that were skipped leave no trace, but for want of a file
    that could not be written: that is tried again less and less often."""
    for outcome in outcomes:
        if outcome.result is not Result.SKIPPED or outcome.fault is FaultKind.UNWRITTEN:
            history = _record(history, outcome, now)
    return history


def _record(history: History, outcome: Outcome, now: datetime) -> History:
    key, build = outcome.step.key, outcome.step.build
    if build is not None:
        builds = {**history.builds, build: _build(history.build(*build), outcome, now)}
        return replace(history, builds=dict(list(builds.items())[-_BUILDS_KEPT:]))
    if key is None:
        return history
    members = {**history.members, key: _member(history.member(key), outcome, now)}
    applications = dict(history.applications)
    app_id = outcome.step.application_id
    if app_id in applications and outcome.result in (Result.DONE, Result.UNKNOWN):
        applications[app_id] = replace(
            applications[app_id],
            call=outcome.step.name,
            called_at=now,
            sure=outcome.result is Result.DONE,
        )
    return replace(history, members=members, applications=applications)


def _build(known: BuildHistory, outcome: Outcome, now: datetime) -> BuildHistory:
    action = outcome.step.action
    before = action.after if isinstance(action, StartRun) else outcome.step.job_id or ""
    starts = known.starts + isinstance(action, StartRun)
    made = BuildHistory(outcome.step.name, before, now, starts=starts)
    if outcome.result in (Result.DONE, Result.UNKNOWN) or outcome.fault is FaultKind.CHANGED:
        return made
    refused = outcome.result is Result.REJECTED
    return replace(made, failures=known.failures + 1, error=outcome.message, refused=refused)


def _member(known: MemberHistory, outcome: Outcome, now: datetime) -> MemberHistory:
    match outcome.result:
        case Result.DONE:
            known = replace(known, failures=0, failed_at=None, error="", refusal=None)
        case Result.REJECTED:
            return _rejected(replace(known, error=outcome.message), outcome, now)
        case Result.FAILED | Result.UNKNOWN:
            known = replace(known, error=outcome.message)
            if (
                outcome.fault is not FaultKind.CHANGED
            ):  # it changed under our hands: look again, at once
                known = replace(known, failures=known.failures + 1, failed_at=now)
        case Result.SKIPPED:
            tries = known.failures + 1
            return replace(known, error=outcome.message, failures=tries, failed_at=now)
    if isinstance(outcome.step.action, RequireSignIn):
        return _sign_in(known, outcome)
    return _effect(known, outcome, now)


def _sign_in(known: MemberHistory, outcome: Outcome) -> MemberHistory:
    """A field that CML does not take is no failure of the member: its repairs go on."""
    if outcome.unapplied:
        tries = known.sign_in_tries + 1
        return replace(known, sign_in_tries=tries, failures=0, failed_at=None)
    return replace(known, sign_in_tries=0) if outcome.result is Result.DONE else known


def _effect(known: MemberHistory, outcome: Outcome, now: datetime) -> MemberHistory:
    done = outcome.result is Result.DONE
    match outcome.step.action:
        case Create() | CreateProject() if done or outcome.result is Result.UNKNOWN:
            return replace(known, created_id=outcome.application_id, created_at=now)
        case Update() | RaiseSharedMemory() if outcome.unapplied:
            return replace(
                known, unapplied=outcome.unapplied, unapplied_tries=known.unapplied_tries + 1
            )
        case Update() if done:
            return replace(
                known, unapplied=(), unapplied_tries=0, refused_update=None, update_stops=0
            )
        case Stop() | Restart() if done:
            return _interrupted(known, outcome.step, now)
        case Delete() | DeleteProject() if done:
            return _deleted(known, outcome.step, now)
        case _:
            return known


def _deleted(known: MemberHistory, step: Step, now: datetime) -> MemberHistory:
    if step.reason is Reason.REPLACED:
        return replace(known, replaced=True, unapplied_tries=0)
    return replace(known, deleted_at=now)


def _interrupted(known: MemberHistory, step: Step, now: datetime) -> MemberHistory:
    if isinstance(step.action, Restart):
        recent = tuple(t for t in known.attempts if now - t < _HOUR)
        return replace(known, attempts=(*recent, now)[-_ATTEMPTS_KEPT:])
    return replace(known, update_stops=known.update_stops + (step.reason is Reason.OUTDATED))


def _rejected(known: MemberHistory, outcome: Outcome, now: datetime) -> MemberHistory:
    """A refused update stays refused while the member goes on with what it has."""
    if isinstance(outcome.step.action, Update):
        before = known.refused_update
        return replace(known, refused_update=_refusal(before, known.fingerprint, outcome, now))
    return replace(known, refusal=_refusal(known.refusal, known.fingerprint, outcome, now))


def _refusal(before: Refusal | None, mark: str, outcome: Outcome, now: datetime) -> Refusal:
    action = outcome.step.name
    if before is None or (before.action, before.fault) != (action, outcome.fault):
        return Refusal(action, mark, outcome.message, outcome.fault, now, now)
    return replace(before, message=outcome.message, last_at=now, tries=before.tries + 1)


def forget_changed(history: History, fingerprints: Mapping[Key, str]) -> History:
    """A newer spec wins over waiting: what was held against an older fingerprint is forgotten.

    `fingerprints` are those of all members that are wanted now; the rest of the members is dropped
    unless something of theirs is still on its way.
    """
    members: dict[Key, MemberHistory] = {}
    for key, known in history.members.items():
        wanted = fingerprints.get(key)
        if wanted is None or known.fingerprint in ("", wanted):
            members[key] = replace(known, fingerprint=wanted or known.fingerprint)
        else:
            members[key] = MemberHistory(
                fingerprint=wanted, created_id=known.created_id, created_at=known.created_at
            )
    return replace(history, members=members)
