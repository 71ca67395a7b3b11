"""What to do about one wanted member, in the order in which questions must be asked.

A newer spec always wins over waiting: an outdated member that does not serve anyway is brought up
to date at once, whatever it is stuck in.
"""

from datetime import datetime

from controller.core.model.desired import Strategy
from controller.core.model.history import Refusal
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.offers import IMAGE, SIZES, Offers, unoffered
from controller.core.model.plan import Change, Intent
from controller.core.model.reasons import Reason
from controller.core.planner import partial_plan as draft
from controller.core.planner.backoff import QUOTA, gate, quota_pause_s, settling, spent
from controller.core.planner.partial_plan import NOTHING, PartialPlan, wait
from controller.core.planner.phases import absent, down, running, starting, stopping, unknown
from controller.core.situation.matching import Match
from controller.core.situation.situation import Case, View, is_up


def decide(view: View, case: Case, *, permitted: bool) -> PartialPlan:
    """Steps and waits of one wanted member.

    `permitted`: whether the group's budget allows to take this member away now, if it serves.
    """
    app = case.seat.app
    if app is None:
        return absent(view, case.seat)
    if held := settling(view.past, case.seat.key, app):
        return held
    match app.phase:
        case Phase.STOPPING:
            return stopping(view, case.seat, app)
        case Phase.UNKNOWN:
            return unknown(view, case.seat.key, app)
        case _:
            return _settled(view, case, app, permitted=permitted)


def _settled(view: View, case: Case, app: ObservedApplication, *, permitted: bool) -> PartialPlan:
    closing = _closing(view, case, app) if app.public else NOTHING
    return closing if closing.steps else closing + _kept(view, case, app, permitted=permitted)


def _closing(view: View, case: Case, app: ObservedApplication) -> PartialPlan:
    """Ray's page takes jobs, so a sign-in is put back first, and whatever protects the member."""
    key = case.seat.key
    if view.past.member(key).sign_in_tries >= view.policy.updates_max:
        message = (
            "CML accepts but does not take that it asks for a sign-in; switch `Enable "
            "Unauthenticated Access` of the application off in its settings"
        )
        return wait(key, Reason.FIELD_NOT_APPLIED, message, intent=Intent.BLOCKED)
    held = gate(view.past, key, "require_sign_in")
    return NOTHING if held else draft.require_sign_in(case.seat, app)


def _kept(view: View, case: Case, app: ObservedApplication, *, permitted: bool) -> PartialPlan:
    if case.drift:
        held = _blocked(view, case)
        if held is None:
            return _outdated(view, case, app, permitted=permitted)
        return held + _as_it_is(view, case, app, permitted=permitted)
    return _as_it_is(view, case, app, permitted=permitted)


def _as_it_is(view: View, case: Case, app: ObservedApplication, *, permitted: bool) -> PartialPlan:
    """The member with the configuration that it has."""
    match app.phase:
        case Phase.STARTING:
            return starting(view, case.seat, app)
        case Phase.RUNNING:
            return running(view, case, app, permitted=permitted)
        case _:
            return down(view, case, app)


def _blocked(view: View, case: Case) -> PartialPlan | None:
    """Why an outdated member is not brought up to date at all, if so; then a person decides."""
    if view.cluster.strategy is Strategy.NONE:
        message = "upgradeStrategy.type is None: the change is reported only"
        return _block(case, Reason.UPGRADES_OFF, message)
    if view.cluster.protected and case.seat.member.is_head and is_up(case.phase):
        return _block(case, Reason.PROTECTED, "the cluster is protected: its head is not restarted")
    if view.cluster.protected and case.drift.whole_cluster:
        message = "the cluster is protected: a change of Ray or Python would restart its head"
        return _block(case, Reason.PROTECTED, message)
    if said := _not_offered(view, case):
        return _block(case, Reason.NOT_OFFERED, said)
    return _not_taken(view, case)


def _not_taken(view: View, case: Case) -> PartialPlan | None:
    """CML refused the update, or ignored it: the member goes on with what it has."""
    known = view.past.member(case.seat.key)
    if known.refused_update is not None:
        return _refused(view, case, known.refused_update, known.update_stops)
    tried = known.unapplied_tries >= view.policy.updates_max
    # A new application would get the same variables from the same server.
    keeps = view.cluster.protected or set(known.unapplied) == {"environment"}
    if known.unapplied and (known.replaced or (tried and keeps)):
        return _block(case, Reason.FIELD_NOT_APPLIED, _ignored(known.unapplied, case.drift.changes))
    return None


