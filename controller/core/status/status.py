"""What came of it: conditions, members and one word for each cluster.  Recomputed each pass.

Nothing here latches: Ready means that Ray says so now.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.desired import LAUNCHERS, DesiredCluster, DesiredState
from controller.core.model.history import History
from controller.core.model.member import THE_HEAD, Member, application_name
from controller.core.model.observed import (
    HeadReport,
    ObservedApplication,
    ObservedState,
    Phase,
    key_of,
)
from controller.core.model.other_clocks import credible
from controller.core.model.plan import Intent, Plan, Step, Wait
from controller.core.model.policy import Policy
from controller.core.model.reasons import Outlook, Reason
from controller.core.situation.past import Past
from controller.core.situation.situation import Case, View, view


@dataclass(frozen=True, slots=True)
class Condition:
    """A named truth: `status` is "True", "False" or "Unknown"; the message is stable."""

    type: str
    status: str
    reason: str
    message: str
    revision: str = ""


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """One row of the table: `ray` is joined, "not joined" or unknown; `doing` says what is next."""

    member: str
    application: str
    application_id: str
    phase: str
    ray: str
    doing: str
    reason: Reason | None
    node_id: str = ""
    since: datetime | None = None
    launcher: str = ""
    edition_behind: bool = False
    subdomain: str = ""


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """One cluster.  `word` is the phase for people; `desired` and `ready` count members."""

    name: str
    project: str
    word: str
    desired: int
    ready: int
    groups: Mapping[str, tuple[int, int]]  # group -> ready, desired
    conditions: tuple[Condition, ...]
    members: tuple[MemberStatus, ...]
    report: HeadReport | None = None

    @property
    def head(self) -> str:
        """Subdomain of the head's application; where there is none, of the one to be."""
        named = (m.subdomain for m in self.members if m.member == str(THE_HEAD))
        return next(named, "") or application_name(self.name, THE_HEAD)

    def condition(self, kind: str) -> Condition | None:
        return next((c for c in self.conditions if c.type == kind), None)


@dataclass(frozen=True, slots=True)
class Status:
    """All clusters, by name: those with a spec, and those of ours without.

    `unreadable`: applications with this owner's mark of which no member can be read.
    """

    clusters: tuple[ClusterStatus, ...]
    as_of: datetime
    revision: str = ""
    unreadable: tuple[ObservedApplication, ...] = ()

    def cluster(self, name: str) -> ClusterStatus | None:
        return next((c for c in self.clusters if c.name == name), None)


def assess(
    desired: DesiredState,
    observed: ObservedState,
    history: History,
    policy: Policy,
    plan: Plan,
    revision: str = "",
) -> Status:
    """The status after a pass, from the same values that the plan was made of."""
    past = Past(history, policy, observed.as_of)
    only = policy.only
    chosen = [c for c in desired.clusters if only is None or c.name in only]
    clusters = [
        _held(view(c, observed, past), plan.of(c.name), revision, desired.kept.get(c.name, ""))
        for c in chosen
    ]
    known = {c.name for c in chosen}
    others = {s.cluster for s in plan.steps} - {""} | {w.cluster for w in plan.waits}
    clusters += [_unheld(n, observed, policy, plan.of(n), revision) for n in others - known]
    return Status(
        clusters=tuple(sorted(clusters, key=lambda c: c.name)),
        as_of=observed.as_of,
        revision=revision,
        unreadable=observed.unreadable(policy.owner),
    )


def _held(seen: View, plan: Plan, revision: str, kept: str) -> ClusterStatus:
    conditions = tuple(_conditions(seen, plan, revision, kept))
    ready = sum(1 for case in seen.cases if _is_ready(case))
    return ClusterStatus(
        name=seen.cluster.name,
        project=seen.cluster.project,
        word=_word(seen.cluster, conditions),
        desired=len(seen.cases),
        ready=ready,
        groups={g.name: _count(seen.of(g)) for g in seen.cluster.groups},
        conditions=conditions,
        members=_members(seen, plan),
        report=seen.report,
    )


def _is_ready(case: Case) -> bool:
    return case.phase is Phase.RUNNING and case.joined is True


def _count(cases: Sequence[Case]) -> tuple[int, int]:
    return sum(1 for case in cases if _is_ready(case)), len(cases)


