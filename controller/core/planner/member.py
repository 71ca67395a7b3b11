"""The plan of one desired member: its rules, in the order in which they apply.

A newer spec always wins over waiting: an outdated member that does not serve anyway is brought up
to date at once, whatever it is stuck in.
"""

from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import NOTHING, Plan
from controller.core.model.reasons import Reason
from controller.core.planner import steps
from controller.core.planner.creation import absent
from controller.core.planner.phases import (
    beside_other_ray,
    running,
    starting,
    stopping,
    unknown,
)
from controller.core.planner.restart import down
from controller.core.planner.retries import gate
from controller.core.planner.settling import settling
from controller.core.planner.update import update, update_blocked
from controller.core.planner.waits import wait
from controller.core.situation.cluster import ClusterSituation, MemberSituation


def plan_member(cluster: ClusterSituation, member: MemberSituation, *, permitted: bool) -> Plan:
    """Steps and waits of one desired member.

    `permitted`: the group's budget allows this member to be taken away now, if it serves.
    """
    app = member.app
    if app is None:
        return _beside_adopted(member) if cluster.kept else _absent(cluster, member)
    if waits := settling(cluster.past, member.key, app):
        return waits
    match app.phase:
        case Phase.STOPPING:
            return stopping(cluster, member.match, app)
        case Phase.UNKNOWN:
            return unknown(cluster, member.key, app)
        case _:
            return _settled(cluster, member, app, permitted=permitted)


def _absent(cluster: ClusterSituation, member: MemberSituation) -> Plan:
    """No application is created that Ray would not let join, unless its head is to follow."""
    head = next(each for each in cluster.members if each.key.member.is_head)
    follows = bool(head.drift) and update_blocked(cluster, head) is None
    waits = None if follows else beside_other_ray(cluster, member)
    return waits or absent(cluster, member.match)


def _beside_adopted(member: MemberSituation) -> Plan:
    message = (
        "the head runs as it was adopted, so a new member cannot join it; change the spec of the "
        f"cluster, or run `raycml adopt {member.key.cluster} --update`, to update all members"
    )
    return wait(member.key, Reason.HEAD_AS_ADOPTED, message)


def _settled(
    cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication, *, permitted: bool
) -> Plan:
    sign_in = _sign_in(cluster, member, app) if app.public else NOTHING
    if sign_in.steps:
        return sign_in
    blocked = update_blocked(cluster, member) if member.drift else NOTHING
    if blocked is None:
        return sign_in + update(cluster, member, app, permitted=permitted)
    return sign_in + blocked + _by_phase(cluster, member, app, permitted=permitted)


def _sign_in(cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication) -> Plan:
    """Require a sign-in again.

    First of all and whatever protects the member: Ray's dashboard takes jobs.  A member that is
    kept as it was adopted stays open, as the person who adopted it read.
    """
    if member.kept:
        return NOTHING
    key = member.key
    if cluster.past.member(key).sign_in_tries >= cluster.policy.updates_max:
        message = (
            "CML ignores the setting that requires a sign-in; turn off `Enable Unauthenticated "
            "Access` in the settings of the application"
        )
        return wait(key, Reason.FIELD_NOT_APPLIED, message)
    waits = gate(cluster.past, key, "require_sign_in")
    return NOTHING if waits else steps.require_sign_in(member.match, app)


def _by_phase(
    cluster: ClusterSituation, member: MemberSituation, app: ObservedApplication, *, permitted: bool
) -> Plan:
    """The member with the configuration that it has."""
    match app.phase:
        case Phase.STARTING:
            return starting(cluster, member.match, app)
        case Phase.RUNNING:
            return running(cluster, member, app, permitted=permitted)
        case _:
            return down(cluster, member, app)


def rest(cluster: ClusterSituation, member: MemberSituation) -> Plan:
    """A member of a suspended cluster or group: it is only ever stopped."""
    app = member.app
    if app is None:
        return NOTHING
    if waits := settling(cluster.past, member.key, app):
        return waits
    match app.phase:
        case Phase.RUNNING | Phase.STARTING:
            return gate(cluster.past, member.key, "stop") or steps.stop(member.match, app)
        case Phase.STOPPING:
            return stopping(cluster, member.match, app)
        case Phase.UNKNOWN:
            return unknown(cluster, member.key, app)
        case _:
            return NOTHING
