"""Spreads work over all cores of the machine; for searches whose parts know nothing of each other.

The workers are processes of their own, started fresh, that end with the work.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """What each item came to, in order; the first exception of a worker is raised here.

    `work` and the items have to be importable: a worker gets them by name.
    """
    listed = list(items)
    cores = min(os.cpu_count() or 1, len(listed))
    if cores < 2:
        return [work(item) for item in listed]
    with multiprocessing.get_context("spawn").Pool(cores) as pool:
        found = pool.map(work, listed, chunksize=1)
        pool.close()
        pool.join()  # so that each worker cleans up behind itself
        return found
