"""Rotation of a cluster's token: the request for another one, and a restart of the head.

The present token stays valid until the head starts again, which creates the next one; so nothing is
broken by a command that is killed in between, and its repetition completes the rotation.
"""

from controller.adoption.release import releasable
from controller.core.model.desired import STATES
from controller.core.model.member import THE_HEAD
from controller.core.model.observed import ObservedApplication, Phase, fills, key_of
from controller.core.spec.revision import SpecDocument
from controller.files.reports import read_report
from controller.files.tokens import request_rotation
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.workspace.session import Session

AT_REST = "the head does not run"


def head_of(session: Session, name: str, document: SpecDocument | None) -> ObservedApplication:
    """The head's application.  CommandError for a cluster that has no token, or must not change."""
    apps = releasable(session, name, document)
    head = next((app for app in apps if key_of(app).member == THE_HEAD), None)
    if head is None:
        message, remedy = f"{name} has no head", f"`raycml status {name}`"
        raise CommandError(message, Exit.REFUSED, remedy)
    stored = session.files(session.project).listing(f"{STATES}/{name}")
    if not any(file.name == "token" and not file.is_dir for file in stored):
        message = f"{name} has no token: its Ray does not ask for one"
        raise CommandError(message, Exit.REFUSED, "`authOptions: {mode: token}` in its spec")
    return head


def incarnation_of(session: Session, name: str) -> str:
    """The head's start that reported last; empty without a report that can be read now."""
    report = read_report(session.files(session.project), name)
    return "" if report is None else report.incarnation


def rotate(session: Session, head: ObservedApplication, by: str, incarnation: str) -> bool:
    """Request another token, and restart the head if it runs; True if a head starts with it.

    Nothing is done twice: nothing at all once a start of the head reports that is not `incarnation`
    (empty if it was unknown).  Raises Fault and FilesError.
    """
    key, project = key_of(head), head.project
    if incarnation and incarnation_of(session, key.cluster) not in ("", incarnation):
        return True
    request_rotation(session.files(project), key.cluster, by)
    fresh = session.world.fetch(project, head.id)
    if not fills(fresh, session.owner, key):
        message = f"application {head.id} is no longer the head of {key.cluster}"
        raise CommandError(message, Exit.UNEXPECTED, "run the command again")
    if fresh.phase is Phase.RUNNING:
        session.world.restart(project, head.id)
    return fresh.phase in (Phase.RUNNING, Phase.STARTING)
