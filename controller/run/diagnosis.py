"""Diagnosis of clusters that did not converge: conditions, ends of logs, and remedies.

Reads only through the files port; an unreadable log does not hide the rest.
"""

from collections.abc import Iterable, Iterator

from controller.core.model.plan import Plan
from controller.core.model.reasons import Outlook, Reason
from controller.core.status.status import ClusterStatus, MemberStatus, Status
from controller.files.port import FilesError
from controller.printable import one_line
from controller.run.convergence import Convergence
from controller.workspace.session import Session

LOG_LINES = 20
LOGS_MAX = 3
_LINE_MAX = 400  # characters

_REMEDIES = {
    Reason.PAUSED: "raycml unpause {cluster}   (or set `paused: false` in its spec)",
    Reason.PROTECTED: "set `protect: false` in its spec, then run raycml reconcile",
    Reason.UPGRADES_OFF: "set `upgradeStrategy: {{type: RollingUpdate}}` in its spec",
    Reason.PRUNE_LIMIT: "raycml delete {cluster}",
    Reason.NAME_CONFLICT: (
        "raycml adopt {cluster}   (or rename the cluster, or delete the application with that name)"
    ),
    Reason.PROJECT_NOT_FOUND: "correct `project` in its spec, then run raycml plan",
}


def log_path(cluster: str, member: str) -> str:
    """Path of a member's log, from the project's home."""
    return f".raycml/logs/{cluster}/{member.replace('/', '-')}.log"


def explain(end: Convergence, session: Session) -> Iterator[str]:
    """Lines on the end of a command, with the logs of at most three members."""
    status, plan = end.last.status, end.last.plan
    for cluster in status.clusters:
        for condition in cluster.conditions if cluster.word != "Ready" else ():
            fact = f"{condition.type}={condition.status} {condition.reason}"
            yield f"{cluster.name}  {fact}: {condition.message}"
    logs = 0
    for cluster, member in _unwell(status):
        yield f"{cluster.name} {member.member}  {member.phase}: {member.doing or 'not ready'}"
        if logs < LOGS_MAX and member.application_id and member.phase in ("FAILED", "RUNNING"):
            logs += 1
            yield from _log(session, cluster, member)
    yield from (f"try: {remedy}" for remedy in remedies(plan, status))


def _unwell(status: Status) -> list[tuple[ClusterStatus, MemberStatus]]:
    """Failed members first, then running ones that have not joined."""
    unwell = [
        (cluster, member)
        for cluster in status.clusters
        for member in cluster.members
        if member.doing or member.phase == "FAILED"
    ]
    return sorted(unwell, key=lambda pair: pair[1].phase != "FAILED")


def _log(session: Session, cluster: ClusterStatus, member: MemberStatus) -> Iterable[str]:
    path = log_path(cluster.name, member.member)
    try:
        data = session.files(cluster.project).read(path)
    except FilesError as error:
        return [f"    log cannot be read: {error}"]
    if not data:
        return [f"    no log yet ({path})"]
    lines = data.decode(errors="replace").rstrip().splitlines()[-LOG_LINES:]
    return [f"    end of {path}:", *(f"    | {one_line(line[:_LINE_MAX])}" for line in lines)]


def remedies(plan: Plan, status: Status) -> list[str]:
    """Remedies, each once, for all reasons that need manual action, or else for a closer look."""
    commands: dict[str, None] = {}
    for wait in plan.waits:
        if wait.reason.outlook is Outlook.PERSON:
            remedy = _REMEDIES.get(wait.reason, "raycml status {cluster}")
            commands[remedy.format(cluster=wait.cluster)] = None
    unwell = [cluster.name for cluster in status.clusters if cluster.word != "Ready"]
    if not commands and unwell:
        commands[f"raycml status {unwell[0]}"] = None
    return list(commands)
