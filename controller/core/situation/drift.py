"""Drift: differences between an application and its member's desired configuration.

Only what we set is compared: CML copies a project's variables into an application, and people may
add their own.  Values of variables never enter a `Change`, for a plan is shown to people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controller.core.model.desired import Group, configuration, launcher_prefix
from controller.core.model.member import ENVIRONMENT, FINGERPRINT, SUBDOMAIN, Mark, Member
from controller.core.model.observed import ObservedApplication
from controller.core.model.plan import Change, Configuration, Update
from controller.core.model.policy import Policy
from controller.core.spec.fingerprint import VERSION, fingerprint, is_adopted, version_of
from controller.core.spec.variables import shows

# CML keeps resources as floats and shows hundredths.
_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class Drift:
    """Differences between the configured and the desired state of one application.

    `whole_cluster`: Ray or Python differ, which all nodes must agree on.
    """

    changes: tuple[Change, ...]
    whole_cluster: bool = False

    def __bool__(self) -> bool:
        return bool(self.changes)


def compare(
    app: ObservedApplication, mark: Mark, group: Group, wanted: Configuration, policy: Policy
) -> Drift:
    """The drift of an application that fills its member's place."""
    whole = mark.agreement not in ("", group.agreement())
    outdated = _outdated(mark, group)
    changes = [*resource_changes(app, wanted), *_environment(app, mark, group, outdated=outdated)]
    if outdated:
        changes += _built(mark, group)
    # An older launcher is how an older fingerprint shows; of an adopted one nobody knows it.
    telling = not outdated or is_adopted(mark.fingerprint)
    if telling and (script := _script(app, mark, wanted, policy)):
        changes.append(script)
    if outdated and not changes:
        changes.append(_unseen(whole=whole))
    return Drift(tuple(sorted(changes)), whole and outdated)


def _outdated(mark: Mark, group: Group) -> bool:
    """Compared with the arithmetic that the mark names; an unknown, newer one is left alone."""
    version = version_of(mark.fingerprint) or VERSION
    same = version == VERSION
    wanted = group.fingerprint() if same else fingerprint(group.inputs, version)
    return wanted is not None and wanted != mark.fingerprint


def _built(mark: Mark, group: Group) -> list[Change]:
    """A change of the Python environment built by raycml, or to or from one."""
    wanted = "" if group.environment is None else group.environment.hash
    if mark.environment_hash == wanted:
        return []
    return [Change("pythonEnvironment", mark.environment_hash or "none", wanted or "none")]


def _unseen(*, whole: bool) -> Change:
    """The fingerprint differs in something that CML does not store as a field."""
    return Change("Ray version or interpreter" if whole else "rayStartParams", "", "")


def resource_changes(app: ObservedApplication, wanted: Configuration) -> list[Change]:
    changes = []
    if abs(app.cpu - wanted.cpu) > _TOLERANCE:
        changes.append(Change("cpu", f"{app.cpu:g}", f"{wanted.cpu:g}"))
    if abs(app.memory - wanted.memory) > _TOLERANCE:
        changes.append(Change("memory", f"{app.memory:g}Gi", f"{wanted.memory:g}Gi"))
    if app.gpu != wanted.gpu:
        changes.append(Change("gpu", str(app.gpu), str(wanted.gpu)))
    if app.runtime != wanted.runtime:
        changes.append(Change("runtimeIdentifier", _tail(app.runtime), _tail(wanted.runtime)))
    return changes


def _tail(runtime: str) -> str:
    return runtime.rsplit("/", 1)[-1] or "none"


def _environment(
    app: ObservedApplication, mark: Mark, group: Group, *, outdated: bool
) -> list[Change]:
    """Changed variables.  A value that a server trims or masks does not count as changed."""
    wanted = group.inputs.environment
    same = _equal if outdated else shows
    changed = [k for k, v in wanted.items() if not same(app.environment.get(k), v)]
    dropped = [k for k in mark.variables if k not in wanted]
    return [Change(f"environment.{name}", "", "") for name in {*changed, *dropped}]


def _equal(shown: str | None, wanted: str) -> bool:
    return shown == wanted


def _script(
    app: ObservedApplication, mark: Mark, wanted: Configuration, policy: Policy
) -> Change | None:
    """Any edition of the right launcher will do, unless the newest was asked for."""
    script = app.script
    if script == wanted.script:
        return None
    prefix = launcher_prefix(mark.cluster, mark.member.group, mark.fingerprint)
    right = (
        script.startswith(prefix) and script.endswith(".py") and "/" not in script[len(prefix) :]
    )
    if right and not policy.refresh_launchers:
        return None
    was = "older edition" if right else _printable(script)
    return Change("launcher", was, wanted.script.rsplit("/", 1)[-1])


def _printable(script: str) -> str:
    """A foreign path, safe to show."""
    return "".join(c if c.isprintable() else "?" for c in script) or "none"


def patch(app: ObservedApplication, variables: Iterable[str], wanted: Configuration) -> Update:
    """The PATCH that brings the application's configuration to what is wanted, and no more.

    `variables`: those that were set when it was last configured.  CML replaces an environment as a
    whole, so what others put there is sent along.
    """
    fields: dict[str, object] = {
        "cpu": wanted.cpu,
        "memory": wanted.memory,
        "gpu": wanted.gpu,
        "runtime": wanted.runtime,
    }
    now = {"cpu": app.cpu, "memory": app.memory, "gpu": app.gpu, "runtime": app.runtime}
    different = {name: value for name, value in fields.items() if not _same(now[name], value)}
    return Update(
        app.id,
        {
            **different,
            "description": wanted.description,
            "script": wanted.script,
            "environment": {
                **_merged(app.environment, variables, wanted),
                SUBDOMAIN: app.subdomain,
            },
        },
        frozenset({*variables, *wanted.environment, ENVIRONMENT, SUBDOMAIN}),
    )


def _same(was: object, wants: object) -> bool:
    if isinstance(was, float) and isinstance(wants, int | float):
        return abs(was - wants) <= _TOLERANCE
    return was == wants


def _merged(
    environment: Mapping[str, str], variables: Iterable[str], wanted: Configuration
) -> dict[str, str]:
    own = frozenset(variables)
    kept = {k: v for k, v in environment.items() if k not in own}
    kept.pop(ENVIRONMENT, None)
    return {**kept, **wanted.environment}


def wanted_configuration(group: Group, member: Member, policy: Policy) -> Configuration:
    return configuration(group, member, policy.owner, policy.edition)


def is_stale(app: ObservedApplication, running: str) -> bool:
    """True if the process announces another fingerprint than its application is configured with."""
    return bool(running) and running != app.environment.get(FINGERPRINT, "")
