"""Images, sizes and names that a workspace offers, and the problems of specs that need others.

Checked before anything is stopped: an application that was stopped for a change that CML then
refuses has lost its jobs for nothing.  Pure; an unknown image or size stops nothing, but a name
whose id is unknown cannot be asked for.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from controller.core.model.plan import (
    Change,
    Create,
    CreateBuilder,
    CreateJob,
    Delete,
    Intent,
    Plan,
    Step,
    Stop,
    Update,
)
from controller.core.model.ray.requests import Drain
from controller.core.model.reasons import Reason
from controller.core.spec.fingerprint import Inputs
from controller.core.spec.placement.kinds import KINDS, RUNTIME, RuntimeChoice
from controller.core.spec.suggestions import did_you_mean

IMAGE = "runtimeIdentifier"
SIZES = {"cpu": "cores", "memory": "GiB", "gpu": "GPUs"}
_EPSILON = 1e-6
DISABLED = "DISABLED"
_REFUSED = frozenset({DISABLED})
_LISTED = 8  # names in a message


@dataclass(frozen=True, slots=True)
class Bound:
    """The most of one kind of resource that a single application can have, and what sets it."""

    field: str
    amount: float
    source: str


@dataclass(frozen=True, slots=True)
class OfferedRuntime:
    """An entry of the catalogue; `status` is empty or ENABLED where it is usable without doubt."""

    identifier: str
    status: str = ""
    kernel: str = ""
    edition: str = ""
    editor: str = ""
    version: str = ""

    def fits(self, choice: RuntimeChoice) -> bool:
        """True if the runtime is of the kind; a version fits by its whole parts from the left."""
        if (self.kernel, self.edition) != (choice.kernel, choice.edition):
            return False
        if choice.editor not in ("", self.editor):
            return False
        following = self.version.removeprefix(choice.version)[:1]
        return not choice.version or (
            self.version.startswith(choice.version) and not following.isalnum()
        )

    def age(self) -> tuple[object, ...]:
        """A key that is largest for the newest; enabled ones come after deprecated ones."""
        numbers = [int(part) for part in re.findall(r"[0-9]{1,9}", self.version)]
        return self.status in ("", "ENABLED"), numbers, self.identifier


@dataclass(frozen=True, slots=True)
class OfferedNames:
    """Names of one kind, with their ids.

    `unlisted`: the reason where CML does not list them; `is_lasting` is False if it may be brief.
    `problems`: names that cannot be used, with the reason.  `limits`: GPUs of one application.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    unlisted: str = ""
    is_lasting: bool = True
    problems: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Offers:
    """`catalogue` and `runtimes`, image to status, are None where they are not known.

    `runtimes` also has images that run.  `names`: of each kind that was asked for.
    """

    runtimes: Mapping[str, str] | None = None
    bounds: tuple[Bound, ...] = ()
    catalogue: tuple[OfferedRuntime, ...] | None = None
    names: Mapping[str, OfferedNames] = field(default_factory=dict)

    def with_images(self, running: Iterable[str]) -> "Offers":
        """An image that runs is offered, whatever a catalogue leaves out."""
        if self.runtimes is None:
            return self
        return replace(self, runtimes={**dict.fromkeys(running, ""), **self.runtimes})


@dataclass(frozen=True, slots=True)
class Requirement:
    """The parts of an offer that a plan depends on; `names` are kinds of names.

    `named_images`: all images in the specs, if images are among the parts.
    """

    images: bool = False
    sizes: bool = False
    names: frozenset[str] = frozenset()
    named_images: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.images or self.sizes or bool(self.names)


def requirement(plan: Plan, named_images: Collection[str] = ()) -> Requirement:
    """Offers that the steps of a plan depend on: none, where they apply nothing new."""
    applied = [_applied(step) for step in plan.steps]
    if any(isinstance(step.action, Drain) for step in plan.steps):  # before a drain begins
        applied += [_fields(w.changes) for w in plan.waits if w.reason is Reason.DRAINING]
    names = {name for fields in applied for name in fields if name in KINDS}
    images = RUNTIME in names or any(IMAGE in fields for fields in applied)
    return Requirement(
        images=images,
        sizes=any(not SIZES.keys().isdisjoint(fields) for fields in applied),
        names=frozenset(names - {RUNTIME}),
        named_images=frozenset(named_images if images else ()),
    )


