"""Validation of workloads, that is applications and jobs."""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from controller.emulator.api.errors import ApiError, Code, invalid
from controller.emulator.options import Options
from controller.emulator.places import Places
from controller.emulator.pods.engines import FilesOf
from controller.emulator.state.catalogue import ADDONS, Runtime
from controller.emulator.state.records import Application, Definition
from controller.emulator.state.state import State

SUBDOMAIN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
LONGEST_SUBDOMAIN = 63


class Checks:
    """Validates with CML's messages, if known."""

    def __init__(
        self, state: State, options: Options, runtimes: Sequence[Runtime], files_of: FilesOf
    ) -> None:
        self._state = state
        self._options = options
        self._runtimes = {runtime.id: runtime for runtime in runtimes}
        self._files_of = files_of
        self._places = Places.of(options)
        self._by_field: Mapping[str, Callable[[Any], None]] = {
            "name": _check_name,
            "subdomain": self._check_subdomain,
            "script": self._check_script,
            "runtime_identifier": self._check_runtime,
            "cpu": _check_resources,
            "memory": _check_resources,
            "nvidia_gpu": _check_resources,
            "accelerator_label_id": self._check_accelerator,
            "resource_group_id": self._check_group,
            "resource_profile_id": self._check_profile,
            "runtime_addon_identifiers": self._check_addons,
        }

    def check(self, workload: Definition, names: Collection[str]) -> None:
        """Refuse invalid values of the named fields."""
        for name, check in self._by_field.items():
            if name in names:
                check(workload)

    def _check_subdomain(self, app: Application) -> None:
        if not re.fullmatch(SUBDOMAIN, app.subdomain):
            raise invalid(f"Problem with field Subdomain: invalid pattern {SUBDOMAIN}")
        if len(app.subdomain) > LONGEST_SUBDOMAIN:
            raise invalid(f"Problem with field Subdomain: longer than {LONGEST_SUBDOMAIN}")
        others = (other for other in self._state.applications.values() if other.id != app.id)
        if any(other.subdomain == app.subdomain for other in others):
            conflict = self._options.duplicate_subdomain_conflict
            code = Code.ALREADY_EXISTS if conflict else Code.INVALID_ARGUMENT
            raise ApiError(code, f"subdomain {app.subdomain} already exists")

    def _check_script(self, workload: Definition) -> None:
        if not workload.script:
            raise invalid("script must be specified")
        exists = self._files_of(workload.project_id).has_script(workload.script)
        if self._options.check_script and not exists:
            raise invalid(f"script {workload.script} not found in project directory")

    def _check_runtime(self, workload: Definition) -> None:
        if not workload.runtime_identifier:
            raise invalid("runtime image must be specified")
        image = workload.runtime_identifier
        runtime = self._state.runtimes.get(image, self._runtimes.get(image))
        status = None if runtime is None else runtime.status
        if self._options.check_runtime and status != "ENABLED":
            state = "not registered" if status is None else status.lower()
            raise invalid(f"runtime {workload.runtime_identifier} is {state}")

    def _check_accelerator(self, workload: Definition) -> None:
        self._check_id("accelerator label", workload.accelerator_label_id, self._places.labels)

    def _check_group(self, workload: Definition) -> None:
        self._check_id("resource group", workload.resource_group_id, self._places.groups)

    def _check_profile(self, workload: Definition) -> None:
        """Refuse an unknown profile; a known one decides the cores and the memory."""
        number = workload.resource_profile_id
        self._check_id("resource profile", number, self._places.profiles)
        if profile := self._places.profiles.get(number):
            workload.cpu, workload.memory = profile.cpu, profile.memory

    def _check_id(self, kind: str, number: object, known: Collection[object]) -> None:
        """Refuse an ID that the workspace does not have; 0 asks for nothing."""
        if str(number) != "0" and number not in known:
            raise ApiError(Code.NOT_FOUND, f"{kind} {number} not found")

    def _check_addons(self, workload: Definition) -> None:
        usable = {addon.identifier for addon in ADDONS if addon.status == "AVAILABLE"}
        for identifier in workload.runtime_addon_identifiers:
            if identifier not in usable:
                raise invalid(f"runtime addon {identifier} is not available")


def _check_name(workload: Definition) -> None:
    if not workload.name.strip():
        raise invalid("name must be specified")


def _check_resources(workload: Definition) -> None:
    if not 0 < workload.cpu < math.inf or not 0 < workload.memory < math.inf:
        raise invalid("cpu and memory must be greater than zero")
    if workload.nvidia_gpu < 0:
        raise invalid("nvidia_gpu must not be negative")
