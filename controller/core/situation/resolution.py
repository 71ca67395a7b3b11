"""Resolution of the names in a spec to the ids of its workspace.

An application keeps the ids that were recorded when it was configured, as long as the names stay
the same.  A new member runs the runtime that the others of its kind run, so that all nodes of a
cluster have one Python; only without any it is the newest of the catalogue.
"""

from dataclasses import dataclass, field

from controller.core.model.offers import DISABLED, Lookup, OfferedNames, choose_runtime, find_names
from controller.core.situation.cluster import ClusterSituation
from controller.core.situation.matching import Match
from controller.core.spec.fingerprint import Inputs
from controller.core.spec.placement.fields import sizes
from controller.core.spec.placement.kinds import (
    GROUP,
    PROFILE,
    RUNTIME,
    Record,
    RuntimeChoice,
    kept,
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The ids by kind, and the problem of a name that has none.

    Where offers were not read, names without an id are missing and no problem.
    """

    record: Record = field(default_factory=dict)
    problem: str = ""
    is_lasting: bool = True


def resolve(cluster: ClusterSituation, match: Match) -> Resolved:
    """The ids of the member's names, for its next configuration."""
    inputs, names = match.group.inputs, match.group.inputs.names()
    record = kept(match.record, names)
    for kind, name in names.items():
        if kind in record:
            continue
        found = _look_up(cluster, inputs, kind, record)
        if found.problem:
            return Resolved(record, found.problem, found.is_lasting)
        if found.id:
            record[kind] = (name, found.id)
    return Resolved(record)


def _look_up(cluster: ClusterSituation, inputs: Inputs, kind: str, record: Record) -> Lookup:
    if kind == RUNTIME and inputs.runtime_choice is not None:
        return resolve_runtime(cluster, inputs.runtime_choice)
    offered = None if cluster.offers is None else cluster.offers.names.get(kind)
    if offered is None:
        return Lookup()
    return find_id(kind, inputs, offered, record)


def find_id(kind: str, inputs: Inputs, offered: OfferedNames, record: Record) -> Lookup:
    """The id of the name of this kind; `record` has those of kinds before it."""
    name = inputs.names()[kind]
    if kind == PROFILE:
        return _profile(name, inputs, offered, record)
    return find_names(_FIELDS.get(kind, kind), name, offered, inputs.gpu)


_FIELDS = {"accelerator": "resources.accelerator"}


def _profile(name: str, inputs: Inputs, offered: OfferedNames, record: Record) -> Lookup:
    """A profile of the member's resource group, whose sizes are the member's: they decide them."""
    group = record[GROUP][1] if GROUP in record else ""
    scoped = {key.removeprefix(f"{group}/"): own for key, own in offered.ids.items()}
    ids = {key: own for key, own in scoped.items() if "/" not in key}
    found = find_names(PROFILE, name, OfferedNames(ids, offered.unlisted, offered.is_lasting))
    wanted = sizes(inputs.cpu, inputs.memory)
    if found.id and ids and ids.get(wanted) != found.id:
        return Lookup(problem=f"{PROFILE} `{name}` has other sizes than `resources` ({wanted})")
    return found


def resolve_runtime(cluster: ClusterSituation, choice: RuntimeChoice) -> Lookup:
    """The runtime that members of this kind run, else the newest usable one of the catalogue."""
    offers = cluster.offers
    for member in cluster.members:
        name, own = member.match.record.get(RUNTIME, ("", ""))
        known = None if offers is None else offers.runtimes
        usable = known is None or known.get(own, DISABLED) != DISABLED
        if name == str(choice) and usable:
            return Lookup(own)
    return Lookup() if offers is None else choose_runtime(choice, offers.catalogue)
