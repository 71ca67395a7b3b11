"""Translation between CML's and raycml's fields.  Pure; the only module that knows both.

CML's `memory` is in GiB, as in its UI; its `environment` is an object on create and JSON text
elsewhere; its `script` may start with `/home/cdsw`.
"""

import json
from collections.abc import Mapping

from controller.cml import wire
from controller.core.model.jobs import ObservedJob
from controller.core.model.member import BOOTSTRAP_MARKS, MARK
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import Configuration
from controller.core.spec.variables import shows

HOME = "/home/cdsw/"
# Variables whose values are public: names and hashes made by the controller.
SHOWN = frozenset({*MARK, *BOOTSTRAP_MARKS})
_TOLERANCE = 0.01  # cores or GiB: numbers pass through floating point in several programs

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

# raycml's field name -> CML's, for both directions of a PATCH
_WIRE_NAMES = {
    "name": "name",
    "subdomain": "subdomain",
    "description": "description",
    "script": "script",
    "cpu": "cpu",
    "memory": "memory",
    "gpu": "nvidia_gpu",
    "runtime": "runtime_identifier",
    "environment": "environment",
    "public": "bypass_authentication",
}


def phase(status: str) -> Phase:
    """The phase, for every observed spelling; UNKNOWN for others, on which nothing acts."""
    word = status.strip().upper().removeprefix("APPLICATION_").removeprefix("ENGINE_")
    return _PHASES.get(word, Phase.UNKNOWN)


def application(seen: wire.Application, project: str) -> ObservedApplication:
    return ObservedApplication(
        id=seen.id,
        project=project,
        name=seen.name,
        subdomain=seen.subdomain,
        phase=phase(seen.status),
        script=seen.script.removeprefix(HOME),
        cpu=seen.cpu,
        memory=seen.memory,
        gpu=seen.nvidia_gpu,
        runtime=seen.runtime_identifier,
        environment=environment(seen.environment),
        status=seen.status,
        public=seen.bypass_authentication,
        created_at=seen.created_at,
        starting_at=seen.starting_at,
        running_at=seen.running_at,
        stopped_at=seen.stopped_at,
    )


def environment(value: object) -> dict[str, str]:
    """The variables, from JSON text, an object, or nothing.

    Unreadable variables count as empty: without a mark the application is not managed, and it does
    not affect others.
    """
    if isinstance(value, str):
        value = _json(value)
    if not isinstance(value, Mapping):
        return {}
    return {str(name): _value(item) for name, item in value.items()}


def environment_text(wanted: Mapping[str, str]) -> str:
    """The variables in a PATCH; their order does not change the text."""
    return json.dumps(dict(wanted), sort_keys=True, separators=(",", ":"))


def hidden(environment: object) -> dict[str, str]:
    """Variables whose values messages must not repeat: all except marks."""
    if not isinstance(environment, Mapping):
        return {}
    return {str(k): str(v) for k, v in environment.items() if k not in SHOWN}


def _json(text: str) -> object:
    try:
        value: object = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return None
    return value


def _value(item: object) -> str:
    if isinstance(item, str):
        return item
    try:
        return "" if item is None else json.dumps(item, sort_keys=True)
    except (ValueError, RecursionError):
        return ""


def create_body(configuration: Configuration, project: str) -> dict[str, object]:
    """The body of POST applications."""
    body = wire.CreateApplication(
        project_id=project,
        name=configuration.name,
        subdomain=configuration.subdomain,
        description=configuration.description,
        script=configuration.script,
        cpu=configuration.cpu,
        memory=configuration.memory,
        nvidia_gpu=configuration.gpu,
        environment=dict(configuration.environment),
        runtime_identifier=configuration.runtime,
    )
    return body.model_dump()


def patch_body(fields: Mapping[str, object]) -> dict[str, object]:
    """The body of PATCH, from `Configuration` names.  ValueError for unknown fields."""
    strange = sorted(set(fields) - set(_WIRE_NAMES))
    if strange or not fields:
        raise ValueError(f"not fields of a configuration: {', '.join(strange) or 'none given'}")
    named = {_WIRE_NAMES[name]: value for name, value in fields.items()}
    if "environment" in named:
        named["environment"] = environment_text(variables(named["environment"]))
    return wire.PatchApplication.model_validate(named).model_dump(exclude_unset=True)


def variables(value: object) -> dict[str, str]:
    """A copy; TypeError for anything but a map from strings to strings."""
    if not isinstance(value, Mapping):
        raise TypeError("an environment is a mapping")
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        raise TypeError("an environment maps text to text")
    return dict(value)


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
    wanted: object,
    answered: ObservedApplication | ObservedJob,
    before: Mapping[str, str] | None,
) -> bool:
    if name == "description":
        return True
    if name == "environment":
        return _environment_took(variables(wanted), answered.environment, before)
    got: object = getattr(answered, name)
    if isinstance(got, float) and isinstance(wanted, (int, float)):
        return abs(got - wanted) <= _TOLERANCE
    return got == wanted


def _environment_took(
    wanted: Mapping[str, str], got: Mapping[str, str], before: Mapping[str, str] | None
) -> bool:
    removed = set(got if before is None else before) - set(wanted)
    return all(shows(got.get(k), v) for k, v in wanted.items()) and removed.isdisjoint(got)
