"""`raycml status`: how clusters are, found out by reading only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

import typer

from controller.cli.compose import Session, open_session, with_permissions
from controller.cli.exit_codes import Exit
from controller.cli.failure import CommandError
from controller.cli.options import CaCert, Form, Local, NoColor, Output, Project, Specs, Verbose
from controller.cli.screen import Screen
from controller.cli.show_past import past_of
from controller.cli.show_plan import plan_text
from controller.cli.show_status import cluster_text, status_text
from controller.cli.specs import NO_SPECS, load_if_there
from controller.cli.watch_status import watch
from controller.cli.watching import looks
from controller.core.closest import did_you_mean
from controller.core.documents import status_json
from controller.core.fault import Fault
from controller.core.history import History
from controller.core.lease import Lease
from controller.core.plan import Plan
from controller.core.revision import Revision
from controller.core.status import Status
from controller.files.port import FilesError
from controller.reconcile import Pass, look_and_plan

Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME", help="One cluster, in detail.  Default: all", show_default=False
    ),
]
Watch = Annotated[
    bool, typer.Option("--watch", "-w", help="Go on, with what changes, until Ctrl-C.")
]


def status(  # noqa: PLR0913 - the options of one command
    ctx: typer.Context,
    name: Name = None,
    *,
    watching: Watch = False,
    specs: Specs = None,
    project: Project = None,
    output: Output = Form.TEXT,
    local: Local = False,
    ca_cert: CaCert = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> Exit:
    """Example: raycml status analytics

    Show how clusters are: conditions, members, what they wait for, addresses.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=verbose)
    revision = load_if_there(specs)
    if revision is None:
        screen.say("no specs/ here: shows what exists, not what ought to (see --specs)")
    with open_session(screen, local=local, ca_cert=ca_cert, project=project) as session:
        if watching:
            # Specs are read anew each time: whoever watches may be the one who edits them.
            look = Look(screen, session, name, lambda: load_if_there(specs))
            show = Show(session, look)
            found = looks(look, screen, session.clock)
            watch(screen, found, show.text, lambda s: show.document(s, show.lease()), output)
        else:
            look = Look(screen, session, name, lambda: revision)
            _show(screen, Show(session, look), look(), output)
    return Exit.DONE


@dataclass(slots=True)
class Look:
    """One look after the other, each knowing what the last one saw."""

    screen: Screen
    session: Session
    name: str | None
    read: Callable[[], Revision | None]
    history: History = field(default_factory=History)
    plan: Plan = field(default_factory=Plan)
    known: bool = False
    _said: str = ""

    def __call__(self) -> Status:
        """A name must be a cluster's at the first look; later it may have gone."""
        done = self._pass(self.read() or NO_SPECS)
        self.history, self.plan = done.history, done.plan
        if self.name is None:
            return done.status
        found = _some(done.status, self.name) if self.known else _one(done.status, self.name)
        self.known = True
        return found

    def _pass(self, revision: Revision) -> Pass:
        """With pauses, or, where the files cannot be read, without them."""
        world, policy = self.session.world, with_permissions(self.session.policy)
        try:
            with_pauses = replace(policy, look_at_pauses=True)
            return look_and_plan(revision, world, self.history, with_pauses)
        except Fault as fault:
            if fault.kind != "Files":
                raise
            said, before = f"not known which clusters are paused: {fault}", self._said
        self._said = said
        self.screen.say(*[said] * (said != before))
        return look_and_plan(revision, world, self.history, policy)


def _one(status: Status, name: str) -> Status:
    if status.cluster(name) is None:
        known = [cluster.name for cluster in status.clusters]
        hint = did_you_mean(name, known) or f"there are: {', '.join(known) or 'none'}"
        raise CommandError(f"no cluster `{name[:60]}`; {hint}", Exit.USAGE, "`raycml status`")
    return _some(status, name)


def _some(status: Status, name: str) -> Status:
    return replace(status, clusters=tuple(c for c in status.clusters if c.name == name))


@dataclass(frozen=True, slots=True)
class Show:
    """A status in words and as a document."""

    session: Session
    look: Look

    def text(self, status: Status) -> str:
        name = self.look.name
        if name is None or not status.clusters:
            return status_text(status)
        url, files = self.session.client.application_url, self.session.files(self.session.project)
        parts = [
            cluster_text(status.clusters[0], status.as_of, url),
            plan_text(self.look.plan.of(name)),
            *past_of(name, files),
        ]
        return "\n\n".join(parts)

    def document(self, status: Status, lease: Lease | None) -> Mapping[str, object]:
        """`raycml.status/v1`, with who writes at present."""
        told = {"who": lease.who, "since": lease.since, "epoch": lease.epoch} if lease else None
        return {**status_json(status, self.session.client.application_url), "lease": told}

    def lease(self) -> Lease | None:
        """Who writes at present; None when nobody does, or when that cannot be read."""
        try:
            lease = self.session.lease.read()
        except FilesError:
            return None
        return None if lease is None or lease.released else lease


def _show(screen: Screen, show: Show, found: Status, form: Form) -> None:
    lease = show.lease()
    if form is Form.JSON:
        screen.document(show.document(found, lease))
    else:
        screen.data(show.text(found))
    if lease is not None:
        screen.say(f"{lease.who} holds the lease since {lease.since}")
