"""Execution of operators' orders by a running controller.

Each order is read, executed and answered separately, a pass at a time; its faults affect neither
other orders nor clusters.  An order is removed after its answer is written, so a controller that is
killed in between finds the answer and repeats nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from controller.adoption.adopt import carry_out as adopt_pairs
from controller.adoption.adopt import decide_on, look_at, ordered_pairs
from controller.adoption.release import releasable, release_all
from controller.core.model.faults import Fault, Result
from controller.core.model.history import History
from controller.core.model.member import parse_member
from controller.core.model.observed import ObservedApplication
from controller.core.model.orders import Order, OrderAnswer, OrderedChange, OrderKind
from controller.core.model.plan import Outcome, Plan, Step, Wait
from controller.core.model.policy import Policy
from controller.core.model.reasons import Outlook
from controller.core.spec.revision import Revision, SpecDocument
from controller.core.status.goal import Goal, Verdict, verdict
from controller.core.status.text import no_cluster
from controller.execute import Execution
from controller.files.document import render
from controller.files.orders import (
    ORDERS_MAX,
    answer_path,
    order_path,
    parse_answer,
    parse_order,
    stored_orders,
)
from controller.files.port import FilesError, ProjectFiles
from controller.guards.pauses import check_pauses
from controller.guards.protection import check_specs
from controller.reconcile import Pass, look_and_plan, reconcile
from controller.run.orders.rotation import AT_REST, head_of, rotate
from controller.terminal.errors import CommandError, explained
from controller.terminal.exit_codes import Exit
from controller.terminal.specs import NO_SPECS
from controller.workspace.session import Session
from controller.workspace.write_mark import Written

_ANSWER_KEPT_S = 3600.0
_UNREADABLE_KEPT_S = 3600.0  # half an upload, or not an order
_WAITS_MAX = 3
_LOSES = frozenset({OrderKind.DELETE, OrderKind.RETIRE, OrderKind.ROTATE})


@dataclass(slots=True)
class _Pending:
    """An order that takes several passes: their history, and its end on the monotonic clock."""

    order: Order
    ends: float
    history: History = field(default_factory=History)


@dataclass(slots=True)
class StandingOrders:
    """The orders of a running controller; used by the loop's thread."""

    session: Session
    steps: list[Step] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    _deletions: dict[str, _Pending] = field(default_factory=dict)
    _retirements: dict[str, _Pending] = field(default_factory=dict)
    _unreadable: dict[str, float] = field(default_factory=dict)

    def carry_out(self, projects: Iterable[str], revision: Revision, run: Execution) -> Revision:
        """Execute the orders; returns the revision without the clusters being deleted."""
        self.steps, self.waits, self.outcomes = [], [], []
        orders = {order.id: order for project in projects for order in self._read(project)}
        for order in orders.values():
            self._one(order, revision, run)
        for pending in (self._deletions, self._retirements):
            for withdrawn in pending.keys() - orders.keys():
                del pending[withdrawn]
        return self._without_deleted(revision)

    # Reading orders

    def _read(self, project: str) -> list[Order]:
        """The orders in a project, a bounded number; expired orders and answers are removed."""
        files = self.session.files(project)
        try:
            stored = stored_orders(files)[: 2 * ORDERS_MAX]
            answered = {order_id for order_id, is_answer in stored if is_answer}
            for order_id in answered:
                self._sweep_answer(files, order_id)
            ids = [order_id for order_id, is_answer in stored if not is_answer]
            return list(self._current(files, project, ids, answered))
        except FilesError as error:
            self.session.log.warning("orders not read", project=project, error=str(error))
            pending = [*self._deletions.values(), *self._retirements.values()]
            return [each.order for each in pending if each.order.project == project]

    def _current(
        self, files: ProjectFiles, project: str, ids: list[str], answered: set[str]
    ) -> Iterator[Order]:
        now = self.session.clock.now()
        for order_id in ids:
            order = parse_order(files.read(order_path(order_id)), order_id)
            if order is None:
                self._unread(files, order_id)
            elif order.owner != self.session.owner:
                continue  # for another installation in this project
            elif order_id in answered or not order.is_current(now) or order.project != project:
                files.remove(order_path(order_id))
            else:
                yield order

    def _unread(self, files: ProjectFiles, order_id: str) -> None:
        now = self.session.clock.monotonic()
        since = self._unreadable.setdefault(order_id, now)
        if now - since >= _UNREADABLE_KEPT_S:
            files.remove(order_path(order_id))
            del self._unreadable[order_id]

    def _sweep_answer(self, files: ProjectFiles, order_id: str) -> None:
        answer = parse_answer(files.read(answer_path(order_id)), order_id)
        age_s = 0.0 if answer is None else (self.session.clock.now() - answer.at).total_seconds()
        if not 0.0 <= age_s < _ANSWER_KEPT_S:
            files.remove(answer_path(order_id))

    # Executing orders

    def shown_in(self, done: Pass) -> Pass:
        """The pass, with the steps and waits of the orders, for the status and the schedule."""
        plan = replace(
            done.plan,
            steps=(*done.plan.steps, *self.steps),
            waits=(*done.plan.waits, *self.waits),
        )
        return replace(done, plan=plan, outcomes=(*done.outcomes, *self.outcomes))

    def _one(self, order: Order, revision: Revision, run: Execution) -> None:
        """Execute and answer an order; its faults do not leave this method."""
        try:
            answer = self._answer(order, revision, run)
        except Exception as error:  # noqa: BLE001 - a failed order affects no other
            answer = self._failed(order, error)
        if answer is not None:
            self._conclude(order, answer)

    def _conclude(self, order: Order, answer: OrderAnswer) -> None:
        self._deletions.pop(order.id, None)
        self._retirements.pop(order.id, None)
        self.session.log.info(
            "order", id=order.id, kind=order.kind.value, by=order.by, code=answer.code
        )
        files = self.session.files(order.project)
        try:
            files.replace(answer_path(order.id), render(answer))
            files.remove(order_path(order.id))
        except FilesError as error:
            self.session.log.warning("order not answered", id=order.id, error=str(error))

    def _failed(self, order: Order, error: Exception) -> OrderAnswer | None:
        """The answer; None for a temporary fault: the order stays, and is retried."""
        end = explained(error)
        heals = end is None or end.code is not Exit.UNAUTHORIZED
        if heals and isinstance(error, Fault | FilesError):
            self.session.log.warning("order failed", id=order.id, error=str(error))
            return None
        end = end or CommandError(f"internal error: {type(error).__name__}", Exit.UNEXPECTED)
        return self._end(order, end.code, str(end), end.remedy)

    def _end(self, order: Order, code: Exit, message: str = "", remedy: str = "") -> OrderAnswer:
        return OrderAnswer(order.id, int(code), self.session.clock.now(), message, remedy)

    def _answer(self, order: Order, revision: Revision, run: Execution) -> OrderAnswer | None:
        there = self.session.within(order.project)
        declared = _declared(there, order, revision)
        check_specs(declared, loses=order.kind in _LOSES)
        match order.kind:
            case OrderKind.DELETE:
                return self._delete(order, there, run)
            case OrderKind.RETIRE:
                return self._retire(order, declared)
            case OrderKind.ADOPT:
                return self._adopt(order, revision)
            case OrderKind.RELEASE:
                apps = releasable(there, order.clusters[0], None)
                written = release_all(there, order.clusters[0], apps)
                return self._changed(order, apps, written)
            case OrderKind.ROTATE:
                head = head_of(there, order.clusters[0], None)
                starts = rotate(there, head, order.by, order.incarnation)
                return self._end(order, Exit.DONE, "" if starts else AT_REST)

    def _changed(
        self, order: Order, apps: Iterable[ObservedApplication], written: Iterable[Written]
    ) -> OrderAnswer:
        rows = tuple(
            OrderedChange(app.id, one.result, one.message, one.unapplied)
            for app, one in zip(apps, written, strict=True)
        )
        done = all(one.result is Result.DONE for one in rows)
        return replace(self._end(order, Exit.DONE if done else Exit.NOT_CONVERGED), changes=rows)

    def _adopt(self, order: Order, revision: Revision) -> OrderAnswer:
        name = order.clusters[0]
        names = {holder.cluster.name for holder in revision.clusters}
        if name not in names:
            message = no_cluster(name, names, "the revision in force declares no cluster")
            remedy = "add its spec to the source, and wait until it is in force"
            return self._end(order, Exit.REFUSED, message, remedy)
        previous = order.from_owner or None
        ground = look_at(self.session, revision, name, previous, keep=order.keep)
        if ground.cluster.project != order.project:
            message = f"{name} is declared in another project"
            return self._end(order, Exit.REFUSED, message, "correct `project` in its spec")
        parsed = [(parse_member(member), app) for member, app in order.pairs]
        pairs = [(member, app) for member, app in parsed if member is not None]
        decisions = decide_on(ground, ordered_pairs(pairs, ground))
        written = adopt_pairs(self.session, ground, decisions)
        return self._changed(order, [each.app for each in decisions.adoptions], written)

    def _retire(self, order: Order, declared: Sequence[SpecDocument]) -> OrderAnswer | None:
        """The pass that follows carries the order out; see `concluded`."""
        if not declared:
            message = f"the revision in force declares no cluster {order.clusters[0]} here"
            return self._end(order, Exit.REFUSED, message, "wait until its spec is in force")
        end = self.session.clock.monotonic() + order.stands_s
        self._retirements.setdefault(order.id, _Pending(order, end))
        return None

    def obeying(self, policy: Policy) -> Policy:
        """The policy of a pass that retires the members of pending orders."""
        orders = [pending.order for pending in self._retirements.values()]
        retired = {application for order in orders for _, application in order.pairs}
        hurried = {name for order in orders if order.now for name in order.clusters}
        return replace(policy, retired=frozenset(retired), now=frozenset(hurried))

    def concluded(self, done: Pass) -> None:
        """Answer the retirements that this pass ended."""
        there = done.situation.index.by_id
        for pending in [*self._retirements.values()]:
            order = pending.order
            plan = done.plan.of(order.clusters[0])
            try:
                check_pauses({*order.clusters}, done)
            except CommandError as end:
                self._conclude(order, self._end(order, end.code, str(end), end.remedy))
                continue
            result = None if plan.refusals else verdict(plan, Goal.READY)
            left = any(application in there for _, application in order.pairs)
            if result is Verdict.REACHED and not left:
                self._conclude(order, self._end(order, Exit.DONE))
            elif result is not Verdict.MOVING or self.session.clock.monotonic() >= pending.ends:
                self._conclude(order, self._end(order, Exit.NOT_CONVERGED, _left(plan)))

    def _delete(self, order: Order, there: Session, run: Execution) -> OrderAnswer | None:
        clock = self.session.clock
        way = self._deletions.setdefault(
            order.id, _Pending(order, clock.monotonic() + order.stands_s)
        )
        names = frozenset(order.clusters)
        policy = replace(there.policy, only=names, delete=names, look_at_pauses=True)
        policy = replace(policy, now=names if order.now else frozenset())
        check_pauses(set(names), look_and_plan(NO_SPECS, there.world, way.history, policy))
        done = reconcile(
            NO_SPECS, there.world, replace(run, effects=there.world), way.history, policy
        )
        way.history = done.history
        self.steps += done.plan.steps
        self.waits += done.plan.waits
        self.outcomes += done.outcomes
        result = None if done.plan.refusals else verdict(done.plan, Goal.READY)
        if result is Verdict.REACHED:
            return self._end(order, Exit.DONE)
        if result is Verdict.MOVING and clock.monotonic() < way.ends:
            return None
        return self._end(order, Exit.NOT_CONVERGED, _left(done.plan))

    def _without_deleted(self, revision: Revision) -> Revision:
        """The revision without clusters being deleted, so that the pass does not repair them."""
        deleted: list[SpecDocument] = []
        for way in self._deletions.values():
            try:
                there = self.session.within(way.order.project)
                deleted += _declared(there, way.order, revision)
            except Fault:  # for this pass, all clusters of these names
                deleted += [h for h in revision.clusters if h.cluster.name in way.order.clusters]
        others = tuple(holder for holder in revision.clusters if holder not in deleted)
        return replace(revision, clusters=others) if deleted else revision


def _declared(there: Session, order: Order, revision: Revision) -> list[SpecDocument]:
    """The specs in force of the clusters of an order, in its own project."""
    named = [holder for holder in revision.clusters if holder.cluster.name in order.clusters]
    places = {holder.cluster.spec.project for holder in named} - {None}
    ids = there.world.projects(places)[0] if places else {}
    return [h for h in named if ids.get(h.cluster.spec.project, there.home) == order.project]


def _left(plan: Plan) -> str:
    """The remaining work of an order."""
    waits = [w for w in plan.waits if w.reason.outlook is not Outlook.SETTLED]
    lines = [f"{w.cluster} {w.member or ''}".strip() + f": {w.message}" for w in waits[:_WAITS_MAX]]
    return "; ".join([*map(str, plan.refusals[:_WAITS_MAX]), *lines]) or "not done yet"
