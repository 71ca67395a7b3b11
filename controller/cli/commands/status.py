"""`raycml status`: the state of clusters."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import typer

from controller.cli.output.documents import LeaseJson, StatusReportJson
from controller.cli.output.past_events import past_of
from controller.cli.output.status_basis import Basis, basis, read_here
from controller.cli.output.status_judged import as_owner_there, is_at_work, judged, read_lease
from controller.cli.output.watch_status import watch
from controller.core.model.faults import Fault, FaultKind
from controller.core.model.grace import grace_ends
from controller.core.model.history import History
from controller.core.model.json_object import extended
from controller.core.model.lease import Lease
from controller.core.model.plan import Plan
from controller.core.spec.notices import ray_notices
from controller.core.status.documents import status_json
from controller.core.status.status import Status
from controller.core.status.without_spec import is_uncompared
from controller.reconcile import Pass, look_and_plan
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, Output, Project, Specs
from controller.terminal.plan_table import plan_text
from controller.terminal.refresh import looks
from controller.terminal.screen import Screen
from controller.terminal.specs import check_cluster
from controller.terminal.status_text import cluster_text, status_text
from controller.workspace.session import Session, open_session

_PRINTED_MAX = 100

Name = Annotated[
    str | None, typer.Argument(metavar="NAME", help="Cluster to show in detail.  Default: all")
]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Watch for changes until Ctrl-C.")]


@with_common_options
def status(
    common: CommonOptions,
    name: Name = None,
    *,
    watching: Watch = False,
    specs: Specs = None,
    project: Project = None,
    output: Output = Form.TEXT,
) -> Exit:
    """Example: raycml status analytics

    Show cluster status: conditions, members, pending changes, addresses.
    """
    screen = common.screen
    read_here(specs)  # a missing path is an error before any call to CML
    with open_session(common, project=project) as opened:
        session = opened if project is None else as_owner_there(screen, opened)
        look = StatusLook(screen, session, name, specs)

        def document(status: Status) -> StatusReportJson:
            return _document(session, status, read_lease(session))

        if watching:
            results = looks(look, screen, session.clock)
            with suppress(KeyboardInterrupt):  # the usual end
                watch(screen, results, look.text, document, output)
            return Exit.DONE
        result, lease = look(), read_lease(session)
        if output is Form.JSON:
            screen.document(_document(session, result, lease))
        else:
            screen.data(look.text(result))
        if lease is not None:
            screen.say(f"{lease.who} holds the lease since {lease.since}")
    return Exit.INVALID_SPEC if look.broken else Exit.DONE


@dataclass(slots=True)
class StatusLook:
    """Repeated reads of the status.

    Specs are read again each time, since they may be edited during a watch.  A broken spec hides
    nothing: its problems are printed, and the rest is shown.
    """

    screen: Screen
    session: Session
    name: str | None
    specs: Sequence[Path] | None
    history: History = field(default_factory=History)
    plan: Plan = field(default_factory=Plan)
    is_known: bool = False
    broken: bool = False
    _printed: tuple[str, ...] = ()

    def __call__(self) -> Status:
        """CommandError for an unknown cluster in the first read; later it may have been deleted."""
        session = self.session
        chosen = basis(self.specs, session.files(session.project), session.owner)
        self.broken = bool(chosen.revision.problems)
        self._say(*map(str, chosen.revision.problems), *chosen.remarks, *self._notices(chosen))
        done = self._pass(chosen)
        self.history, self.plan = done.history, done.plan
        at_work = is_at_work(read_lease(session))
        status = judged(done, chosen, session, at_work=at_work)
        if self.name is None:
            return status
        if not self.is_known:
            check_cluster(self.name, [cluster.name for cluster in status.clusters])
        self.is_known = True
        return replace(status, clusters=tuple(c for c in status.clusters if c.name == self.name))

    def _notices(self, chosen: Basis) -> list[str]:
        documents = chosen.revision.clusters
        shown = tuple(d for d in documents if self.name in (None, d.cluster.name))
        return ray_notices(replace(chosen.revision, clusters=shown))

    def text(self, status: Status) -> str:
        if self.name is None or not status.clusters:
            return status_text(status)
        url, files = self.session.client.application_url, self.session.files(self.session.project)
        cluster = status.clusters[0]
        plan = [] if is_uncompared(cluster) else [plan_text(self.plan.of(self.name))]
        parts = [cluster_text(cluster, status.as_of, url), *plan, *past_of(self.name, files)]
        return "\n\n".join(parts)

    def _pass(self, chosen: Basis) -> Pass:
        """A pass with pauses, or without them if the files cannot be read."""
        world, revision = self.session.world, chosen.revision
        grace = grace_ends(chosen.records)
        policy = replace(self.session.policy, grace=grace)
        try:
            with_pauses = replace(policy, look_at_pauses=True)
            return look_and_plan(revision, world, self.history, with_pauses)
        except Fault as fault:
            if fault.kind is not FaultKind.FILES:
                raise
            self._say(f"pauses cannot be read: {fault}")
        return look_and_plan(revision, world, self.history, policy)

    def _say(self, *lines: str) -> None:
        """Print each line once in a watch, until it no longer applies."""
        new = [line for line in lines if line not in self._printed]
        self._printed = (*self._printed, *new)[-_PRINTED_MAX:]
        self.screen.say(*new)


def _document(session: Session, status: Status, lease: Lease | None) -> StatusReportJson:
    holder = LeaseJson(lease.who, lease.since, lease.epoch) if lease else None
    base = status_json(status, session.client.application_url)
    return extended(StatusReportJson, base, lease=holder)
