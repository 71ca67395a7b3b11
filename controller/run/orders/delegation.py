"""Delegation of a command to the controller that leads: the command's side."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from controller.core.model.faults import Fault, FaultKind, Result
from controller.core.model.orders import Order, OrderAnswer, OrderKind
from controller.core.spec.text import spoken
from controller.files.document import render
from controller.files.leases import LeaseHeldError
from controller.files.orders import ORDERS_MAX, answer_path, order_path, parse_answer, stored_orders
from controller.files.port import FilesError
from controller.process.interrupts import saying
from controller.process.operator import operator_name
from controller.process.system import System
from controller.run.lease_wait import LOOK_S
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.workspace.session import Session
from controller.workspace.write_mark import Written


def new_order(  # noqa: PLR0913 - the fields of an order
    session: Session,
    system: System,
    kind: OrderKind,
    clusters: tuple[str, ...],
    timeout_s: float,
    *,
    pairs: tuple[tuple[str, str], ...] = (),
    from_owner: str = "",
    keep: bool = False,
    incarnation: str = "",
    now: bool = False,
) -> Order:
    """A new order for the project of the session."""
    return Order(
        f"{system.rng.getrandbits(64):016x}",
        session.owner,
        session.project,
        kind,
        clusters,
        operator_name(system.environ),
        session.clock.now(),
        timeout_s,
        pairs,
        from_owner,
        keep,
        incarnation,
        now,
    )


def lead_or_order(
    session: Session, order: Order, tell: Callable[[str], None]
) -> OrderAnswer | None:
    """Hold the lease (None), or delegate the order to the leading controller.

    If the holder is silent or ends, this command takes the lease and acts itself.  CommandError for
    an order that was refused or failed, Fault at the timeout.
    """
    holder = _holder(session)
    if holder is None:
        return None
    deadline = session.clock.monotonic() + order.timeout_s
    files = session.files(session.project)
    if len(stored_orders(files)) >= ORDERS_MAX:
        message = f"{ORDERS_MAX} orders are pending in this project already"
        raise CommandError(message, Exit.LEASE_HELD, "run the command again in a minute")
    files.write_new(order_path(order.id), render(order))
    tell(_delegated_to(holder))
    try:
        with saying("the order is withdrawn; to see the current state: `raycml status`"):
            answer = _wait(session, order, deadline)
    finally:
        for path in (order_path(order.id), answer_path(order.id)):
            with suppress(FilesError):
                files.remove(path)
    if answer is not None and answer.code not in {Exit.DONE, Exit.NOT_CONVERGED}:
        raise CommandError(answer.message, exit_of(answer), answer.remedy)
    return answer


def _delegated_to(holder: LeaseHeldError) -> str:
    message = f"delegated to the leading controller: {holder.lease.who}"
    if holder.alive:
        return message
    return f"{message}; taking over in {spoken(holder.expires_in_s)} unless it is active"


def _wait(session: Session, order: Order, deadline: float) -> OrderAnswer | None:
    """The answer; None if the lease was free first."""
    files, clock = session.files(session.project), session.clock
    while True:
        remaining_s = deadline - clock.monotonic()
        if remaining_s <= 0.0:
            raise Fault(f"no answer within {spoken(order.timeout_s)}", kind=FaultKind.LEASE_HELD)
        clock.wait(min(LOOK_S, remaining_s))
        answer = parse_answer(files.read(answer_path(order.id)), order.id)
        if answer is not None or _holder(session) is None:
            return answer


def _holder(session: Session) -> LeaseHeldError | None:
    """The lease of another controller; None if this command leads, or without a lease."""
    try:
        with suppress(FilesError):
            session.lease.take()
    except LeaseHeldError as error:
        return error
    return None


def writes_of(answer: OrderAnswer, applications: Sequence[str]) -> list[Written]:
    """The result of each write, in the order of these IDs."""
    writes = {
        change.application_id: Written(change.result, change.message, change.unapplied)
        for change in answer.changes
    }
    unknown = Written(Result.UNKNOWN, "the leading controller did not report a result")
    return [writes.get(application, unknown) for application in applications]


def exit_of(answer: OrderAnswer) -> Exit:
    return next((end for end in Exit if end == answer.code), Exit.UNEXPECTED)
