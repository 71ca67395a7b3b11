"""Memory of the controller between passes: only what may be lost.

Losing it costs a try too early or a wait too long, never a restart, a leak or a duplicate.
Bounded: entries go when their application or member does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from controller.core.model.faults import FaultKind, Result
from controller.core.model.jobs import BuildHistory
from controller.core.model.member import Key
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import (
    Create,
    CreateBuilder,
    Delete,
    DeleteBuilder,
    Outcome,
    RequireSignIn,
    Restart,
    StartRun,
    Stop,
    Update,
)
from controller.core.model.project import (
    CreateProject,
    DeleteProject,
    RaiseSharedMemory,
    SharedMemoryHistory,
)
from controller.core.model.ray.requests import Drain, DrainHistory, HeadRequest, Withdraw
from controller.core.model.reasons import Reason

_HOUR = timedelta(hours=1)
_ATTEMPTS_MAX = 32
_BUILDS_MAX = _WITHDRAWN_MAX = 1000
_DENIED = (FaultKind.FIELD_NOT_APPLIED, FaultKind.UNAUTHORIZED)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal by CML: the action, the message, and the times of the first and the last one."""

    action: str
    fingerprint: str
    message: str
    fault: FaultKind | None  # CONFLICT, QUOTA_EXCEEDED, REJECTED
    first_at: datetime
    last_at: datetime
    tries: int = 1


@dataclass(frozen=True, slots=True)
class MemberHistory:
    """One member.

    `attempts`: restarts within the hour, for any reason.  `failures`: calls in a row that failed.
    `refused_update` is apart from any other `refusal`, since a member keeps its configuration, and
    is started and stopped meanwhile.  `update_stops`: stops for an update since the last one that
    CML applied.
    """

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
    lost_since: datetime | None = None
    deleted_at: datetime | None = None
    drain: DrainHistory | None = None


@dataclass(frozen=True, slots=True)
class ApplicationHistory:
    """One application: its phase, the start of that as observed, and its last call.

    `sure` is False for a call whose answer was lost: it may never have arrived.
    """

    phase: Phase
    since: datetime
    call: str = ""
    called_at: datetime | None = None
    sure: bool = True


NO_MEMBER = MemberHistory()
NO_BUILD = BuildHistory()


@dataclass(frozen=True, slots=True)
class History:
    """Memory of all members, applications and files; `as_of` is the time of the last look.

    `named` are the environments that something named then, by project and path.  `no_restart` are
    the phases in which this workspace refused to restart an application, `withdrawn` the requests
    that were removed lately, by project and path.
    """

    members: Mapping[Key, MemberHistory] = field(default_factory=dict)
    applications: Mapping[str, ApplicationHistory] = field(default_factory=dict)
    unused_since: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    fault_since: datetime | None = None
    as_of: datetime | None = None
    builds: Mapping[tuple[str, str], BuildHistory] = field(default_factory=dict)
    named: frozenset[tuple[str, str]] = frozenset()
    no_restart: frozenset[Phase] = frozenset()
    shared_memory: Mapping[str, SharedMemoryHistory] = field(default_factory=dict)
    withdrawn: Mapping[tuple[str, str], datetime] = field(default_factory=dict)

    def build(self, project: str, digest: str) -> BuildHistory:
        return self.builds.get((project, digest), NO_BUILD)

    def member(self, key: Key) -> MemberHistory:
        return self.members.get(key, NO_MEMBER)


def phases(
    history: History, applications: Iterable[ObservedApplication], now: datetime
) -> dict[str, ApplicationHistory]:
    """Each application's history with its present phase, by id."""
    by_id: dict[str, ApplicationHistory] = {}
    for app in applications:
        previous = history.applications.get(app.id) or ApplicationHistory(app.phase, now)
        changed = previous.phase is not app.phase
        by_id[app.id] = replace(previous, phase=app.phase, since=now) if changed else previous
    return by_id


