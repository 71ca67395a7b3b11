"""Images and sizes that a workspace offers, and the problems of specs that need others.

Checked before anything is stopped: an application that was stopped for a change that CML then
refuses has lost its jobs for nothing.  Pure; an unknown offer stops nothing.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from controller.core.model.plan import Create, Delete, Intent, Plan, Step, Stop, Update
from controller.core.spec.fingerprint import Inputs
from controller.core.spec.suggestions import did_you_mean

IMAGE = "runtimeIdentifier"
SIZES = {"cpu": "cores", "memory": "GiB", "gpu": "GPUs"}
_EPSILON = 1e-6
_REFUSED = frozenset({"DISABLED"})


@dataclass(frozen=True, slots=True)
class Bound:
    """The most of one kind of resource that a single application can have, and what sets it."""

    field: str
    amount: float
    source: str


@dataclass(frozen=True, slots=True)
class Offers:
    """`runtimes` is the whole catalogue, image to status; None where it is not known."""

    runtimes: Mapping[str, str] | None = None
    bounds: tuple[Bound, ...] = ()

    def with_images(self, running: Iterable[str]) -> "Offers":
        """An image that runs is offered, whatever a catalogue leaves out."""
        if self.runtimes is None:
            return self
        return replace(self, runtimes={**dict.fromkeys(running, ""), **self.runtimes})


@dataclass(frozen=True, slots=True)
class Requirement:
    """The parts of an offer that a plan depends on."""

    images: bool = False
    sizes: bool = False

    def __bool__(self) -> bool:
        return self.images or self.sizes


def requirement(plan: Plan) -> Requirement:
    """Offers that the steps of a plan depend on: none, where they apply nothing new."""
    applied = [_applied(step) for step in plan.steps]
    return Requirement(
        images=any(IMAGE in fields for fields in applied),
        sizes=any(not SIZES.keys().isdisjoint(fields) for fields in applied),
    )


def _applied(step: Step) -> Collection[str]:
    """The fields that come into force by a step or by those that follow it."""
    match step.action:
        case Create():
            return (IMAGE, *SIZES)
        case Stop() | Delete() | Update() if step.intent is Intent.UPDATE:
            return [change.field for change in step.changes]
        case _:
            return ()


def unoffered(offers: Offers, inputs: Inputs, fields: Collection[str]) -> str:
    """Reason why the workspace cannot run it, with a remedy; empty if it can or may.

    `fields`: those that would be new; the others were accepted once.
    """
    if IMAGE in fields and (problem := _image(inputs.runtime, offers.runtimes)):
        return problem
    for bound in offers.bounds:
        amount = float(getattr(inputs, bound.field))
        if bound.field in fields and amount > bound.amount + _EPSILON:
            unit = SIZES[bound.field]
            return (
                f"{amount:g} {unit} are asked for, and {bound.source} has {bound.amount:g}; "
                f"lower resources.{bound.field}"
            )
    return ""


def _image(image: str, catalogue: Mapping[str, str] | None) -> str:
    if not catalogue:
        return ""
    status = catalogue.get(image)
    if status is None:
        hint = did_you_mean(_tail(image), map(_tail, catalogue))
        problem = f"image {_tail(image)} is not in the workspace's catalogue; correct {IMAGE}"
        return f"{problem}: {hint}" if hint else f"{problem}, or have an admin add the image"
    if status in _REFUSED:
        return f"image {_tail(image)} is {status.lower()} in the workspace; change {IMAGE}"
    return ""


def _tail(image: str) -> str:
    return image.rsplit("/", 1)[-1]
