"""Composition root: the parts of the product are connected here and only here."""

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
from controller.cml.projects import is_project_id
from controller.cml.transport import OnCall
from controller.core.model.faults import Fault, FaultKind
from controller.core.model.plan import Outcome
from controller.core.model.policy import Policy
from controller.core.spec.allowed_projects import VARIABLE, parse_projects
from controller.execute import Execution
from controller.files.api import ApiFiles, Faults
from controller.files.leases import Claimant, LeaseFile, LeaseHeldError
from controller.files.port import FilesError, ProjectFiles
from controller.files.shared import SharedFiles
from controller.files.uploads import UploadMemory
from controller.node import render
from controller.node.builder import render as builders
from controller.process.ending import GIVE_BACK_S
from controller.process.identity import lives
from controller.process.operator import operator_name
from controller.process.system import System
from controller.settings import Settings, read_settings
from controller.telemetry import DEBUG, WARNING, open_log
from controller.terminal.common import CommonOptions
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen
from controller.workspace.connection import Where, locate
from controller.workspace.workspace import Workspace

_BEAT_S = 5.0
_OTHER = "--project (or of the spec)"
_UNSERVED = frozenset({404, 405, 501})


def _is_unserved(error: Exception) -> bool:
    """True for the answer to a path or method that this server does not have."""
    return isinstance(error, errors.CmlError) and error.status in _UNSERVED


_FAULTS = Faults(errors.CmlError, errors.NotFound, errors.Unknown, _is_unserved)


@dataclass(frozen=True, slots=True)
class Session:
    """Dependencies of a command that calls CML.

    `project` and `home` are IDs: the current project, and the connection's.
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

    def execution(self, on_outcome: Callable[[Outcome], None] = lambda _: None) -> Execution:
        threads = self.settings.pool_threads
        return Execution(self.world, self.owner, threads, on_outcome, self.permit)

    def within(self, project: str) -> "Session":
        """The session for another project ID; the lease stays the connection's."""
        registers = self.world.registers
        world = Workspace(self.client, self.files, project, self.clock, registers=registers)
        return replace(self, project=project, world=world)

    def with_owner(self, owner: str) -> "Session":
        """The session as another installation, for reading; its lease must not be taken."""
        policy = replace(self.policy, owner=owner)
        lease = LeaseFile(self.files(self.project), Claimant(owner, "", ""), self.clock)
        return replace(self, owner=owner, policy=policy, lease=lease)

    def permit(self) -> None:
        """Fault if another controller holds the lease.

        A lease that cannot be read or written prevents nothing: a restart needs no file, and a full
        disk is the most common fault of a project.
        """
        try:
            self.lease.take()
        except LeaseHeldError as error:
            raise Fault(str(error), kind=FaultKind.LEASE_HELD) from None
        except FilesError as error:
            self.log.warning("lease not written", error=str(error))
            return

    def give_back(self) -> None:
        """Release the lease, in bounded time; if that fails, it expires."""
        self.client.limit.cut()  # a hanging renewal in another thread
        self.client.limit.reopen(self.clock.monotonic() + GIVE_BACK_S)
        try:
            self.lease.release()
        except FilesError as error:
            self.log.warning("lease not released", error=str(error))


def offline_policy(environ: Mapping[str, str]) -> Policy:
    """The policy without a connection; the owner may be unknown."""
    settings = read_settings(environ)
    return settings.policy(environ.get("RAYCML_OWNER") or "", render.edition(), builders.edition())