def _conditions(seen: View, plan: Plan, revision: str, kept: str) -> list[Condition]:
    found = [_synced(seen, plan, kept), _ready(seen)]
    outstanding: list[Step | Wait] = [*(s for s in plan.steps if s.member), *plan.waits]
    moving = [x for x in outstanding if x.reason.outlook is Outlook.MOVING]
    if moving:
        found.append(Condition("Reconciling", "True", moving[0].reason.title, _said(moving[0])))
    stuck = [w for w in plan.waits if w.reason.outlook is Outlook.PERSON]
    if stuck:
        found.append(Condition("Stalled", "True", stuck[0].reason.title, _all_said(stuck)))
    if seen.cluster.suspended:
        found.append(_suspended(seen))
    if seen.paused:
        by = "by its spec" if seen.pause is None else f"by {seen.pause.by}: {seen.pause.reason}"
        found.append(Condition("Paused", "True", "Paused", f"paused {by}"))
    return [Condition(c.type, c.status, c.reason, c.message, revision) for c in found]


def _said(item: Step | Wait) -> str:
    who = "" if item.member is None else f"{item.member}: "
    return f"{who}{item.message or item.reason.meaning}"


def _all_said(waits: Sequence[Wait]) -> str:
    said = [_said(w) for w in waits[:5]]
    return "; ".join(said) + (f"; and {len(waits) - 5} more" if len(waits) > 5 else "")


def _synced(seen: View, plan: Plan, kept: str) -> Condition:
    """Whether every application is configured as the newest spec says; `kept`: it is unusable."""
    if kept:
        return Condition("Synced", "False", Reason.KEPT.title, kept)
    if not seen.roster.seats and not plan.waits:
        return Condition("Synced", "Unknown", "NotLooked", "nothing is known of the cluster yet")
    differing = [c for c in seen.cases if c.drift]
    absent = [c for c in seen.cases if c.seat.app is None and not _at_rest(seen, c)]
    public = [c for c in seen.cases if c.seat.app is not None and c.seat.app.public]
    public = [c for c in public if not _at_rest(seen, c)]
    leaving = seen.roster.leavers
    if public:
        names = ", ".join(str(c.seat.member) for c in public[:5])
        message = f"{len(public)} open without a sign-in: {names}"
        return Condition("Synced", "False", Reason.PUBLIC_ACCESS.title, message)
    if not differing and not absent and not leaving:
        return Condition("Synced", "True", Reason.UP_TO_DATE.title, Reason.UP_TO_DATE.meaning)
    reason = Reason.MISSING if absent else Reason.OUTDATED if differing else leaving[0].reason
    parts = [(len(absent), "missing"), (len(differing), "outdated"), (len(leaving), "unwanted")]
    message = ", ".join(f"{n} {word}" for n, word in parts if n)
    return Condition("Synced", "False", reason.title, message)


def _at_rest(seen: View, case: Case) -> bool:
    return seen.cluster.suspended or case.seat.group.suspended


def _ready(seen: View) -> Condition:
    """Whether Ray says that every wanted node is alive, now."""
    wanted = [c for c in seen.cases if not _at_rest(seen, c)]
    if not wanted:
        return Condition("Ready", "False", "Suspended", "every member is to be stopped")
    alive = sum(1 for c in wanted if _is_ready(c))
    message = f"{alive} of {len(wanted)} nodes are alive"
    if alive == len(wanted):
        return Condition("Ready", "True", Reason.READY.title, message)
    if seen.report is None and any(c.phase is Phase.RUNNING for c in wanted):
        return Condition("Ready", "Unknown", "NoHeadReport", "no fresh head report tells")
    return Condition("Ready", "False", "NodesMissing", message)


def _suspended(seen: View) -> Condition:
    up = [c for c in seen.cases if c.phase in (Phase.RUNNING, Phase.STARTING, Phase.STOPPING)]
    if up:
        return Condition("Suspended", "False", "Suspending", f"{len(up)} members still stop")
    return Condition("Suspended", "True", "Suspended", "every member is stopped and kept")