def note_unjoined(history: History, unjoined: Iterable[Key], now: datetime) -> History:
    """The history with the time since which running members have been missing from Ray."""
    keys = set(unjoined)
    members = dict(history.members)
    for key, member in history.members.items():
        if key not in keys and member.unjoined_since is not None:
            members[key] = replace(member, unjoined_since=None)
    for key in keys:
        member = members.get(key, NO_MEMBER)
        if member.unjoined_since is None:
            members[key] = replace(member, unjoined_since=now)
    return replace(history, members=members)


def record(history: History, outcomes: Iterable[Outcome], now: datetime) -> History:
    """The history after a pass.

    Skipped steps leave no trace, unless their file could not be written: such steps are retried
    ever less often.
    """
    for outcome in outcomes:
        if outcome.result is not Result.SKIPPED or outcome.fault is FaultKind.UNWRITTEN:
            history = _record(history, outcome, now)
    return history


def _record(history: History, outcome: Outcome, now: datetime) -> History:
    key, build = outcome.step.key, outcome.step.build
    if isinstance(outcome.step.action, Withdraw):
        place = outcome.step.project, outcome.step.action.path
        withdrawn = {**history.withdrawn, place: now}
        history = replace(history, withdrawn=dict(list(withdrawn.items())[-_WITHDRAWN_MAX:]))
    if build is not None:
        builds = {**history.builds, build: _build(history.build(*build), outcome, now)}
        return replace(history, builds=dict(list(builds.items())[-_BUILDS_MAX:]))
    if key is None:
        return _record_limit(history, outcome, now)
    if phase := _phase_without_restart(history, outcome):
        member = replace(history.member(key), error=outcome.message)
        refused = history.no_restart | {phase}
        return replace(history, members={**history.members, key: member}, no_restart=refused)
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


def _phase_without_restart(history: History, outcome: Outcome) -> Phase | None:
    """The phase in which the workspace refused a restart since the application does not run."""
    app = history.applications.get(outcome.step.application_id or "")
    if app is None or outcome.fault is not FaultKind.NOT_LIVE:
        return None
    return app.phase if app.phase in (Phase.FAILED, Phase.STOPPED) else None


def _record_limit(history: History, outcome: Outcome, now: datetime) -> History:
    action, project = outcome.step.action, outcome.step.project
    if not isinstance(action, RaiseSharedMemory):
        return history
    before = history.shared_memory.get(project) or SharedMemoryHistory()
    denied = outcome.result is Result.REJECTED or outcome.fault in _DENIED
    message = outcome.message if denied else ""
    after = before.tried(action, now, is_done=outcome.result is Result.DONE, denied=message)
    return replace(history, shared_memory={**history.shared_memory, project: after})


def _build(history: BuildHistory, outcome: Outcome, now: datetime) -> BuildHistory:
    action = outcome.step.action
    before = action.after if isinstance(action, StartRun) else outcome.step.job_id or ""
    starts = history.starts + isinstance(action, StartRun | CreateBuilder)
    latest = BuildHistory(outcome.step.name, before, now, starts=starts)
    if isinstance(action, DeleteBuilder) and outcome.step.reason is Reason.ENVIRONMENT_FAILED:
        failed_at = history.failed_at or now
        latest = replace(latest, failed_at=failed_at, failure=outcome.step.message)
    if outcome.result in (Result.DONE, Result.UNKNOWN) or outcome.fault is FaultKind.CHANGED:
        return latest
    refused = outcome.result is Result.REJECTED
    latest = replace(latest, refused=refused, quota=outcome.fault is FaultKind.QUOTA_EXCEEDED)
    return replace(latest, failures=history.failures + 1, error=outcome.message)


def _member(member: MemberHistory, outcome: Outcome, now: datetime) -> MemberHistory:
    if isinstance(outcome.step.action, Withdraw):
        return replace(member, drain=None)
    if isinstance(outcome.step.action, Drain):
        member = replace(member, drain=_drain(member.drain, outcome.step.action.request, now))
        if outcome.result is Result.DONE:  # what was refused before stays refused
            return member
    match outcome.result:
        case Result.DONE:
            member = replace(member, failures=0, failed_at=None, error="", refusal=None)
        case Result.REJECTED:
            return _rejected(replace(member, error=outcome.message), outcome, now)
        case Result.FAILED | Result.UNKNOWN:
            member = replace(member, error=outcome.message)
            # An application that changed meanwhile is observed again, without a pause.
            if outcome.fault is not FaultKind.CHANGED:
                member = replace(member, failures=member.failures + 1, failed_at=now)
        case Result.SKIPPED:
            tries = member.failures + 1
            return replace(member, error=outcome.message, failures=tries, failed_at=now)
    if isinstance(outcome.step.action, RequireSignIn):
        return _sign_in(member, outcome)
    return _effect(member, outcome, now)


