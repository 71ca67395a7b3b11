"""Assessment of a pass: the status of each cluster and member."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, TypeVar

from controller.core.model.desired import LAUNCHERS
from controller.core.model.member import Member, application_name
from controller.core.model.observed import ObservedApplication, Phase, key_of
from controller.core.model.other_clocks import credible
from controller.core.model.plan import Intent, Plan, Step, Wait
from controller.core.model.ray.report import MemberReport
from controller.core.model.reasons import Reason
from controller.core.situation.cluster import ClusterSituation, MemberSituation
from controller.core.situation.past import Past
from controller.core.situation.situation import Situation
from controller.core.spec.placement.kinds import ACCELERATOR, NONE, read_record
from controller.core.status.conditions import conditions, is_ready, phase_word
from controller.core.status.status import RAY_WORDS, ClusterStatus, Condition, MemberStatus, Status

_Item = TypeVar("_Item", Step, Wait)


def assess(situation: Situation, plan: Plan, revision: str = "") -> Status:
    """The status after a pass, from the situation that the plan was made for."""
    parts = _by_cluster(plan)
    clusters = [
        _declared(cluster, parts.get(cluster.desired.name, Plan()), revision)
        for cluster in situation.clusters
    ]
    declared = {cluster.name for cluster in clusters}
    others = parts.keys() - declared - {""}
    clusters += [_undeclared(name, situation, parts[name], revision) for name in others]
    return Status(
        clusters=tuple(sorted(clusters, key=lambda c: c.name)),
        as_of=situation.now,
        revision=revision,
        unreadable=situation.observed.unreadable(situation.policy.owner),
    )


def _by_cluster(plan: Plan) -> dict[str, Plan]:
    """The parts of the plan, in one walk; steps of no cluster under an empty name."""
    parts: dict[str, tuple[list[Step], list[Wait]]] = {}
    for step in plan.steps:
        parts.setdefault(step.cluster, ([], []))[0].append(step)
    for wait in plan.waits:
        parts.setdefault(wait.cluster, ([], []))[1].append(wait)
    return {name: Plan(tuple(steps), tuple(waits)) for name, (steps, waits) in parts.items()}


def _declared(cluster: ClusterSituation, plan: Plan, revision: str) -> ClusterStatus:
    truths = conditions(cluster, plan, revision)
    doing = _Doing(plan)
    rows = [_row(cluster, member, doing) for member in cluster.members]
    rows += [_application_row(u.key.member, u.app, doing) for u in cluster.matching.unwanted]
    return ClusterStatus(
        name=cluster.desired.name,
        project=cluster.desired.project,
        word=phase_word(cluster.desired, truths),
        desired=len(cluster.members),
        ready=sum(1 for member in cluster.members if is_ready(member)),
        groups={group.name: _count(cluster.of(group)) for group in cluster.desired.groups},
        conditions=truths,
        members=tuple(rows),
        report=cluster.report,
        limits=cluster.desired.limits,
    )


def _count(members: Sequence[MemberSituation]) -> tuple[int, int]:
    return sum(1 for member in members if is_ready(member)), len(members)


def _undeclared(name: str, situation: Situation, plan: Plan, revision: str) -> ClusterStatus:
    """A cluster that no spec declares, or one that is frozen."""
    apps = situation.index.of_cluster.get(name, ())
    doing = _Doing(plan)
    ordered = sorted(apps, key=lambda app: (key_of(app), app.id))
    rows = tuple(_application_row(key_of(app).member, app, doing) for app in ordered)
    waits = [w for w in plan.waits if w.member is None]
    reason = waits[0].reason if waits else Reason.PRUNED
    leaving = any(s.intent is Intent.DELETE for s in plan.steps) or not waits
    word = "Deleting" if leaving else _WITHOUT_SPEC.get(reason, "Stalled")
    message = waits[0].message if waits else reason.meaning
    condition = Condition("Synced", "False", reason.title, message, revision)
    project = apps[0].project if apps else ""
    return ClusterStatus(name, project, word, 0, 0, {}, (condition,), rows)


_WITHOUT_SPEC = {Reason.ORPHAN: "Orphan", Reason.PRUNE_GRACE: "Leaving"}


def _row(cluster: ClusterSituation, situation: MemberSituation, doing: "_Doing") -> MemberStatus:
    app, member = situation.app, situation.key.member
    if app is None:
        text, reason = doing.of(member, None)
        name = application_name(cluster.desired.name, member)
        return MemberStatus(str(member), name, "", "-", "-", text, reason)
    row = _application_row(member, app, doing)
    return replace(
        row,
        doing=row.doing or capped(situation.report),
        ray=RAY_WORDS[situation.joined] if situation.phase is Phase.RUNNING else "-",
        node_id="" if situation.report is None else situation.report.node_id,
        since=_since(app, cluster.past),
        launcher=app.script,
        edition_behind=_edition_behind(app, cluster.policy.edition),
    )


def _application_row(member: Member, app: ObservedApplication, doing: "_Doing") -> MemberStatus:
    text, reason = doing.of(member, app.id)
    record = read_record("" if app.mark is None else app.mark.resolved)
    name = record.get(ACCELERATOR, (NONE, ""))[0]
    return MemberStatus(
        str(member),
        app.name,
        app.id,
        str(app.phase),
        "-",
        text,
        reason,
        runtime=app.runtime,
        accelerator="" if name == NONE else name,
        subdomain=app.subdomain,
    )


def capped(report: MemberReport | None) -> str:
    """A sentence on an object store that shared memory limits; empty for another one."""
    if report is None or not report.is_capped:
        return ""
    have = min(report.store_bytes, report.shm_bytes or report.store_bytes) / 2**30
    asked = report.store_asked_bytes / 2**30
    return (
        f"object store capped to {have:.3g} of {asked:.3g} GiB; restart the member to use a larger "
        "limit"
    )


def _edition_behind(app: ObservedApplication, edition: str) -> bool:
    script = app.script
    return script.startswith(f"{LAUNCHERS}/") and not script.endswith(f"-{edition}.py")


def _since(app: ObservedApplication, past: Past) -> datetime | None:
    """Start of its present phase: as CML reports it, or else as this controller observed it."""
    return credible(app.in_phase_since, past.now) or past.application(app).since


class _Doing:
    """Next steps and waits of the members of one cluster, as text with its reason."""

    _TEXT: ClassVar = {
        Intent.CREATE: "to be created",
        Intent.UPDATE: "to be updated",
        Intent.RESTART: "to be restarted",
        Intent.DELETE: "to be deleted",
        Intent.STOP: "to be stopped",
        Intent.START: "to be started",
    }

    def __init__(self, plan: Plan) -> None:
        self._steps = _by_member(plan.steps)
        self._waits = _by_member(plan.waits)

    def of(self, member: Member, app_id: str | None) -> tuple[str, Reason | None]:
        for step in self._steps.get(member, ()):
            if step.application_id in (None, app_id):
                doing = self._TEXT.get(step.intent, step.name)
                return f"{doing}: {step.reason.meaning}", step.reason
        for wait in self._waits.get(member, ()):
            return wait.message, wait.reason
        return "", None


def _by_member(items: Iterable[_Item]) -> dict[Member, list[_Item]]:
    by_member: dict[Member, list[_Item]] = {}
    for item in items:
        if item.member is not None:
            by_member.setdefault(item.member, []).append(item)
    return by_member
