"""Offers of a workspace: images, and the largest application."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

from controller.cml.client import Client
from controller.cml.errors import CmlError, Throttled, Unavailable, Unknown
from controller.cml.inspector import Inspector
from controller.core.model.offers import (
    SIZES,
    Bound,
    OfferedNames,
    OfferedRuntime,
    Offers,
    Requirement,
)
from controller.core.model.project import Amounts
from controller.core.spec.placement.kinds import ACCELERATOR, ADDONS, GROUP, PROFILE
from controller.workspace.placement import (
    accelerators,
    cpu_profiles,
    resource_groups,
    runtime_addons,
)

T = TypeVar("T")
_ABSENT = 501  # CML's answer for an operation that it does not have


def look_at_offers(client: Client, wish: Requirement) -> Offers:
    """The offers.  Raises nothing: if CML does not show them, everything counts as offered."""
    catalogue = _known(lambda: _catalogue(client)) if wish.images else None
    runtimes = None if catalogue is None else {one.identifier: one.status for one in catalogue}
    inspector = client if isinstance(client, Inspector) else None
    bounds = _bounds(inspector) if wish.sizes and inspector is not None else ()
    names = {} if inspector is None else {k: _names(inspector, k) for k in sorted(wish.names)}
    return Offers(runtimes, bounds, catalogue, names)


def register_images(client: Client, images: Iterable[str]) -> None:
    """Add images to the catalogue that it lacks.  One that CML refuses is found missing later."""
    if not isinstance(client, Inspector) or not (wanted := set(images)):
        return
    offered = _known(client.list_runtimes)
    known = {runtime.identifier for runtime in offered or ()}
    for image in sorted(wanted - known) if offered is not None else ():
        _known(partial(client.register_runtime, image))


def _catalogue(client: Client) -> tuple[OfferedRuntime, ...]:
    return tuple(
        OfferedRuntime(r.identifier, r.status, r.kernel, r.edition, r.editor, r.version)
        for r in client.list_runtimes()
    )


_LISTS: Mapping[str, tuple[str, Callable[[Inspector], OfferedNames]]] = {
    ACCELERATOR: ("accelerators", accelerators),
    GROUP: ("resource groups", resource_groups),
    PROFILE: ("CPU profiles", cpu_profiles),
    ADDONS: ("runtime add-ons", runtime_addons),
}


def _names(inspector: Inspector, kind: str) -> OfferedNames:
    what, read = _LISTS[kind]
    try:
        return read(inspector)
    except CmlError as error:
        brief = isinstance(error, Unavailable | Unknown | Throttled) and error.status != _ABSENT
        why = f"the workspace does not list its {what} ({error})"
        return OfferedNames(unlisted=why, is_lasting=not brief)


def _bounds(inspector: Inspector) -> tuple[Bound, ...]:
    node = _known(inspector.largest_node) or Amounts()
    gpu = _known(inspector.gpus_of_one)
    quota = _known(inspector.quota_of_only_user)
    largest = Amounts(node.cpu, node.memory, node.gpu if gpu is None else gpu)
    named = [(largest, "the largest node")]
    named += [] if quota is None else [(quota.limit, "the quota of the key's user")]
    return tuple(
        Bound(field, amount, source)
        for amounts, source in named
        for field in SIZES
        if (amount := getattr(amounts, field)) is not None
    )


def _known(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except CmlError:
        return None
