"""CPU, memory and GPUs of a container, by KubeRay's own rules.

KubeRay gives Ray the limits, and the requests where there is no limit; it takes a resource whose
name ends in `gpu` for the GPUs.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from controller.convert import answers
from controller.convert.field import ManifestField
from controller.convert.notes import Notes
from controller.convert.quantities import quantity


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity of a manifest and its place."""

    value: Fraction
    at: ManifestField


@dataclass(frozen=True, slots=True)
class PodAmounts:
    """Cores, bytes and GPUs; None where the container does not say."""

    cpu: Amount | None = None
    memory: Amount | None = None
    gpu: int = 0


class UnreadableQuantityError(Exception):
    """A quantity is none; the message has its place and a remedy."""


def amounts_of(resources: ManifestField | None, notes: Notes) -> PodAmounts:
    if resources is None:
        return PodAmounts()
    written = {part: resources.get(part) for part in ("limits", "requests")}
    limits, requests = ({} if part is None else part.fields() for part in written.values())
    for name, each in resources.fields().items():
        if name not in written:
            notes.dropped(each, answers.ELSE)
    chosen = {**requests, **limits}
    gpus = sorted(name for name in chosen if name.endswith("gpu"))
    for name, each in requests.items():
        limit = limits.get(name)
        is_kept = name in ("cpu", "memory", *gpus[:1])
        if is_kept and limit is not None and _value(each) != _value(limit):
            message = f"{each.text}: CML reserves what it limits, and the limit {limit.text} counts"
            notes.dropped(each, message)
    for name, each in chosen.items():
        if name not in ("cpu", "memory", *gpus[:1]):
            notes.dropped(each, _instead(name))
    return PodAmounts(
        cpu=_amount(chosen.get("cpu")),
        memory=_amount(chosen.get("memory")),
        gpu=_gpus(chosen[gpus[0]], notes) if gpus else 0,
    )


def _instead(name: str) -> str:
    prefixes = (text for prefix, text in answers.AMOUNTS.items() if name.startswith(prefix))
    return next(
        prefixes,
        "CML offers CPU, memory and GPUs; a custom resource of Ray goes into "
        "`rayStartParams: {resources: ...}`",
    )


def _gpus(at: ManifestField, notes: Notes) -> int:
    number = math.ceil(_value(at))
    if not at.path.endswith("[nvidia.com/gpu]") and number:
        notes.changed(at, f"`resources.gpu: {number}`; CML asks for GPUs by number, not by maker")
    return number


def _amount(at: ManifestField | None) -> Amount | None:
    return None if at is None else Amount(_value(at), at)


def _value(at: ManifestField) -> Fraction:
    value = quantity(at.text)
    if value is None:
        raise UnreadableQuantityError(
            f"{at.line}:{at.column}: {at.path}: `{at.text[:40]}` is not a quantity of Kubernetes; "
            "write one such as 500m, 4 or 16Gi"
        )
    return value