def _drain(before: DrainHistory | None, request: HeadRequest, now: datetime) -> DrainHistory:
    """Its time runs from the first attempt to write the request, even where that failed."""
    same = before is not None and before.engine_id == request.engine_id
    since = before.since if before is not None and same else now
    return DrainHistory(request.engine_id, request.id, since, now)


def _sign_in(member: MemberHistory, outcome: Outcome) -> MemberHistory:
    """A field that CML ignores is no failure of the member: its repairs go on."""
    if outcome.unapplied:
        tries = member.sign_in_tries + 1
        return replace(member, sign_in_tries=tries, failures=0, failed_at=None)
    return replace(member, sign_in_tries=0) if outcome.result is Result.DONE else member


def _effect(member: MemberHistory, outcome: Outcome, now: datetime) -> MemberHistory:
    done, reason = outcome.result is Result.DONE, outcome.step.reason
    match outcome.step.action:
        case Create() | CreateProject() if done or outcome.result is Result.UNKNOWN:
            member = replace(member, created_id=outcome.application_id, created_at=now)
        case Update() | RaiseSharedMemory() if outcome.unapplied:
            tries = member.unapplied_tries + 1
            member = replace(member, unapplied=outcome.unapplied, unapplied_tries=tries)
        case Update() if done:
            member = replace(
                member, unapplied=(), unapplied_tries=0, refused_update=None, update_stops=0
            )
        case Stop() if done:
            stops = member.update_stops + (reason is Reason.OUTDATED)
            member = replace(member, update_stops=stops)
        case Restart() if done:
            member = replace(member, attempts=_with_attempt(member, now))
        case Delete() if done and reason in (Reason.DOWN, Reason.RESUMED):
            member = replace(member, attempts=_with_attempt(member, now))  # to start it
        case Delete() | DeleteProject() if done and reason is Reason.REPLACED:
            member = replace(member, replaced=True, unapplied_tries=0)
        case Delete() | DeleteProject() if done:
            member = replace(member, deleted_at=now)
    return member


def _with_attempt(member: MemberHistory, now: datetime) -> tuple[datetime, ...]:
    recent = tuple(t for t in member.attempts if now - t < _HOUR)
    return (*recent, now)[-_ATTEMPTS_MAX:]


def _rejected(member: MemberHistory, outcome: Outcome, now: datetime) -> MemberHistory:
    """A refused update stays refused while the member keeps its configuration."""
    if isinstance(outcome.step.action, Update):
        before = member.refused_update
        return replace(member, refused_update=_refusal(before, member.fingerprint, outcome, now))
    return replace(member, refusal=_refusal(member.refusal, member.fingerprint, outcome, now))


def _refusal(before: Refusal | None, mark: str, outcome: Outcome, now: datetime) -> Refusal:
    action = outcome.step.name
    if before is None or (before.action, before.fault) != (action, outcome.fault):
        return Refusal(action, mark, outcome.message, outcome.fault, now, now)
    return replace(before, message=outcome.message, last_at=now, tries=before.tries + 1)


def forget_changed(history: History, fingerprints: Mapping[Key, str]) -> History:
    """The history without failures and refusals of members whose fingerprint has changed.

    A newer spec wins over waiting.  `fingerprints` are those of all desired members.
    """
    members: dict[Key, MemberHistory] = {}
    for key, member in history.members.items():
        fingerprint = fingerprints.get(key)
        if fingerprint is None or member.fingerprint in ("", fingerprint):
            members[key] = replace(member, fingerprint=fingerprint or member.fingerprint)
        else:
            members[key] = MemberHistory(
                fingerprint=fingerprint, created_id=member.created_id, created_at=member.created_at
            )
    return replace(history, members=members)
