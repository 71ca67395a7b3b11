"""Translation between CML's and raycml's applications, and comparison of updates.  Pure.

CML's `memory` is in GiB, as in its UI.
"""

from collections.abc import Mapping
from typing import TypeVar

from controller.cml import wire
from controller.cml.paging import Listing
from controller.core.model.jobs import ObservedJob
from controller.core.model.member import BOOTSTRAP_MARKS, MARK
from controller.core.model.observed import Listed, ObservedApplication, ObservedProject, Phase
from controller.core.spec.variables import shows

# Variables whose values are public: names and hashes made by the controller.
SHOWN = frozenset({*MARK, *BOOTSTRAP_MARKS})
# Fields that a release of CML may take and not show; they are trusted then.
_MAY_BE_HIDDEN = frozenset({"accelerator", "resource_group", "resource_profile", "addons"})
_TOLERANCE = 0.01  # cores or GiB: numbers pass through floating point in several programs

Application = TypeVar("Application", bound=wire.Application)

_PHASES = {
    "STARTING": Phase.STARTING,
    "SCHEDULING": Phase.STARTING,
    "PENDING": Phase.STARTING,
    "RUNNING": Phase.RUNNING,
    "STOPPING": Phase.STOPPING,
    "STOPPED": Phase.STOPPED,
    "SUCCEEDED": Phase.STOPPED,
    "FAILED": Phase.FAILED,
    "KILLED": Phase.FAILED,
    "ERROR": Phase.FAILED,
    "TIMEDOUT": Phase.FAILED,
    "STARTUP_FAILED": Phase.FAILED,
}


def phase(status: str) -> Phase:
    """The phase, for every observed spelling; UNKNOWN for others, on which nothing acts."""
    word = status.strip().upper().removeprefix("APPLICATION_").removeprefix("ENGINE_")
    return _PHASES.get(word, Phase.UNKNOWN)


def application(app: wire.Application, project: str) -> ObservedApplication:
    fields = {name: getattr(app, name) for name in wire.Application.model_fields}
    return ObservedApplication(project=project, phase=phase(app.status), **fields)


def project_listing(project: str, listing: Listing[Application]) -> ObservedProject:
    """A project with the applications in its list."""
    apps = tuple(application(app, project) for app in listing.items)
    if listing.problem:
        return ObservedProject(project, apps, Listed.FAILED, listing.problem)
    return ObservedProject(project, apps, Listed.WHOLE if listing.complete else Listed.TORN)


def hidden(environment: object) -> dict[str, str]:
    """Variables whose values messages must not repeat: all except marks."""
    if not isinstance(environment, Mapping):
        return {}
    return {str(k): str(v) for k, v in environment.items() if k not in SHOWN}


def unapplied(
    fields: Mapping[str, object],
    answered: ObservedApplication | ObservedJob,
    before: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Sorted names of fields of an update that CML accepted and ignored.

    `before` are the variables that the update started from.  With it, a variable that was added
    elsewhere meanwhile is no fault; without it, every additional variable is.  `description` cannot
    be observed and is trusted.
    """
    return tuple(sorted(n for n, v in fields.items() if not _took(n, v, answered, before)))


def _took(
    name: str,
    value: object,
    answered: ObservedApplication | ObservedJob,
    before: Mapping[str, str] | None,
) -> bool:
    if name == "description":
        return True
    if name == "environment":
        return _environment_took(wire.variables(value), answered.environment, before)
    answer: object = getattr(answered, name)
    if name in _MAY_BE_HIDDEN:
        return answer is None or _same_set(answer, value)
    if isinstance(answer, float) and isinstance(value, (int, float)):
        return abs(answer - value) <= _TOLERANCE
    return answer == value


def _same_set(answer: object, value: object) -> bool:
    """Equal, or the same add-ons in another order."""
    if isinstance(answer, tuple) and isinstance(value, tuple):
        return set(answer) == set(value)
    return answer == value


def _environment_took(
    patched: Mapping[str, str], answer: Mapping[str, str], before: Mapping[str, str] | None
) -> bool:
    removed = set(answer if before is None else before) - set(patched)
    return all(shows(answer.get(k), v) for k, v in patched.items()) and removed.isdisjoint(answer)
