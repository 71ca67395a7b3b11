"""Orders from the web page of a running controller: small files, and a wake-up."""

import threading
from collections.abc import Callable

from controller.core.model.approval import Approval, Held
from controller.core.model.observed import Pause
from controller.core.status.snapshot import ControllerSnapshot
from controller.core.status.text import no_cluster
from controller.files.approvals import approve
from controller.files.document import render
from controller.files.pauses import pause_path
from controller.files.port import FilesError
from controller.files.records import record_id
from controller.process.operator import checked_reason
from controller.terminal.durations import parse_until
from controller.web.orders import OrderError
from controller.workspace.session import Session

BY = "the page"  # the page knows a token, not a user


class PageOrders:
    """Implementation of the page's orders; called from its threads."""

    def __init__(
        self, session: Session, snapshot: Callable[[], ControllerSnapshot], wake: threading.Event
    ) -> None:
        self._session = session
        self._snapshot = snapshot
        self._wake = wake

    def wake(self) -> None:
        self._wake.set()

    def pause(self, cluster: str, reason: str, until: str) -> None:
        now = self._session.clock.now()
        try:
            words = checked_reason(reason)
            ends = parse_until(until, now) if until.strip() else None
        except ValueError as error:
            raise OrderError(str(error)) from None
        body = render(Pause(cluster, words, BY, now, ends))
        try:
            self._session.files(self._project(cluster)).replace(pause_path(cluster), body)
        except FilesError as error:
            raise OrderError(f"the pause cannot be written: {error}") from None
        self._wake.set()

    def unpause(self, cluster: str) -> None:
        project = self._project(cluster)
        try:
            self._session.files(project).remove(pause_path(cluster))
        except FilesError as error:
            raise OrderError(f"the pause cannot be removed: {error}") from None
        self._wake.set()

    def approve(self, revision: str) -> None:
        held = self._snapshot().source.held
        if held is None or held.revision != revision:
            raise OrderError("this revision no longer needs approval")
        source = record_id(self._session.owner, held.origin)
        write_approval(self._session, source, held, BY)
        self._wake.set()

    def _project(self, cluster: str) -> str:
        status = self._snapshot().status
        row = None if status is None else status.cluster(cluster)
        if row is None:
            names = () if status is None else (each.name for each in status.clusters)
            raise OrderError(no_cluster(cluster, names))
        return row.project or self._session.project


def write_approval(session: Session, source: str, held: Held, by: str) -> None:
    """Approve the held revision of this source.  OrderError if it cannot be written."""
    approval = Approval(held.base, held.revision, held.number, by, session.clock.now())
    try:
        approve(session.files(session.project), source, approval)
    except FilesError as error:
        raise OrderError(f"the approval cannot be written: {error}") from None