@contextmanager
def open_session(
    common: CommonOptions,
    *,
    project: str | None = None,
    on_call: OnCall = ignore,
    level: int = WARNING,
) -> Iterator[Session]:
    """A session on the configured workspace.  Looks up the project first.

    `project` is another project to work in; the owner, and with it the lease, stay the
    connection's.  `on_call` receives each call to CML, in addition to the log.  The lease is
    renewed during the session, and released at its end, however it ends.
    """
    screen, system = common.screen, common.screen.system
    settings = read_settings(system.environ)
    where = locate(system, local=common.local)
    screen.say(*[where.remark] * bool(where.remark))
    log = open_logs(screen, level)
    with _client(system, where, common.ca_cert, _call_log(log, on_call)) as client:
        home_project = _project(client, where.project, "CML_PROJECT_ID")
        owner = where.owner or home_project
        chosen = home_project if project is None else _project(client, project, _OTHER)
        files = open_files(client, where)
        lease = _lease(system, files(home_project), owner)
        session = Session(
            client=client,
            world=Workspace(client, files, chosen, system.clock, registers=where.is_local),
            files=files,
            project=chosen,
            home=home_project,
            owner=owner,
            policy=replace(
                settings.policy(owner, render.edition(), builders.edition()),
                launcher_base=render.base_size(),
                projects=parse_projects(system.environ.get(VARIABLE)),
            ),
            settings=settings,
            clock=system.clock,
            log=log,
            lease=lease,
        )
        try:
            with system.repeat(lease.renew, _BEAT_S):
                yield session
        finally:
            session.give_back()


@contextmanager
def open_client(common: CommonOptions) -> Iterator[tuple[Client, Where]]:
    """A client for a command that names its project itself; the project may not exist yet."""
    system, on_call = common.screen.system, _call_log(open_logs(common.screen), ignore)
    where = locate(system, local=common.local, any_project=True)
    with _client(system, where, common.ca_cert, on_call) as client:
        yield client, where


def _lease(system: System, files: ProjectFiles, owner: str) -> LeaseFile:
    holder, who = f"{system.rng.getrandbits(64):016x}", _who(system.environ)
    claimant = Claimant(owner, holder, who, system.place())
    return LeaseFile(files, claimant, system.clock, lives=lambda lease: lives(lease.place))


def _who(environ: Mapping[str, str]) -> str:
    """Holder of a lease, for other users: the user, and the pod or process."""
    names = ("HADOOP_USER_NAME", "CDSW_CREATOR")
    user = next((environ[name] for name in names if environ.get(name)), "") or operator_name(
        environ
    )
    engine = environ.get("CDSW_ENGINE_ID")
    return f"{user} ({f'engine {engine}' if engine else f'process {os.getpid()}'})"


def open_logs(screen: Screen, level: int = WARNING) -> FilteringBoundLogger:
    level = DEBUG if screen.verbose else level
    system, as_json = screen.system, not sys.stderr.isatty()
    return open_log(sys.stderr, system.redaction, system.clock.now, level=level, as_json=as_json)


def _client(system: System, where: Where, ca_cert: Path | None, on_call: OnCall) -> Client:
    in_process = system.transport is not None
    return Inspector(
        where.host,
        where.api_key,
        clock=system.clock,
        random=system.rng,
        transport=system.transport,
        verify=True if in_process else trust(ca_cert or where.ca_cert),
        domain=where.domain,
        on_call=on_call,
    )


def _call_log(log: FilteringBoundLogger, also: OnCall) -> OnCall:
    def on_outcome(call: CallRecord) -> None:
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

    return on_outcome


def _project(client: Client, named: str, variable: str) -> str:
    """The project's ID.  Only a name costs a call; listing its applications verifies an ID."""
    if is_project_id(named):
        return named
    try:
        return client.projects.find(named).id
    except (errors.NotFound, errors.Rejected) as error:
        message = f"the project of {variable} cannot be used: {error}"
    raise CommandError(
        message,
        Exit.USAGE,
        f"set {variable} to the project's ID or exact name",
    )


def open_files(client: Client, where: Where) -> Callable[[str], ProjectFiles]:
    """The shared file system for the project of this pod, the API for every other project."""
    uploads = UploadMemory()

    def opened(project: str) -> ProjectFiles:
        if where.home is not None and where.home[0] == project:
            return SharedFiles(where.home[1])
        return ApiFiles(client, project, _FAULTS, uploads)

    return opened
