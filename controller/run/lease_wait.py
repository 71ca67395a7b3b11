"""Wait for the lease, for one-shot commands."""

import threading
from collections.abc import Callable

from controller.core.model.faults import Fault, FaultKind
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
    """Hold the lease by `deadline` (monotonic); a silent holder's lease is taken over.

    Fault if the holder is active or at the deadline; a `stop` ends the wait without the lease.
    """
    silent = ""
    while True:
        try:
            session.lease.take()
        except FilesError:
            return  # it prevents nothing, as in `Session.permit`
        except LeaseHeldError as held:
            message, alive, left_s = str(held), held.alive, held.expires_in_s
        else:
            return
        spare_s = deadline - session.clock.monotonic()
        if alive or spare_s <= 0.0:
            raise Fault(message if alive else f"{message}; timed out", kind=FaultKind.LEASE_HELD)
        if message != silent:
            silent = message
            tell(f"{message}; taking over in {spoken(left_s)} unless it is active")
        if session.clock.wait(min(LOOK_S, max(left_s, 0.1), spare_s), stop):
            return
