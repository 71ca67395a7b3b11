"""Calls for `doctor`, and for offers: version, key, quotas and capacity.

All are reads.  Some need a newer CML or a privileged key, and raise like any other call otherwise.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from controller.cml import operations as ops
from controller.cml import paths, translate, wire
from controller.cml.client import Client
from controller.cml.errors import Unauthorized
from controller.cml.operations import Request
from controller.cml.paging import read_list
from controller.cml.places import Amount, Places, ReadModel
from controller.cml.reading import read_one
from controller.core.model.observed import ObservedProject
from controller.core.model.project import Amounts, ProjectSeen, Quota

_MANY = (("page_size", "1000"),)


def _items(value: object) -> object:
    return [] if value is None else value


class _KeyCheck(ReadModel):
    valid: wire.Flag = False
    username: wire.Text = ""


class _Permissions(ReadModel):
    write: bool | None = None


class _Project(wire.Project):
    """A project, where an absent limit differs from 0, with permissions."""

    shared_memory_limit: int | None = None  # type: ignore[assignment]  # absent differs from 0
    permissions: _Permissions | None = None
    written: object = Field(None, alias="environment", repr=False)

    @property
    def untyped(self) -> tuple[str, ...]:
        """Names of variables whose values are no text."""
        values = self.written
        if isinstance(values, str):
            try:
                values = json.loads(values)
            except ValueError:
                return ()
        pairs = values.items() if isinstance(values, dict) else ()
        return tuple(sorted(str(name) for name, value in pairs if not isinstance(value, str)))


class _Amounts(ReadModel):
    cpu: Amount = None
    memory: Amount = None
    nvidia_gpu: Amount = None


class _UserQuota(ReadModel):
    user: object = None
    quota_usage: _Amounts | None = None
    quota_configured: _Amounts | None = None


class _Quotas(ReadModel):
    user_quota: Annotated[list[_UserQuota], BeforeValidator(_items)] = Field(default_factory=list)


class _WholeApplication(wire.Application):
    """An application with its raw fields."""

    raw: Mapping[str, object]

    @model_validator(mode="before")
    @classmethod
    def _keep(cls, value: object) -> object:
        return {**value, "raw": value} if isinstance(value, Mapping) else value


@dataclass(frozen=True, slots=True)
class WholeList:
    """The applications of a project, parsed and raw."""

    seen: ObservedProject
    raw: tuple[Mapping[str, object], ...]

    @property
    def open_to_all(self) -> frozenset[str]:
        """IDs of applications without a sign-in."""
        public = (app for app in self.raw if app.get("bypass_authentication") is True)
        return frozenset(str(app.get("id")) for app in public)


class Inspector(Client):
    """A client with the calls for `doctor`, and with the lists of nodes and add-ons."""

    @property
    def places(self) -> Places:
        return Places(self._send)

    def register_runtime(self, image: str) -> None:
        """Add an image to the workspace's catalogue; Rejected for one that is there."""
        body: dict[str, object] = {"url": image}
        self._send(Request(ops.REGISTER_RUNTIME, paths.RUNTIMES, json=body))

    def ping(self) -> None:
        """The smallest call that needs a key."""
        self._send(Request(ops.PING, paths.PROJECTS, query=(("page_size", "1"),)))

    def key_user(self) -> str:
        """The key's user; Unauthorized for an invalid key.  Since 25.04."""
        request = Request(ops.VALIDATE_KEY, paths.KEY_CHECK, json={"audience": "API"})
        key = read_one(self._send, request, _KeyCheck)
        if not key.valid:
            raise Unauthorized("validate key: CML reports an invalid key", status=401)
        return key.username

    def inspect_project(self, id_or_name: str) -> ProjectSeen:
        """The project; NotFound without one, Rejected for an ambiguous name."""
        id_ = self.projects.find(id_or_name).id
        project = read_one(self._send, Request(ops.GET_PROJECT, paths.project(id_), id_), _Project)
        may_write = project.permissions.write if project.permissions else None
        limit, names = project.shared_memory_limit, frozenset(project.environment)
        untyped = project.untyped
        return ProjectSeen(project.id, project.name, limit, may_write, names, untyped)

    def whole_list(self, project: str) -> WholeList:
        request = Request(ops.LIST_APPLICATIONS, paths.applications(project), project)
        model = _WholeApplication
        listing = read_list(self._send, request, "applications", model, sort="created_at")
        raw = tuple(app.raw for app in listing.items)
        return WholeList(translate.project_listing(project, listing), raw)

    def quota(self, user: str) -> Quota | None:
        """The user's quota; None if CML reports none."""
        quotas = (quota for quota in self._quotas() if user and _user_name(quota.user) == user)
        return next(map(_quota, quotas), None)

    def quota_of_only_user(self) -> Quota | None:
        """The quota, if CML shows a single user's; else None."""
        quotas = self._quotas()
        return _quota(quotas[0]) if len(quotas) == 1 else None

    def _quotas(self) -> list[_UserQuota]:
        request = Request(ops.LIST_QUOTAS, paths.QUOTAS, query=_MANY)
        return read_one(self._send, request, _Quotas).user_quota

    def largest_node(self) -> Amounts:
        """The largest node for applications, by resource; since 26."""
        groups = self.places.resource_groups()
        usable = [group for group in groups if group.allow_applications is not False]
        return Amounts(
            _largest(group.cpu_count for group in usable),
            _largest(group.memory_in_gib for group in usable),
            _largest(group.gpu_count for group in usable),
        )

    def gpus_of_one(self) -> float | None:
        """The largest number of GPUs of an application; None if CML does not report it."""
        labels = self.places.node_labels()
        return _largest(label.max_gpu_per_workload for label in labels)


def _quota(quota: _UserQuota) -> Quota:
    return Quota(_amounts(quota.quota_configured, bounds=True), _amounts(quota.quota_usage))


def _user_name(user: object) -> str:
    if isinstance(user, Mapping):
        names = (user.get(name) for name in ("username", "user_name", "name"))
        user = next((name for name in names if name), "")
    return user if isinstance(user, str) else ""


def _amounts(amounts: _Amounts | None, *, bounds: bool = False) -> Amounts:
    """Limits; 0 cores count as no limit, since nothing could run."""
    if amounts is None:
        return Amounts()
    cpu, memory = amounts.cpu, amounts.memory
    if bounds:
        cpu, memory = cpu or None, memory or None
    return Amounts(cpu, memory, amounts.nvidia_gpu)


def _largest(amounts: Iterable[float | None]) -> float | None:
    """The largest amount; 0 counts as unknown."""
    return max((amount for amount in amounts if amount), default=None)
