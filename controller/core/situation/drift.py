"""Drift: differences between an application and its member's desired configuration.

Only the keys that raycml sets are compared: CML copies a project's variables into an application,
and people may add their own.  Values of variables never enter a `Change`: plans are displayed.
"""

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from controller.core.model.configuration import launcher_prefix
from controller.core.model.desired import Group
from controller.core.model.member import (
    AUTH_MODE,
    ENVIRONMENT,
    FINGERPRINT,
    KEPT,
    RESOLVED,
    SUBDOMAIN,
    Mark,
)
from controller.core.model.observed import ObservedApplication
from controller.core.model.plan import Change, Configuration, Update
from controller.core.model.policy import Policy
from controller.core.spec.fingerprint import (
    VERSION,
    Inputs,
    agreement,
    fingerprint_by,
    is_adopted,
    version_of,
)
from controller.core.spec.placement.fields import SELECTOR_VARIABLES
from controller.core.spec.placement.kinds import (
    ADDONS,
    ID_FIELDS,
    NONE,
    RUNTIME,
    PlacementIds,
    placement_ids,
    read_record,
)
from controller.core.spec.ray.auth import DISABLED, TOKEN
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
    app: ObservedApplication, mark: Mark, group: Group, desired: Configuration, policy: Policy
) -> Drift:
    """The drift of an application that fills its member's place."""
    whole = mark.agreement not in ("", group.agreement)
    outdated = _outdated(mark, group)
    changes = resource_changes(app, desired)
    changes += placement_changes(app, mark, group.inputs)
    changes += _variable_changes(app, mark, group, outdated=outdated)
    if outdated:
        changes += _python_environment_change(mark, group)
    # An older launcher shows an older fingerprint; that of an adopted application is unknown.
    telling = not outdated or is_adopted(mark.fingerprint)
    if telling and (script := _launcher_change(app, mark, desired, policy)):
        changes.append(script)
    by_mode = _auth_mode_change(mark, group, desired) if whole and outdated else []
    if outdated and not changes and not (by_mode and _same_ray(mark, group.inputs)):
        # CML stores these as no field, so only the fingerprint shows the change.
        field = "Ray version or interpreter" if whole else "rayStartParams or labels"
        changes.append(Change(field, "", ""))
    changes += by_mode
    return Drift(tuple(sorted(changes)), whole and outdated)


def _auth_mode_change(mark: Mark, group: Group, desired: Configuration) -> list[Change]:
    """A change of the mode, which clients of the cluster notice, or of the field that names it."""
    was, wants = mark.auth_mode or DISABLED, desired.environment.get(AUTH_MODE, DISABLED)
    if was != wants:
        return [Change("authOptions.mode", was, wants)]
    return [Change("authOptions.mode", "", "")] if _same_ray(mark, group.inputs) else []


def _same_ray(mark: Mark, inputs: Inputs) -> bool:
    """True if the nodes need not agree on anything new but how they authenticate."""
    modes = ("", TOKEN, DISABLED)
    return mark.agreement in {agreement(replace(inputs, auth_mode=mode)) for mode in modes}


def is_kept(mark: Mark, group: Group) -> bool:
    """True if the application was adopted as it is, for a spec that has not changed since."""
    return bool(mark.kept) and mark.kept == fingerprint_by(version_of(mark.kept), group.inputs)


def _outdated(mark: Mark, group: Group) -> bool:
    """Compared with the arithmetic that the mark names; an unknown, newer one is left alone."""
    version = version_of(mark.fingerprint) or VERSION
    same = version == VERSION
    desired = group.fingerprint if same else fingerprint_by(version, group.inputs)
    return desired is not None and desired != mark.fingerprint


def _python_environment_change(mark: Mark, group: Group) -> list[Change]:
    """A change of the Python environment built by raycml, or to or from one."""
    desired = group.environment_hash
    if mark.environment_hash == desired:
        return []
    return [Change("pythonEnvironment", mark.environment_hash or "none", desired or "none")]


def resource_changes(app: ObservedApplication, desired: Configuration) -> list[Change]:
    changes = []
    if abs(app.cpu - desired.cpu) > _TOLERANCE:
        changes.append(Change("cpu", f"{app.cpu:g}", f"{desired.cpu:g}"))
    if abs(app.memory - desired.memory) > _TOLERANCE:
        changes.append(Change("memory", f"{app.memory:g}Gi", f"{desired.memory:g}Gi"))
    if app.gpu != desired.gpu:
        changes.append(Change("gpu", str(app.gpu), str(desired.gpu)))
    if desired.runtime and app.runtime != desired.runtime:
        changes.append(Change("runtimeIdentifier", _tail(app.runtime), _tail(desired.runtime)))
    return changes


def _tail(runtime: str) -> str:
    return runtime.rsplit("/", 1)[-1] or "none"


