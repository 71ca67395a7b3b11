"""Status for users: no alarm without a spec, no `Reconciling` without a controller."""

from collections.abc import Iterable
from dataclasses import replace

from controller.cli.output.status_basis import Basis
from controller.core.model.lease import Lease
from controller.core.model.observed import key_of
from controller.core.model.plan import Wait
from controller.core.model.reasons import Reason
from controller.core.status.comparison import compared_only
from controller.core.status.status import ClusterStatus, Condition, Status
from controller.core.status.without_spec import without_spec
from controller.files.port import FilesError
from controller.files.reports import read_report
from controller.process.identity import is_dead
from controller.reconcile import Pass
from controller.terminal.screen import Screen
from controller.workspace.session import Session

# Reasons that need no spec, with the type of the condition and the state of the cluster, if any.
_CONDITIONS = {
    Reason.PAUSED: ("Paused", "Paused"),
    Reason.PRUNE_GRACE: ("Reconciling", "Leaving"),
    Reason.PROTECTED: ("Stalled", ""),
}


def judged(done: Pass, basis: Basis, session: Session, *, at_work: bool) -> Status:
    """The status of a read-only pass.  `at_work`: a controller holds the lease."""
    declared = {c.name for c in done.desired.clusters} | set(done.desired.frozen)
    clusters = []
    for cluster in done.status.clusters:
        if cluster.name not in declared:
            clusters.append(_undeclared(cluster, done, session))
        elif at_work and basis.is_followed(cluster.name):
            clusters.append(cluster)
        elif not _is_long_gone(cluster, basis):
            clusters.append(compared_only(cluster))
    return replace(done.status, clusters=tuple(clusters))


def _is_long_gone(cluster: ClusterStatus, basis: Basis) -> bool:
    absent = not any(member.application_id for member in cluster.members)
    return absent and cluster.name in basis.ambiguous


def _undeclared(cluster: ClusterStatus, done: Pass, session: Session) -> ClusterStatus:
    owned = done.observed.owned(session.owner)
    apps = [app for app in owned if key_of(app).cluster == cluster.name]
    if not apps:
        return cluster
    report = read_report(session.files(apps[0].project), cluster.name)
    fresh_s = session.policy.report_fresh_s
    cluster = without_spec(cluster, apps, report, done.observed.as_of, fresh_s)
    waits = (w for w in done.plan.waits if w.cluster == cluster.name and w.member is None)
    return _with_waits(cluster, waits)


def _with_waits(cluster: ClusterStatus, waits: Iterable[Wait]) -> ClusterStatus:
    """The cluster with its pause, protection and grace period, which need no spec."""
    for wait in waits:
        if wait.reason in _CONDITIONS:
            kind, word = _CONDITIONS[wait.reason]
            condition = Condition(kind, "True", wait.reason.title, wait.message)
            conditions = (*cluster.conditions, condition)
            cluster = replace(cluster, word=word or cluster.word, conditions=conditions)
    return cluster


def read_lease(session: Session) -> Lease | None:
    """The lease; None if it is free or cannot be read."""
    try:
        lease = session.lease.read()
    except FilesError:
        return None
    return None if lease is None or lease.released else lease


def is_at_work(lease: Lease | None) -> bool:
    """True if a process holds the lease and is not known to be dead."""
    return lease is not None and not is_dead(lease.place)


def as_owner_there(screen: Screen, session: Session) -> Session:
    """The session with the owner of the applications in its project, if they have a single one.

    The default owner is the connection's project; a controller of another project marks its
    applications with the ID of that project.
    """
    if screen.system.environ.get("RAYCML_OWNER"):
        return session
    apps = session.client.list_applications(session.project).applications
    owners = sorted({app.mark.owner for app in apps if app.mark is not None})
    if session.owner in owners or not owners:
        return session
    if len(owners) > 1:
        screen.say(
            f"clusters of this project have several owners: {', '.join(owners)}; "
            "none is shown as managed; set RAYCML_OWNER to one of them"
        )
        return session
    return session.with_owner(owners[0])