def _applied(step: Step) -> Collection[str]:
    """The fields that come into force by a step or by those that follow it."""
    match step.action:
        case Create(configuration):
            return (IMAGE, *SIZES, *configuration.unresolved)
        case CreateJob() | CreateBuilder() if not step.action.configuration.runtime:
            return (RUNTIME,)
        case Stop() | Delete() | Update() | Drain() if step.intent is Intent.UPDATE:
            own = step.action.unresolved if isinstance(step.action, Update) else frozenset()
            return [*own, *_fields(step.changes)]
        case _:
            return ()


def _fields(changes: Iterable[Change]) -> list[str]:
    return [change.field for change in changes]


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
    if not catalogue or not image:
        return ""
    status = catalogue.get(image)
    if status is None:
        hint = did_you_mean(tail(image), map(tail, catalogue))
        problem = f"image {tail(image)} is not in the workspace's catalogue; correct {IMAGE}"
        return f"{problem}: {hint}" if hint else f"{problem}, or have an admin add the image"
    if status in _REFUSED:
        return f"image {tail(image)} is {status.lower()} in the workspace; change {IMAGE}"
    return ""


def tail(image: str) -> str:
    return image.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Lookup:
    """The id of a name, or the problem; both are empty where the offers are not known yet."""

    id: str = ""
    problem: str = ""
    is_lasting: bool = True


def choose_runtime(choice: RuntimeChoice, catalogue: Collection[OfferedRuntime] | None) -> Lookup:
    """The newest usable runtime of the kind."""
    if not catalogue:
        message = "the workspace does not list its runtimes; write runtimeIdentifier instead"
        return Lookup(problem=f"runtime ({choice}): {message}")
    fitting = [one for one in catalogue if one.fits(choice)]
    usable = [one for one in fitting if one.status not in _REFUSED]
    if usable:
        return Lookup(max(usable, key=OfferedRuntime.age).identifier)
    if fitting:
        names = ", ".join(sorted(tail(one.identifier) for one in fitting)[:_LISTED])
        message = "is disabled in the workspace; choose another kind, or have an admin enable it"
        return Lookup(problem=f"runtime ({choice}): {names} {message}")
    return Lookup(problem=f"no runtime of the workspace is {choice}; {near(choice, catalogue)}")


def near(choice: RuntimeChoice, catalogue: Collection[OfferedRuntime]) -> str:
    """The kinds that are closest: of the same kernel, else all with Python."""
    python = [one for one in catalogue if one.kernel.startswith("Python")]
    close = [one for one in python if one.kernel == choice.kernel] or python
    kinds = sorted({f"{one.kernel}, {one.edition}, {one.editor}" for one in close})
    shown = "; ".join(kinds[:_LISTED]) or "none with Python"
    more = f" and {len(kinds) - _LISTED} more" if len(kinds) > _LISTED else ""
    return f"there are: {shown}{more} (`raycml doctor --runtimes` lists all)"


def find_names(field_name: str, names: str, offered: OfferedNames, gpu: int = 0) -> Lookup:
    """The ids of one name, or of several joined by commas.  Digits are ids already."""
    found = [_find(field_name, name, offered, gpu) for name in names.split(",")]
    problem = next((one for one in found if one.problem), None)
    return problem or Lookup(",".join(one.id for one in found))


def _find(field_name: str, name: str, offered: OfferedNames, gpu: int) -> Lookup:
    is_id = re.fullmatch("[0-9]{1,18}", name) is not None
    if offered.unlisted:
        if is_id:
            return Lookup(name)
        message = f"{field_name} `{name}` cannot be looked up: {offered.unlisted}"
        remedy = f"write the id instead, or remove {field_name}"
        text = f"{message}; {remedy}" if offered.is_lasting else message
        return Lookup(problem=text, is_lasting=offered.is_lasting)
    own = offered.ids.get(name) or (name if is_id and name in offered.ids.values() else "")
    if name in offered.problems:
        return Lookup(problem=f"{field_name} `{name}` {offered.problems[name]}")
    if not own:
        return Lookup(problem=_unknown(field_name, name, offered))
    if (limit := offered.limits.get(name)) is not None and gpu > limit:
        message = f"{gpu} GPUs are asked for, and an application can have {limit:g} {name}"
        return Lookup(problem=f"{message}; lower resources.gpu")
    return Lookup(own)


def _unknown(field_name: str, name: str, offered: OfferedNames) -> str:
    known = sorted(offered.ids)
    listed = ", ".join(known[:_LISTED]) or "none"
    more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
    hint = did_you_mean(name, known)
    text = f"{field_name} `{name}` is not in the workspace, which has {listed}{more}"
    return f"{text}: {hint}" if hint else f"{text}; change or remove {field_name}"
