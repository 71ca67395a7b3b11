"""The composition root: here, and only here, the parts of the product are put together."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from controller.clock import Clock
from controller.cml import errors
from controller.cml.client import Client, ignore
from controller.cml.connection import trust
from controller.cml.inspector import Inspector
from controller.cml.operations import CallRecord
from controller.cml.transport import OnCall
from controller.core.model.fault_kinds import FaultKind
from controller.core.model.faults import Fault
from controller.core.model.plan import Outcome
from controller.core.model.policy import Policy
from controller.core.spec.allowed_projects import VARIABLE, parse_projects
from controller.execute import Execution
from controller.files.api import ApiFiles, Faults
from controller.files.leases import Claimant, LeaseFile, LeaseHeldError
from controller.files.port import FilesError, ProjectFiles
from controller.files.shared import SharedFiles
from controller.node import render
from controller.node.builder import render as builders
from controller.process.ending import GIVE_BACK_S
from controller.process.identity import lives
from controller.process.operator import operator_name
from controller.process.system import System
from controller.settings import Settings, read_settings
from controller.telemetry import DEBUG, WARNING, open_log
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen
from controller.workspace.connection import Where, locate
from controller.workspace.workspace import Workspace, is_project_id

_BEAT_S = 5.0
_OTHER = "--project (or of the spec)"
_FAULTS = Faults(any=errors.CmlError, missing=errors.NotFound, unknown=errors.Unknown)


@dataclass(frozen=True, slots=True)
class Session:
    """Everything that a command which speaks to CML works with.

    `project` and `home` are ids: the project that is worked in, and the connection's.
    """

    client: Client
    world: Workspace
    files: Callable[[str], ProjectFiles]
    project: str
    home: str
    owner: str
    policy: Policy
    settings: Settings
    clock: Clock
    log: FilteringBoundLogger
    lease: LeaseFile

    def execution(self, heard: Callable[[Outcome], None] = lambda _: None) -> Execution:
        threads = self.settings.pool_threads
        return Execution(self.world, self.owner, threads, heard, self.permit)

    def within(self, project: str) -> "Session":
        """The same in another project, an id; the lease stays that of the connection's."""
        world = Workspace(self.client, self.files, project, self.clock)
        return replace(self, project=project, world=world)

    def with_owner(self, owner: str) -> "Session":
        """To look with the eyes of another installation; the lease is to be read, not taken."""
        policy = replace(self.policy, owner=owner)
        lease = LeaseFile(self.files(self.project), Claimant(owner, "", ""), self.clock)
        return replace(self, owner=owner, policy=policy, lease=lease)

    def permit(self) -> None:
        """Fault where another controller holds the lease.

        A lease that cannot be read or written stops nothing: a restart needs no file, and the
        commonest fault of a project is that its disk is full.
        """
        try:
            self.lease.take()
        except LeaseHeldError as error:
            said = str(error)
        except FilesError as error:
            self.log.warning("lease not written", error=str(error))
            return
        else:
            return
        raise Fault(said, kind=FaultKind.LEASE_HELD)

    def give_back(self) -> None:
        """The lease, in bounded time; one that cannot be given back expires."""
        self.client.limit.cut()  # a renewal that hangs, in another thread
        self.client.limit.reopen(self.clock.monotonic() + GIVE_BACK_S)
        try:
            self.lease.release()
        except FilesError as error:
            self.log.warning("lease not given back", error=str(error))


def offline_policy(environ: Mapping[str, str]) -> Policy:
    """What decides without a connection: the owner may not be known yet."""
    settings = read_settings(environ)
    return settings.policy(environ.get("RAYCML_OWNER") or "", render.edition(), builders.edition())


