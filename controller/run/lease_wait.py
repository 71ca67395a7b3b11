"""Waiting for the lease, for commands that end."""

import threading
from collections.abc import Callable

from controller.core.model.fault_kinds import FaultKind
from controller.core.model.faults import Fault
from controller.core.spec.text import spoken
from controller.files.leases import LeaseHeldError
from controller.files.port import FilesError
from controller.workspace.session import Session

LOOK_S = 5.0


def await_lease(
    session: Session,
    deadline: float,
    tell: Callable[[str], None],
    stop: threading.Event | None = None,
) -> None:
    """Hold the lease, at the latest at `deadline` (monotonic); a silent holder is waited out.

    Fault where the holder shows a sign of life or the time is up; at `stop` it ends without it.
    """
    silent = ""
    while True:
        try:
            session.lease.take()
        except FilesError:
            return  # it stops nothing, as for `Session.permit`
        except LeaseHeldError as held:
            said, alive, left_s = str(held), held.alive, held.expires_in_s
        else:
            return
        spare_s = deadline - session.clock.monotonic()
        if alive or spare_s <= 0.0:
            raise Fault(said if alive else f"{said}; the time is up", kind=FaultKind.LEASE_HELD)
        if said != silent:
            silent = said
            tell(f"{said}; taken over in {spoken(left_s)} unless it shows a sign of life")
        if session.clock.wait(min(LOOK_S, max(left_s, 0.1), spare_s), stop):
            return
