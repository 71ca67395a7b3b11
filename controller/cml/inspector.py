"""Calls for `doctor` only: version, key, quotas and capacity.

All are reads.  Some need a newer CML or a privileged key, and raise like any other call otherwise.
"""

import email.utils
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from controller.cml import operations as ops
from controller.cml import paths, translate, wire
from controller.cml.client import Client
from controller.cml.errors import Unauthorized
from controller.cml.operations import Request
from controller.cml.reading import observed_project, read_list, read_object, read_one
from controller.core.model.observed import ObservedProject
from controller.core.model.project import Amounts, ProjectSeen, Quota

_MANY = (("page_size", "1000"),)


def _amount(value: object) -> float | None:
    """An amount from text; no limit may be absent, empty, 0 or -1, undocumented."""
    try:
        number = float(value) if isinstance(value, (str, int, float)) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _items(value: object) -> object:
    return [] if value is None else value


_Amount = Annotated[float | None, BeforeValidator(_amount)]


class _In(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _KeyCheck(_In):
    valid: wire.Flag = False
    username: wire.Text = ""


class _Permissions(_In):
    write: bool | None = None


class _Project(wire.Project):
    """A project, where an absent limit differs from 0, with permissions."""

    shared_memory_limit: int | None = None  # type: ignore[assignment]  # absent differs from 0
    permissions: _Permissions | None = None


class _Amounts(_In):
    cpu: _Amount = None
    memory: _Amount = None
    nvidia_gpu: _Amount = None


class _UserQuota(_In):
    user: object = None
    quota_usage: _Amounts | None = None
    quota_configured: _Amounts | None = None


class _Quotas(_In):
    user_quota: Annotated[list[_UserQuota], BeforeValidator(_items)] = []


class _ResourceGroup(_In):
    cpu_count: _Amount = None
    memory_in_gib: _Amount = None
    gpu_count: _Amount = None
    allow_applications: bool | None = None


class _ResourceGroups(_In):
    resource_group: Annotated[list[_ResourceGroup], BeforeValidator(_items)] = []


class _NodeLabel(_In):
    max_gpu_per_workload: _Amount = None


class _NodeLabels(_In):
    accelerator_node_label: Annotated[list[_NodeLabel], BeforeValidator(_items)] = []


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
        found = (one for one in self.raw if one.get("bypass_authentication") is True)
        return frozenset(str(one.get("id")) for one in found)


class Inspector(Client):
    """A client with the calls for `doctor`."""

    def describe(self) -> str:
        """The API's version, from its description; sends no key.  Empty without one."""
        answer = self._send(Request(ops.GET_VERSION, paths.DESCRIPTION, signed=False))
        info = read_object(ops.GET_VERSION, answer).get("info")
        found = info.get("version") if isinstance(info, dict) else None
        return found[:64] if isinstance(found, str) and found.isprintable() else ""

    def ping(self) -> None:
        """The smallest call that needs a key."""
        self._send(Request(ops.PING, paths.PROJECTS, query=(("page_size", "1"),)))

    def key_user(self) -> str:
        """The key's user; Unauthorized for an invalid key.  Since 25.04."""
        request = Request(ops.VALIDATE_KEY, paths.KEY_CHECK, json={"audience": "API"})
        found = read_one(self._send, request, _KeyCheck)
        if not found.valid:
            raise Unauthorized("validate key: CML reports an invalid key", status=401)
        return found.username

    def inspect_project(self, id_or_name: str) -> ProjectSeen:
        """The project; NotFound without one, Rejected for an ambiguous name."""
        project = self.find_project(id_or_name).id
        request = Request(ops.GET_PROJECT, paths.project(project), project)
        found = read_one(self._send, request, _Project)
        may_write = found.permissions.write if found.permissions else None
        return ProjectSeen(found.id, found.name, found.shared_memory_limit, may_write)

    def whole_list(self, project: str) -> WholeList:
        found = read_list(
            self._send,
            Request(ops.LIST_APPLICATIONS, paths.applications(project), project),
            "applications",
            _WholeApplication,
            sort="created_at",
        )
        apps = tuple(translate.application(one, project) for one in found.items)
        seen = observed_project(project, apps, found)
        return WholeList(seen, tuple(one.raw for one in found.items))

    def quota(self, user: str) -> Quota | None:
        """The user's quota; None if CML reports none."""
        found = (one for one in self._quotas() if user and _user_name(one.user) == user)
        return next(map(_quota, found), None)

    def quota_of_only_user(self) -> Quota | None:
        """The quota, if CML shows a single user's; else None."""
        found = self._quotas()
        return _quota(found[0]) if len(found) == 1 else None

    def _quotas(self) -> list[_UserQuota]:
        request = Request(ops.LIST_QUOTAS, paths.QUOTAS, query=_MANY)
        return read_one(self._send, request, _Quotas).user_quota

    def largest_node(self) -> Amounts:
        """The largest node for applications, by resource; since 26."""
        request = Request(ops.LIST_RESOURCE_GROUPS, paths.RESOURCE_GROUPS, query=_MANY)
        groups = read_one(self._send, request, _ResourceGroups).resource_group
        usable = [group for group in groups if group.allow_applications is not False]
        return Amounts(
            _largest(group.cpu_count for group in usable),
            _largest(group.memory_in_gib for group in usable),
            _largest(group.gpu_count for group in usable),
        )

    def gpus_of_one(self) -> float | None:
        """The largest number of GPUs of an application; None if CML does not report it."""
        request = Request(ops.LIST_NODE_LABELS, paths.NODE_LABELS, query=_MANY)
        labels = read_one(self._send, request, _NodeLabels).accelerator_node_label
        return _largest(label.max_gpu_per_workload for label in labels)


def server_time(date: str) -> datetime | None:
    """The time in a `Date` header; None if invalid."""
    try:
        when = email.utils.parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _quota(found: _UserQuota) -> Quota:
    return Quota(_amounts(found.quota_configured, bounds=True), _amounts(found.quota_usage))


def _user_name(user: object) -> str:
    if isinstance(user, Mapping):
        names = (user.get(name) for name in ("username", "user_name", "name"))
        user = next((name for name in names if name), "")
    return user if isinstance(user, str) else ""


def _amounts(found: _Amounts | None, *, bounds: bool = False) -> Amounts:
    """Limits; 0 cores count as no limit, since nothing could run."""
    if found is None:
        return Amounts()
    cpu, memory = found.cpu, found.memory
    if bounds:
        cpu, memory = cpu or None, memory or None
    return Amounts(cpu, memory, found.nvidia_gpu)


def _largest(amounts: Iterable[float | None]) -> float | None:
    """The largest amount; 0 counts as unknown."""
    return max((amount for amount in amounts if amount), default=None)