def _refused(view: View, case: Case, refusal: Refusal, stops: int) -> PartialPlan | None:
    """A quota may be free again without anything in sight; any other refusal is for good.

    To try again stops a member that serves, so it is tried ever less often; one that is down
    anyway loses nothing by it.
    """
    if refusal.fault != QUOTA:
        message = f"CML refused to update it, so it keeps what it has: {refusal.message}"
        return _block(case, Reason.REJECTED, message)
    until = _again_at(view, case, refusal, stops)
    if view.now >= until:
        return None
    message = (
        "CML has no quota left to update it, so it keeps what it has; tried again at "
        f"{until:%Y-%m-%d %H:%M} UTC: {refusal.message}"
    )
    return wait(
        case.seat.key,
        Reason.QUOTA_EXCEEDED,
        message,
        intent=Intent.BLOCKED,
        changes=case.drift.changes,
        until=until,
    )


def _again_at(view: View, case: Case, refusal: Refusal, stops: int) -> datetime:
    quick_s, slow_s = quota_pause_s(refusal.tries), view.policy.update_again_s(stops)
    return view.past.after(refusal.last_at, slow_s if is_up(case.phase) else quick_s)


def _not_offered(view: View, case: Case) -> str:
    """Why the change cannot be applied, here or to a node that must agree with this one."""
    if view.offers is None:
        return ""
    if said := _unoffered(view.offers, case):
        return said
    others = view.cases if case.drift.whole_cluster else ()
    found = ((other, _unoffered(view.offers, other)) for other in others)
    return next((f"{other.seat.member} cannot follow: {said}" for other, said in found if said), "")


def _unoffered(offers: Offers, case: Case) -> str:
    fields = [change.field for change in case.drift.changes]
    new = (IMAGE, *SIZES) if case.seat.app is None else fields
    return unoffered(offers, case.seat.group.inputs, new)


def _ignored(names: tuple[str, ...], changes: tuple[Change, ...]) -> str:
    wants = {change.field: change.wants for change in changes}
    said = ", ".join(f"{name} ({wants[name]})" if wants.get(name) else name for name in names)
    return f"CML accepts but does not take {said}; change the spec, or ask the workspace's admin"


def _block(case: Case, reason: Reason, message: str) -> PartialPlan:
    return wait(case.seat.key, reason, message, intent=Intent.BLOCKED, changes=case.drift.changes)


def _outdated(view: View, case: Case, app: ObservedApplication, *, permitted: bool) -> PartialPlan:
    seat, changes = case.seat, case.drift.changes
    if held := spent(view.past, seat.key, "differs again after an update"):
        return held
    if view.past.member(seat.key).unapplied_tries >= view.policy.updates_max:
        return gate(view.past, seat.key, "delete") or draft.replace(seat, app, changes)
    if not is_up(app.phase):
        return gate(view.past, seat.key, "update") or draft.update_and_start(
            seat, app, changes, view.policy
        )
    if case.available and not permitted:
        return _after_refused(view, case) or _after_others(seat, changes)
    message = _whole_cluster(view)
    return gate(view.past, seat.key, "stop") or draft.stop_to_update(
        seat, app, changes, message, view.policy
    )


def _whole_cluster(view: View) -> str:
    if any(case.drift.whole_cluster for case in view.cases):
        return "all nodes must agree on Ray and Python: the whole cluster is recreated"
    return ""


def _after_refused(view: View, case: Case) -> PartialPlan | None:
    """Nobody is stopped for a change that CML refused to another member of the group."""
    for other in view.of(case.seat.group):
        refusal = view.past.member(other.seat.key).refused_update
        if other.available and refusal is not None:
            reason = Reason.QUOTA_EXCEEDED if refusal.fault == QUOTA else Reason.REJECTED
            message = f"follows {other.seat.member}, which CML refused to update"
            return _block(case, reason, message)
    return None


def _after_others(seat: Match, changes: tuple[Change, ...]) -> PartialPlan:
    budget = seat.group.budget
    return wait(
        seat.key,
        Reason.ROLLING,
        f"follows when no more than {budget} of the group would be away",
        intent=Intent.UPDATE,
        changes=changes,
    )


def rest(view: View, case: Case) -> PartialPlan:
    """A member of a suspended cluster or group: it is only ever stopped."""
    app = case.seat.app
    if app is None:
        return NOTHING
    if held := settling(view.past, case.seat.key, app):
        return held
    match app.phase:
        case Phase.RUNNING | Phase.STARTING:
            return gate(view.past, case.seat.key, "stop") or draft.stop(case.seat, app)
        case Phase.STOPPING:
            return stopping(view, case.seat, app)
        case Phase.UNKNOWN:
            return unknown(view, case.seat.key, app)
        case _:
            return NOTHING