@contextmanager
def open_session(
    screen: Screen,
    *,
    local: bool,
    ca_cert: Path | None,
    project: str | None = None,
    on_call: OnCall = ignore,
    level: int = WARNING,
) -> Iterator[Session]:
    """A session on the workspace that the environment names.  The project is looked up at once.

    `project` is another project to work in; the owner, and with it the lease, stays that of the
    connection's.  `on_call` hears of each call to CML, besides the log.  A lease that was taken is
    renewed for as long as the session lasts, and given back at its end, whatever that is.
    """
    machine = screen.machine
    settings = read_settings(machine.environ)
    where = locate(machine, local=local)
    screen.say(*[where.remark] * bool(where.remark))
    log = open_logs(screen, level)
    with _client(machine, where, ca_cert, _call_log(log, on_call)) as client:
        home_project = _project(client, where.project, "CML_PROJECT_ID")
        owner = where.owner or home_project
        chosen = home_project if project is None else _project(client, project, _OTHER)
        files = open_files(client, where)
        lease = _lease(machine, files(home_project), owner)
        session = Session(
            client=client,
            world=Workspace(client, files, chosen, machine.clock),
            files=files,
            project=chosen,
            home=home_project,
            owner=owner,
            policy=replace(
                settings.policy(owner, render.edition(), builders.edition()),
                launcher_base=render.base_size(),
                projects=parse_projects(machine.environ.get(VARIABLE)),
            ),
            settings=settings,
            clock=machine.clock,
            log=log,
            lease=lease,
        )
        try:
            with machine.repeat(lease.renew, _BEAT_S):
                yield session
        finally:
            session.give_back()


@contextmanager
def open_client(
    screen: Screen, *, local: bool, ca_cert: Path | None
) -> Iterator[tuple[Client, Where]]:
    """A client for a command that names its project itself, which may not exist yet."""
    machine = screen.machine
    where = locate(machine, local=local, any_project=True)
    with _client(machine, where, ca_cert, _call_log(open_logs(screen), ignore)) as client:
        yield client, where


def _lease(machine: System, files: ProjectFiles, owner: str) -> LeaseFile:
    holder, who = f"{machine.rng.getrandbits(64):016x}", _who(machine.environ)
    claimant = Claimant(owner, holder, who, machine.place())
    return LeaseFile(files, claimant, machine.clock, lives=lambda held: lives(held.place))


def _who(environ: Mapping[str, str]) -> str:
    """Whom to ask about a lease: the user, and the pod or the process."""
    names = ("HADOOP_USER_NAME", "CDSW_CREATOR")
    user = next((environ[name] for name in names if environ.get(name)), "") or operator_name(
        environ
    )
    engine = environ.get("CDSW_ENGINE_ID")
    return f"{user} ({f'engine {engine}' if engine else f'process {os.getpid()}'})"


def open_logs(screen: Screen, level: int = WARNING) -> FilteringBoundLogger:
    level = DEBUG if screen.verbose else level
    machine, as_json = screen.machine, not sys.stderr.isatty()
    return open_log(sys.stderr, machine.redaction, machine.clock.now, level=level, as_json=as_json)


def _client(machine: System, where: Where, ca_cert: Path | None, on_call: OnCall) -> Client:
    in_process = machine.transport is not None
    return Inspector(
        where.host,
        where.api_key,
        clock=machine.clock,
        random=machine.rng,
        transport=machine.transport,
        verify=True if in_process else trust(ca_cert),
        domain=where.domain,
        on_call=on_call,
    )


def _call_log(log: FilteringBoundLogger, also: OnCall) -> OnCall:
    def heard(call: CallRecord) -> None:
        also(call)
        log.debug(
            "call",
            operation=call.operation,
            method=call.method,
            project=call.project,
            status=call.status,
            error=call.error,
            took_s=round(call.seconds, 3),
        )

    return heard


def _project(client: Client, named: str, variable: str) -> str:
    """The project's id.  Costs a call for a name only: its list says whether an id exists."""
    if is_project_id(named):
        return named
    try:
        return client.find_project(named).id
    except (errors.NotFound, errors.Rejected) as error:
        said = str(error)
    raise CommandError(
        f"the project of {variable} cannot be used: {said}",
        Exit.USAGE,
        f"give the project's id or exact name in {variable}",
    )


def open_files(client: Client, where: Where) -> Callable[[str], ProjectFiles]:
    """The shared file system for the project whose pod this is, the API for every other one."""

    def opened(project: str) -> ProjectFiles:
        if where.home is not None and where.home[0] == project:
            return SharedFiles(where.home[1])
        return ApiFiles(client, project, _FAULTS)

    return opened


def with_permissions(
    policy: Policy,
    *,
    only: frozenset[str] | None = None,
    delete: frozenset[str] = frozenset(),
    refresh_launchers: bool = False,
) -> Policy:
    """The policy with what a person asked for."""
    return replace(policy, only=only, delete=delete, refresh_launchers=refresh_launchers)