def placement_changes(app: ObservedApplication, mark: Mark, inputs: Inputs) -> list[Change]:
    """Names of the spec that changed, and ids that the application no longer has.

    An id is compared where CML shows it, with the one that was recorded: so no list of the
    workspace is needed, and a newer runtime in its catalogue is no change.
    """
    record, names = read_record(mark.resolved), inputs.names()
    ids = placement_ids(record)
    changes = []
    for kind in sorted(names.keys() | record.keys()):
        was, wants = record.get(kind, (NONE, ""))[0], names.get(kind, NONE)
        if was == wants:
            was = _other_id(kind, app, ids, record[kind][1])
        elif kind == RUNTIME:
            if wants == NONE:
                continue  # the spec has an identifier now, which is compared as such
            was = _tail(app.runtime)
        if was:
            field = "runtimeIdentifier" if kind == RUNTIME else kind
            changes.append(Change(field, was, wants))
    return changes


def _other_id(kind: str, app: ObservedApplication, recorded: PlacementIds, own: str) -> str:
    """The application's id of this kind where it is another one than recorded; else empty."""
    if kind not in ID_FIELDS:
        return ""
    wants, shown = getattr(recorded, ID_FIELDS[kind]), getattr(app, ID_FIELDS[kind])
    if shown is None or shown == wants:
        return ""
    if kind == ADDONS:
        # CML may add add-ons of its own.
        missing = ", ".join(sorted(set(wants) - set(shown)))
        dropped = ", ".join(sorted({*own.split(",")} & {*shown})) if not wants else ""
        return f"without {missing}" if missing else dropped
    return f"id {shown}" if shown not in ("0", 0) else NONE


def _selector_change(app: ObservedApplication, desired: Mapping[str, str]) -> list[Change]:
    """The label of a node is no secret, so it is shown."""
    was, wants = (
        "=".join(filter(None, (variables.get(name, "") for name in SELECTOR_VARIABLES))) or "none"
        for variables in (app.environment, desired)
    )
    return [Change("nodeSelector", _printable(was), wants)]


def _variable_changes(
    app: ObservedApplication, mark: Mark, group: Group, *, outdated: bool
) -> list[Change]:
    """Changed variables.  A value that a server trims or masks does not count as changed."""
    desired = group.inputs.environment
    same = operator.eq if outdated else shows
    changed = [k for k, v in desired.items() if not same(app.environment.get(k), v)]
    dropped = [k for k in mark.variables if k not in desired]
    names = {*changed, *dropped}
    changes = [Change(f"environment.{n}", "", "") for n in names - {*SELECTOR_VARIABLES}]
    return changes + _selector_change(app, desired) if names & {*SELECTOR_VARIABLES} else changes


def _launcher_change(
    app: ObservedApplication, mark: Mark, desired: Configuration, policy: Policy
) -> Change | None:
    """A change of the launcher; another edition of the right one counts only on request."""
    script = app.script
    if script == desired.script:
        return None
    prefix = launcher_prefix(mark.cluster, mark.member.group, mark.fingerprint)
    right = (
        script.startswith(prefix) and script.endswith(".py") and "/" not in script[len(prefix) :]
    )
    if right and not policy.refresh_launchers:
        return None
    was = "older edition" if right else _printable(script)
    return Change("launcher", was, desired.script.rsplit("/", 1)[-1])


def _printable(script: str) -> str:
    """A foreign path, safe to show."""
    return "".join(c if c.isprintable() else "?" for c in script) or "none"


def patch(app: ObservedApplication, variables: Iterable[str], desired: Configuration) -> Update:
    """The PATCH that makes the application's configuration the desired one, and no more.

    `variables`: those that were set when it was last configured.  CML replaces an environment as a
    whole, so what others put there is sent along.
    """
    own = frozenset({*variables, *desired.environment, ENVIRONMENT, KEPT, RESOLVED, SUBDOMAIN})
    others = {k: v for k, v in app.environment.items() if k not in own}
    different = {
        name: getattr(desired, name)
        for name in ("cpu", "memory", "gpu", "runtime")
        if not _same(getattr(app, name), getattr(desired, name))
    }
    if RUNTIME in desired.unresolved:
        different.pop("runtime", None)
    fields = {
        **different,
        **_patched_placement(app, desired),
        "description": desired.description,
        "script": desired.script,
        "environment": {**others, **desired.environment, SUBDOMAIN: app.subdomain},
    }
    return Update(app.id, fields, own, desired.unresolved)


def _patched_placement(app: ObservedApplication, desired: Configuration) -> dict[str, object]:
    """The ids that differ; 0 for one that is no longer asked for."""
    before = read_record("" if app.mark is None else app.mark.resolved)
    fields: dict[str, object] = {}
    for kind, name in ID_FIELDS.items():
        shown, wants = getattr(app, name), getattr(desired, name)
        if kind == ADDONS:
            was = before[ADDONS][1].split(",") if ADDONS in before else []
            stay = [one for one in shown or () if one not in was or one in (wants or ())]
            wants = (*stay, *(one for one in wants or () if one not in stay))
            if set(wants) != set(shown or ()):
                fields[name] = wants
            continue
        if wants is not None and wants != shown:
            fields[name] = wants
    return fields


def _same(was: object, wants: object) -> bool:
    if isinstance(was, float) and isinstance(wants, int | float):
        return abs(was - wants) <= _TOLERANCE
    return was == wants


def is_stale(app: ObservedApplication, running: str) -> bool:
    """True if the process announces another fingerprint than its application is configured with."""
    return bool(running) and running != app.environment.get(FINGERPRINT, "")
