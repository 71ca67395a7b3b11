"""Start parameters of a group: those that a spec may set, and the reason for each other one."""

import json
import math
from collections.abc import Mapping
from typing import Any

from controller.convert.field import ManifestField
from controller.convert.notes import Notes
from controller.convert.quantities import quantity
from controller.core.spec.ray import start_params

_RESOURCES = "resources"
# KubeRay's names of Ray's own resources in the structured form, and their parameters.
_STRUCTURED = {
    "CPU": "num-cpus",
    "GPU": "num-gpus",
    "memory": "memory",
    "object_store_memory": "object-store-memory",
}


def params_of(
    group: ManifestField, notes: Notes, *, head: bool, memory_gib: float
) -> dict[str, str]:
    """The parameters of a group; its structured `resources` win over `rayStartParams`, as in
    KubeRay.
    """
    places: dict[str, ManifestField] = {}
    params: dict[str, str] = {}
    written = group.get("rayStartParams")
    for name, each in ({} if written is None else written.fields()).items():
        key = name.lstrip("-").replace("_", "-")
        places[key], params[key] = each, each.text
    if _RESOURCES in params:
        _custom(params, json_text(params[_RESOURCES]), places[_RESOURCES], notes)
    structured = group.get(_RESOURCES)
    if structured is not None:
        _add_structured(structured, params, places, notes)
    return _accepted(params, places, notes, head=head, memory_gib=memory_gib)


def json_text(text: str) -> str:
    """The JSON in a value that KubeRay passes through a shell, quotes of the shell taken off.

    KubeRay's manifests write custom resources in quotes inside quotes.
    """
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            inner = json.loads(text)
        except ValueError:
            inner = text[1:-1].replace('\\"', '"')
        return inner if isinstance(inner, str) else text
    return text.replace('\\"', '"')


def _custom(params: dict[str, str], text: str, at: ManifestField, notes: Notes) -> None:
    """Custom resources without those that a spec may not set, each with its reason."""
    amounts = _amounts(text)
    if amounts is None:
        return
    kept: dict[str, object] = {}
    for name, amount in amounts.items():
        one = json.dumps({name: amount})
        fault = next((m for _, m in start_params.faults({_RESOURCES: one}, head=False)), None)
        if fault is None:
            kept[name] = int(amount)
        else:
            notes.dropped(at, f"resource {name[:60]}: {fault.rpartition('; ')[2]}")
    params.pop(_RESOURCES)
    if kept:
        params[_RESOURCES] = json.dumps(kept)
        if params[_RESOURCES] != at.text:
            notes.changed(at, f"written as plain JSON: {params[_RESOURCES][:200]}")


def _amounts(text: str) -> dict[str, Any] | None:
    """Custom resources; None where the text is no mapping of JSON."""
    try:
        amounts = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return amounts if isinstance(amounts, dict) else None


def _add_structured(
    structured: ManifestField,
    params: dict[str, str],
    places: dict[str, ManifestField],
    notes: Notes,
) -> None:
    custom = _amounts(params.get(_RESOURCES, "{}"))
    more: dict[str, int] = {}
    for name, each in structured.fields().items():
        amount = quantity(each.text)
        if amount is None:
            notes.dropped(each, f"`{each.text[:40]}` is not a quantity")
        elif name in _STRUCTURED:
            key = _STRUCTURED[name]
            params[key], places[key] = str(math.ceil(amount)), each
            notes.changed(each, f'`rayStartParams: {{{key}: "{params[key]}"}}`')
        else:
            more[name] = math.ceil(amount)
    if more:
        if custom is None:
            notes.dropped(places[_RESOURCES], "it is no JSON, and `resources` of the group is used")
        places[_RESOURCES] = structured
        params[_RESOURCES] = json.dumps({**(custom or {}), **more})
        _custom(params, params[_RESOURCES], structured, notes)


def _accepted(
    params: Mapping[str, str],
    places: Mapping[str, ManifestField],
    notes: Notes,
    *,
    head: bool,
    memory_gib: float,
) -> dict[str, str]:
    """The parameters without those that a spec may not set, or not to their values.

    Taking one away can make another valid or invalid, so the check is repeated; each round takes
    one away at least.
    """
    kept = dict(params)
    while faults := _faults(kept, head=head, memory_gib=memory_gib):
        for key, message in faults.items():
            notes.dropped(places[key], message.removesuffix("; remove it"))
            kept.pop(key)
    return kept


def _faults(params: Mapping[str, str], *, head: bool, memory_gib: float) -> dict[str, str]:
    faults = dict(start_params.faults(params, head=head))
    return faults or dict(start_params.size_faults(params, memory_gib))
