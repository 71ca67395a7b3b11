"""What bootstrap works with: one workspace, one project by its name, and a way to the pages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from controller.bootstrap.act import Hands
from controller.bootstrap.drive import Drive
from controller.bootstrap.facts import Decision, Seen, Stuck, Wanted
from controller.bootstrap.look import Eyes, Memory
from controller.bootstrap.page import ReadyPage
from controller.cml.client import Client
from controller.cml.connection import parse_address, trust
from controller.cml.transport import open_http
from controller.files.port import ProjectFiles
from controller.terminal.errors import CommandError
from controller.terminal.screen import Screen
from controller.workspace.session import open_client, open_files


@dataclass(frozen=True, slots=True)
class Site:
    """`owner` is empty for the project's id, `local` says that CML is the embedded one."""

    screen: Screen
    client: Client
    files: Callable[[str], ProjectFiles]
    page: ReadyPage
    project: str
    owner: str
    timeout_s: float
    local: bool = False

    def eyes(self, wanted: Wanted | None, memory: Memory) -> Eyes:
        return Eyes(
            client=self.client,
            page=self.page,
            project=self.project,
            owner=self.owner,
            environment="" if wanted is None else wanted.environment,
            specs="" if wanted is None else wanted.path,
            memory=memory,
        )

    def drive(
        self,
        decide: Callable[[Seen], Decision],
        end: Callable[[Stuck], CommandError],
        wanted: Wanted | None = None,
    ) -> Drive:
        memory, clock = Memory(), self.screen.machine.clock
        return Drive(
            look=self.eyes(wanted, memory).look,
            decide=decide,
            act=Hands(self.client, self.files, self.owner, memory, wanted).act,
            end=end,
            screen=self.screen,
            clock=clock,
            memory=memory,
            ends=clock.monotonic() + self.timeout_s,
        )


@contextmanager
def open_site(
    screen: Screen, project: str, *, local: bool, ca_cert: Path | None, timeout_s: float
) -> Iterator[Site]:
    transport = screen.machine.transport
    with open_client(screen, local=local, ca_cert=ca_cert) as (client, where):
        address = parse_address(client.application_url("any"))
        with open_http(address, transport, verify=True if transport else trust(ca_cert)) as http:
            yield Site(
                screen=screen,
                client=client,
                files=open_files(client, where),
                page=ReadyPage(http),
                project=project,
                owner=where.owner or "",
                timeout_s=timeout_s,
                local=local,
            )
