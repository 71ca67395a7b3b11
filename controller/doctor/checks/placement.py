"""Check of the nodes that specs choose: accelerators, resource groups, profiles, add-ons."""

from collections.abc import Iterable, Iterator

from controller.cml.places import NodeLabel
from controller.core.model.desired import DesiredCluster
from controller.core.model.offers import Offers, Requirement
from controller.core.situation.resolution import find_id
from controller.core.spec.placement.kinds import RUNTIME
from controller.doctor import state
from controller.doctor.probe import Probe
from controller.doctor.result import CheckResult, bad, good, listed, unknown, warning
from controller.workspace.offers import look_at_offers


def node_labels(probe: Probe) -> list[NodeLabel]:
    """The kinds of GPUs of the workspace."""
    return probe.connection.inspector.places.node_labels()


def offered_names(probe: Probe) -> Offers:
    """The names of each kind that the specs use."""
    groups = (g for cluster in probe.ask(state.declared_clusters) for g in cluster.groups)
    kinds = {kind for group in groups for kind in group.inputs.placement.names()}
    return look_at_offers(probe.connection.inspector, Requirement(names=frozenset(kinds)))


def placement(probe: Probe) -> Iterable[CheckResult]:
    """Names that the workspace does not have, and accelerators of which it has too few."""
    clusters = probe.ask(state.declared_clusters)
    offers = probe.ask(offered_names)
    problems = [each for cluster in clusters for each in _unknown_names(cluster, offers)]
    labels = probe.answer_or(None, node_labels)
    if labels:
        problems += _scarce(clusters, labels)
    if problems:
        return problems
    if labels is None:
        return [unknown("CML does not list its accelerators")]
    shown = listed(map(_described, labels))
    return [good(f"accelerators: {shown}" if labels else "the workspace has no accelerators")]


def _unknown_names(cluster: DesiredCluster, offers: Offers) -> Iterator[CheckResult]:
    for group in cluster.groups:
        record: dict[str, tuple[str, str]] = {}
        for kind, name in group.inputs.names().items():
            if kind == RUNTIME:
                continue
            found = find_id(kind, group.inputs, offers.names[kind], record)
            if found.problem:
                fix = "correct the spec, or ask the administrator of the workspace"
                yield bad(f"{cluster.name} {group.name}: {found.problem}", fix)
            else:
                record[kind] = (name, found.id)


def _scarce(
    clusters: Iterable[DesiredCluster], labels: Iterable[NodeLabel]
) -> Iterator[CheckResult]:
    """Accelerators of which all specs together ask for more than there are."""
    groups = [(c, g) for c in clusters if not c.suspended for g in c.groups if not g.suspended]
    for label in labels:
        names = {label.id, label.label_value, label.display_name} - {""}
        asking = [(c, g) for c, g in groups if g.inputs.placement.accelerator in names]
        wanted = sum(group.inputs.gpu * group.replicas for _, group in asking)
        if label.gpus is not None and wanted > label.gpus:
            who = listed(sorted(f"{cluster.name} {group.name}" for cluster, group in asking))
            message = f"{who}: {wanted} {_name(label)} are asked for, and there are {label.gpus:g}"
            yield warning(message, "lower replicas or resources.gpu, or choose another accelerator")


def _name(label: NodeLabel) -> str:
    return label.display_name or label.label_value or label.id


def _described(label: NodeLabel) -> str:
    counts = []
    if label.gpus is not None:
        counts.append(f"{label.gpus:g} GPUs")
    if label.max_gpu_per_workload:
        counts.append(f"{label.max_gpu_per_workload:g} for each application")
    return f"{_name(label)} ({', '.join(counts)})" if counts else _name(label)
