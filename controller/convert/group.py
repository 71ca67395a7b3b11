"""The head or a worker group of a manifest as a group of a spec."""

from collections.abc import Iterator
from dataclasses import dataclass

from controller.convert import answers
from controller.convert.amounts import PodAmounts
from controller.convert.emit import Raw, SpecEntry
from controller.convert.field import ManifestField
from controller.convert.notes import Notes
from controller.convert.params import params_of
from controller.convert.pod import Pod, pod_of
from controller.convert.quantities import cores_text, is_exact, memory_mib, memory_text
from controller.core.spec.fields import MAX_REPLICAS
from controller.core.spec.groups import MIN_HEAD_MIB, MIN_WORKER_MIB, UNSTATED_REPLICAS
from controller.core.spec.kuberay import INSTEAD
from controller.core.spec.ray.labels import MAX_LABELS, label_faults

UNSTATED_CPU, UNSTATED_MIB = "1", 2048
_CONVERTED = {"template", "rayStartParams", "resources", "labels"}
_OF_WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "numOfHosts", "suspend"}
_BOUNDS = ("replicas", "minReplicas", "maxReplicas")
_UNBOUNDED = 2**31 - 1  # what KubeRay writes where a manifest has no `maxReplicas`


@dataclass(frozen=True, slots=True)
class ManifestGroup:
    """A group and its pod; `name` is empty for the head.  `scaled`: Ray's autoscaler had it."""

    at: ManifestField
    pod: Pod
    name: str = ""
    scaled: bool = False

    @property
    def is_head(self) -> bool:
        return not self.name


def group_of(
    at: ManifestField, notes: Notes, name: str = "", *, scaled: bool = False
) -> ManifestGroup:
    """Reads a group; a note for each field of it that a spec cannot have."""
    handled = _CONVERTED if not name else _CONVERTED | _OF_WORKERS
    for field, each in at.fields().items():
        if field not in handled and each.text != "false":
            notes.dropped(each, INSTEAD.get(field, answers.ELSE))
    return ManifestGroup(at, pod_of(at.get("template"), notes), name, scaled)


def group_entries(group: ManifestGroup, notes: Notes, comment: str = "") -> list[SpecEntry]:
    """The group in the spec, with this comment on its resources."""
    entries = [] if group.is_head else [*_counts(group, notes)]
    resources, mib, comments = _resources(group, notes)
    entries.append(SpecEntry("resources", resources, (*comments, *filter(None, [comment]))))
    params = params_of(group.at, notes, head=group.is_head, memory_gib=mib / 1024)
    if params:
        entries.append(SpecEntry("rayStartParams", params))
    labels = labels_of(group.at, notes)
    if labels:
        entries.append(SpecEntry("labels", labels))
    if group.pod.environment:
        entries.append(SpecEntry("environment", group.pod.environment))
    if group.pod.selector:
        comment = "DECIDE: nodes of the CML workspace need this label; check it, or remove it."
        entries.append(SpecEntry("nodeSelector", group.pod.selector, (comment,)))
    suspend = group.at.get("suspend")
    if not group.is_head and suspend is not None and suspend.is_true:
        entries.append(SpecEntry("suspend", value=True))
    return entries


def labels_of(group: ManifestField, notes: Notes) -> dict[str, str]:
    """The labels of a group's nodes that a spec may have, at most MAX_LABELS."""
    written = group.get("labels")
    labels: dict[str, str] = {}
    for key, each in ({} if written is None else written.fields()).items():
        fault = next((message for _, message in label_faults({key: each.text})), "")
        if fault:
            notes.dropped(each, fault)
        elif len(labels) == MAX_LABELS:
            notes.dropped(each, f"a node has at most {MAX_LABELS} labels")
        else:
            labels[key] = each.text
    return labels


def _resources(group: ManifestGroup, notes: Notes) -> tuple[dict[str, Raw], int, tuple[str, ...]]:
    """The resources, their memory in MiB, and comments on what the manifest does not say."""
    amounts, place = group.pod.amounts, group.at
    missing = [n for n, amount in (("cpu", amounts.cpu), ("memory", amounts.memory)) if not amount]
    comments = []
    if missing:
        comments.append(f"DECIDE: the manifest has no {' and '.join(missing)} for this node.")
        notes.decide(place, f"no {' and '.join(missing)} in its container; check `resources`")
    cpu = UNSTATED_CPU
    if amounts.cpu is not None:
        cpu = cores_text(amounts.cpu.value)
        if float(cpu) > amounts.cpu.value:
            notes.changed(amounts.cpu.at, f"{amounts.cpu.at.text}: raised to {cpu} cores")
    mib = _memory(amounts, notes, MIN_HEAD_MIB if group.is_head else MIN_WORKER_MIB)
    resources = {"cpu": Raw(cpu), "memory": Raw(memory_text(mib))}
    if amounts.gpu:
        resources["gpu"] = Raw(str(amounts.gpu))
    return resources, mib, tuple(comments)


def _memory(amounts: PodAmounts, notes: Notes, least: int) -> int:
    if amounts.memory is None:
        return UNSTATED_MIB
    written = amounts.memory
    mib = memory_mib(written.value, least)
    if mib == least and written.value < least * 2**20:
        notes.changed(
            written.at, f"{written.at.text}: raised to {least}Mi, the least for this node"
        )
    elif not is_exact(written.value, mib):
        notes.changed(written.at, f"{written.at.text}: rounded up to {memory_text(mib)}")
    return mib


def _counts(group: ManifestGroup, notes: Notes) -> Iterator[SpecEntry]:
    """Name and numbers, by KubeRay's rules: `replicas` is kept within its bounds, and each replica
    has `numOfHosts` pods.
    """
    yield SpecEntry("groupName", group.name)
    at = group.at
    hosts_field = at.get("numOfHosts")
    hosts = max(1, (hosts_field.number if hosts_field else None) or 1)
    if hosts_field is not None and hosts > 1:
        notes.changed(
            hosts_field, f"each host is an application: replicas and bounds times {hosts}"
        )
    replicas, least, most = (_number(at, name) for name in _BOUNDS)
    least = least or 0
    wanted = least if replicas is None else max(replicas, least)
    if most is not None:
        wanted = min(wanted, most)
        least = min(least, most)
    if replicas is not None and wanted != replicas:
        notes.changed(
            at.fields().get("replicas", at), f"{replicas} lies outside its bounds: {wanted}"
        )
    wanted, least = wanted * hosts, least * hosts
    comments: tuple[str, ...] = ()
    if group.scaled and not wanted:
        notes.decide(at, "it began without workers, and nothing adds some by load; set `replicas`")
        comments = ("DECIDE: no workers yet, and raycml does not scale by load.",)
    yield SpecEntry("replicas", wanted, comments)
    if least:
        yield SpecEntry("minReplicas", least)
    yield from _most(at, notes, wanted, None if most is None else most * hosts)


def _most(at: ManifestField, notes: Notes, wanted: int, most: int | None) -> Iterator[SpecEntry]:
    if most is not None and most > MAX_REPLICAS and wanted <= MAX_REPLICAS:
        if most < _UNBOUNDED:
            message = f"lowered to {MAX_REPLICAS}, the most that raycml accepts"
            notes.changed(at.fields().get("maxReplicas", at), message)
            most = MAX_REPLICAS
        else:
            most = None
    if most is None and wanted > UNSTATED_REPLICAS:
        most = wanted
    if most is not None:
        yield SpecEntry("maxReplicas", most)


def _number(at: ManifestField, name: str) -> int | None:
    field = at.get(name)
    number = None if field is None else field.number
    return None if number is None else max(0, number)
