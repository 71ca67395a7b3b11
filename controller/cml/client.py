"""Client of CML, with a method for each call.

Synchronous and thread-safe.  A call raises only CmlError; writes are sent once, reads are retried.
The client decides nothing: a create does not check for duplicates, a delete does not ask.
"""

import random as randomness
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, Self

from pydantic import SecretStr

from controller.clock import Clock
from controller.cml import operations as ops
from controller.cml import paths, translate, wire
from controller.cml.connection import application_url, checked_key, parse_address, trust
from controller.cml.errors import Malformed, NotFound, Rejected
from controller.cml.jobs import Jobs
from controller.cml.operations import CallRecord, Operation, Request, Response
from controller.cml.paging import read_list, read_once
from controller.cml.projects import Projects
from controller.cml.reading import confirmed, read_object, read_one
from controller.cml.transport import Network, OnCall, Retries, Transport, open_http
from controller.cml.values import FileEntry, RuntimeRef
from controller.core.model.observed import ObservedApplication, ObservedProject
from controller.core.model.plan import Configuration


def ignore(_: CallRecord) -> None:
    """The default hook for calls."""


class Client:
    """Client for a workspace and an API key.

    `domain` is the domain of application URLs, if not the address's host and port.  `transport`
    replaces the network (tests, the simulator); `verify` is a context from `trust`.  `projects` and
    `jobs` are the calls about those; `limit` is the end of all calls.  ConnectionSettingsError for
    an invalid address or key.
    """

    def __init__(  # noqa: PLR0913 - the composition root fills this in, by name, once
        self,
        base_url: str,
        api_key: SecretStr,
        *,
        clock: Clock,
        random: randomness.Random,
        transport: Network | None = None,
        verify: ssl.SSLContext | Literal[True] = True,
        retries: Retries | None = None,
        domain: str | None = None,
        on_call: OnCall = ignore,
    ) -> None:
        self.address = parse_address(base_url)
        self._domain = domain or self.address.authority
        key = checked_key(api_key)
        context = trust() if verify is True and transport is None else verify
        self._transport = Transport(
            self.address,
            key,
            open_http(self.address, transport, verify=context),
            clock=clock,
            rng=random,
            retries=retries or Retries(),
            on_call=on_call,
        )
        self.limit = self._transport.limit
        self.projects = Projects(self._send)
        self.jobs = Jobs(self._send)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    # Applications

    def list_applications(self, project: str) -> ObservedProject:
        """All applications; the list is TORN if its pages are inconsistent.

        It FAILED if an application is too large to read.
        """
        request = Request(ops.LIST_APPLICATIONS, paths.applications(project), project)
        model = wire.Application
        listing = read_list(self._send, request, "applications", model, sort="created_at")
        return translate.project_listing(project, listing)

    def get_application(self, project: str, application_id: str) -> ObservedApplication:
        request = Request(ops.GET_APPLICATION, paths.application(project, application_id), project)
        return translate.application(read_one(self._send, request, wire.Application), project)

    def create_application(self, project: str, configuration: Configuration) -> ObservedApplication:
        """Create and start.  Unknown if CML accepted the call without naming the application."""
        request = Request(
            ops.CREATE_APPLICATION,
            paths.applications(project),
            project,
            json={"project_id": project, **wire.CreateApplication.body(configuration)},
            variables=translate.hidden(configuration.environment),
        )
        return translate.application(read_one(self._send, request, wire.Application), project)

    def update_application(
        self, project: str, application_id: str, fields: Mapping[str, object]
    ) -> ObservedApplication:
        """PATCH, then the result of a GET; `translate.unapplied` compares the two.

        ValueError or TypeError for unknown fields.
        """
        request = Request(
            ops.UPDATE_APPLICATION,
            paths.application(project, application_id),
            project,
            json=wire.PatchApplication.body(fields),
            variables=translate.hidden(fields.get("environment")),
        )
        self._send(request)
        return confirmed(
            ops.UPDATE_APPLICATION, lambda: self.get_application(project, application_id)
        )

    def restart_application(self, project: str, application_id: str) -> None:
        """Start a stopped or failed application; stop and start a running one.  Does not wait."""
        self._verb(ops.RESTART_APPLICATION, project, application_id, "restart")

    def stop_application(self, project: str, application_id: str) -> None:
        """Start a stop.  A second stop is Rejected."""
        self._verb(ops.STOP_APPLICATION, project, application_id, "stop")

    def delete_application(self, project: str, application_id: str) -> None:
        """Start a deletion; a missing application counts as deleted."""
        path = paths.application(project, application_id)
        with suppress(NotFound):
            self._send(Request(ops.DELETE_APPLICATION, path, project))

    def application_url(self, subdomain: str) -> str:
        return application_url(self.address.scheme, self._domain, subdomain)

    # Runtimes, the server itself

    def list_runtimes(self) -> tuple[RuntimeRef, ...]:
        request = Request(ops.LIST_RUNTIMES, paths.RUNTIMES)
        listing = read_list(self._send, request, "runtimes", wire.Runtime, sort="")
        return tuple(
            RuntimeRef(r.id, r.status, r.kernel, r.edition, r.editor, r.version)
            for r in listing.items
        )

    def describe(self) -> str:
        """The API's version, from its description; sends no key.  Empty without one."""
        answer = self._send(Request(ops.GET_VERSION, paths.DESCRIPTION, signed=False))
        info = read_object(ops.GET_VERSION, answer).get("info")
        version = info.get("version") if isinstance(info, dict) else None
        return version[:64] if isinstance(version, str) and version.isprintable() else ""

    # Files of a project.  Paths are relative to its home.

    def list_files(self, project: str, path: str) -> tuple[FileEntry, ...]:
        """The entries of a folder, not recursive; the home folder is an empty path."""
        if path:
            return self._list_folder(project, paths.file(project, path))
        usual, other = paths.homes(project)
        try:
            return self._list_folder(project, usual)
        except (NotFound, Malformed, Rejected):
            return self._list_folder(project, other)

    def download(self, project: str, path: str) -> bytes:
        """At most 8 MiB; Malformed beyond that."""
        request = Request(
            ops.DOWNLOAD_FILE, paths.download(project, path), project, limit=ops.FILE_LIMIT
        )
        return self._send(request).body

    def upload(self, project: str, path: str, data: bytes, *, put: bool = False) -> None:
        """Upload a file.  CML never overwrites: for an existing name it stores a copy, `name(1)`.

        By POST, as documented, or by PUT: a workspace may honor the path in one of them only.
        Rejected for an empty file, which CML cannot store.
        """
        if not data:
            raise Rejected("upload file: CML cannot store an empty file", operation="upload_file")
        where = (paths.checked(path), data)
        operation = ops.PUT_FILE if put else ops.UPLOAD_FILE
        self._send(Request(operation, paths.files(project), project, upload=where))

    def delete_file(self, project: str, path: str) -> None:
        """Delete a file or a folder; a missing one (404 or 400) is no error."""
        try:
            self._send(Request(ops.DELETE_FILE, paths.file(project, path), project))
        except NotFound:
            return
        except Rejected as error:
            if error.status != 400:
                raise

    # Requests

    def _send(self, request: Request) -> Response:
        return self._transport.send(request)

    def _verb(self, operation: Operation, project: str, application_id: str, verb: str) -> None:
        path = f"{paths.application(project, application_id)}:{verb}"
        self._send(Request(operation, path, project, json={}))

    def _list_folder(self, project: str, path: str) -> tuple[FileEntry, ...]:
        request = Request(ops.LIST_FILES, path, project)
        return tuple(_entry(one) for one in read_once(self._send, request, "files", wire.FileInfo))


def _entry(info: wire.FileInfo) -> FileEntry:
    name = info.path.rstrip("/").rsplit("/", 1)[-1]
    return FileEntry(name, info.is_dir, info.file_size)
