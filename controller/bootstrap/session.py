"""A connection to one workspace for `raycml bootstrap`, and to one project by its name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from controller.bootstrap.readiness import ReadyPage
from controller.clock import Clock
from controller.cml.client import Client
from controller.core.model.member import THE_CONTROLLER
from controller.core.model.policy import Policy
from controller.effects import Effects
from controller.files.port import ProjectFiles
from controller.node import render
from controller.node.builder import render as builders
from controller.settings import Settings, read_settings
from controller.terminal.common import CommonOptions
from controller.terminal.screen import Screen
from controller.workspace.applications import applications_http
from controller.workspace.session import open_client, open_files
from controller.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True)
class BootstrapSession:
    """`owner` is empty for the project's id, `local` says that CML is the embedded one."""

    screen: Screen
    client: Client
    files: Callable[[str], ProjectFiles]
    page: ReadyPage
    project: str
    owner: str
    settings: Settings
    timeout_s: float
    local: bool = False

    @property
    def clock(self) -> Clock:
        return self.screen.system.clock

    @property
    def effects(self) -> Effects:
        return Workspace(self.client, self.files, self.project, self.clock)

    def policy(self, owner: str, *, deletes: bool) -> Policy:
        policy = self.settings.policy(owner, render.edition(), builders.edition())
        return replace(policy, delete=frozenset({THE_CONTROLLER.cluster} if deletes else ()))


@contextmanager
def open_bootstrap(
    common: CommonOptions, project: str, timeout_s: float
) -> Iterator[BootstrapSession]:
    system = common.screen.system
    with (
        open_client(common) as (client, where),
        applications_http(system, client, common.ca_cert or where.ca_cert) as http,
    ):
        yield BootstrapSession(
            screen=common.screen,
            client=client,
            files=open_files(client, where),
            page=ReadyPage(http),
            project=project,
            owner=where.owner or "",
            settings=read_settings(system.environ),
            timeout_s=timeout_s,
            local=common.local,
        )
