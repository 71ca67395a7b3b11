"""Offers of a workspace: images, and the largest application."""

from collections.abc import Callable
from typing import TypeVar

from controller.cml.client import Client
from controller.cml.errors import CmlError
from controller.cml.inspector import Inspector
from controller.core.model.offers import SIZES, Bound, Offers, Requirement
from controller.core.model.project import Amounts

T = TypeVar("T")


def look_at_offers(client: Client, wish: Requirement) -> Offers:
    """The offers.  Raises nothing: if CML does not show them, everything counts as offered."""
    runtimes = _known(lambda: _catalogue(client)) if wish.images else None
    bounds = _bounds(client) if wish.sizes and isinstance(client, Inspector) else ()
    return Offers(runtimes, bounds)


def _catalogue(client: Client) -> dict[str, str]:
    return {runtime.identifier: runtime.status for runtime in client.list_runtimes()}


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
