"""Names by which a workspace offers nodes and add-ons, with their ids."""

import re
from collections.abc import Iterable

from controller.cml.inspector import Inspector
from controller.cml.places import Addon, NodeLabel
from controller.core.model.offers import OfferedNames
from controller.core.spec.placement.fields import sizes

_USABLE = ("", "AVAILABLE")


def accelerators(inspector: Inspector) -> OfferedNames:
    """Kinds of GPUs, by the value of their label and by the name that CML shows."""
    ids: dict[str, str] = {}
    limits: dict[str, float] = {}
    for label in inspector.places.node_labels():
        for name in _names(label):
            ids.setdefault(name, label.id)
            if label.max_gpu_per_workload:
                limits.setdefault(name, label.max_gpu_per_workload)
    return OfferedNames(ids, limits=limits)


def _names(label: NodeLabel) -> Iterable[str]:
    return filter(None, (label.label_value, label.display_name))


def resource_groups(inspector: Inspector) -> OfferedNames:
    """Resource groups; those that take no applications are a problem."""
    groups = inspector.places.resource_groups()
    closed = {
        group.name: "takes no applications; choose another one"
        for group in groups
        if group.allow_applications is False
    }
    return OfferedNames({group.name: group.id for group in groups if group.name}, problems=closed)


def cpu_profiles(inspector: Inspector) -> OfferedNames:
    """CPU profiles by their sizes, and, below the id of a resource group, by that too."""
    ids: dict[str, str] = {}
    for profile in inspector.places.cpu_profiles():
        name = sizes(profile.cpu, profile.memory)
        ids.setdefault(name, profile.id)
        ids.setdefault(f"{profile.resource_group_id}/{name}", profile.id)
    return OfferedNames(ids)


def runtime_addons(inspector: Inspector) -> OfferedNames:
    """Add-ons by identifier, display name, and component: the newest usable one of it."""
    ids: dict[str, str] = {}
    problems: dict[str, str] = {}
    for addon in sorted(inspector.places.runtime_addons(), key=_age, reverse=True):
        names = [addon.identifier, addon.display_name, addon.component]
        for name in filter(None, names):
            if addon.status in _USABLE:
                ids.setdefault(name, addon.identifier)
            elif name not in ids:
                problems.setdefault(name, f"is {addon.status.lower()}; choose another one")
    return OfferedNames(ids, problems={k: v for k, v in problems.items() if k not in ids})


def _age(addon: Addon) -> tuple[list[int], str]:
    return [int(part) for part in re.findall("[0-9]{1,9}", addon.identifier)], addon.identifier