def _word(cluster: DesiredCluster, conditions: Sequence[Condition]) -> str:
    by_type = {c.type: c.status for c in conditions}
    if "Paused" in by_type:
        return "Paused"
    if cluster.suspended and "Stalled" not in by_type:
        return "Suspended" if by_type["Suspended"] == "True" else "Suspending"
    if "Stalled" in by_type:
        return "Stalled"
    if "Reconciling" in by_type:
        return "Reconciling"
    if any(c.reason == Reason.KEPT.title for c in conditions):
        return "OutOfDate"
    return "Ready" if by_type["Ready"] == "True" and by_type["Synced"] == "True" else "Reconciling"


def _members(seen: View, plan: Plan) -> tuple[MemberStatus, ...]:
    rows = [_row(seen, case, plan) for case in seen.cases]
    for leaver in seen.roster.leavers:
        doing, reason = _doing(leaver.key.member, leaver.app.id, plan)
        rows.append(_leaving_row(leaver.key.member, leaver.app, doing, reason))
    return tuple(rows)


def _row(seen: View, case: Case, plan: Plan) -> MemberStatus:
    app, member = case.seat.app, case.seat.member
    doing, reason = _doing(member, None if app is None else app.id, plan)
    ray = {True: "joined", False: "not joined", None: "unknown"}[case.joined]
    return MemberStatus(
        member=str(member),
        application=application_name(seen.cluster.name, member) if app is None else app.name,
        application_id="" if app is None else app.id,
        phase="-" if app is None else str(app.phase),
        ray="-" if case.phase is not Phase.RUNNING else ray,
        doing=doing,
        reason=reason,
        node_id="" if case.report is None else case.report.node_id,
        since=None if app is None else _since(app, seen.past),
        launcher="" if app is None else app.script,
        edition_behind=app is not None and _edition_behind(app, seen.policy.edition),
        subdomain="" if app is None else app.subdomain,
    )


def _edition_behind(app: ObservedApplication, edition: str) -> bool:
    script = app.script.removeprefix("/home/cdsw/")
    return script.startswith(f"{LAUNCHERS}/") and not script.endswith(f"-{edition}.py")


def _since(app: ObservedApplication, past: Past) -> datetime | None:
    """Since when it is in its phase: as CML tells, or else since we saw it so."""
    told = {
        Phase.RUNNING: app.running_at,
        Phase.STARTING: app.starting_at,
        Phase.STOPPED: app.stopped_at,
    }.get(app.phase)
    return credible(told, past.now) or past.application(app).since


def _leaving_row(
    member: Member, app: ObservedApplication, doing: str, reason: Reason | None
) -> MemberStatus:
    return MemberStatus(
        str(member), app.name, app.id, str(app.phase), "-", doing, reason, subdomain=app.subdomain
    )


_DOING = {
    Intent.CREATE: "to be created",
    Intent.UPDATE: "to be updated",
    Intent.RESTART: "to be restarted",
    Intent.DELETE: "to be deleted",
    Intent.STOP: "to be stopped",
    Intent.START: "to be started",
}
_WITHOUT_SPEC = {Reason.ORPHAN: "Orphan", Reason.PRUNE_GRACE: "Leaving"}


def _doing(member: Member, app_id: str | None, plan: Plan) -> tuple[str, Reason | None]:
    for step in plan.steps:
        if step.member == member and step.application_id in (None, app_id):
            return f"{_DOING.get(step.intent, step.name)}: {step.reason.meaning}", step.reason
    for wait in plan.waits:
        if wait.member == member:
            return wait.message, wait.reason
    return "", None


def _unheld(
    name: str, observed: ObservedState, policy: Policy, plan: Plan, revision: str
) -> ClusterStatus:
    """A cluster of ours that no spec holds, or one that is frozen."""
    apps = observed.by_owner(policy.owner).of_cluster.get(name, ())
    rows = []
    for app in sorted(apps, key=lambda a: (key_of(a), a.id)):
        doing, reason = _doing(key_of(app).member, app.id, plan)
        rows.append(_leaving_row(key_of(app).member, app, doing, reason))
    waits = [w for w in plan.waits if w.member is None]
    reason = waits[0].reason if waits else Reason.PRUNED
    leaving = any(s.intent is Intent.DELETE for s in plan.steps) or not waits
    word = "Deleting" if leaving else _WITHOUT_SPEC.get(reason, "Stalled")
    message = waits[0].message if waits else reason.meaning
    condition = Condition("Synced", "False", reason.title, message, revision)
    project = apps[0].project if apps else ""
    return ClusterStatus(name, project, word, 0, 0, {}, (condition,), tuple(rows))
