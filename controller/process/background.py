"""Work that is repeated beside a command while it lasts, such as the renewal of its lease."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress

Repeat = Callable[[Callable[[], None], float], AbstractContextManager[None]]


def never(work: Callable[[], None], every_s: float) -> AbstractContextManager[None]:  # noqa: ARG001
    """For a process without a second thread."""
    return nullcontext()


@contextmanager
def in_thread(work: Callable[[], None], every_s: float) -> Iterator[None]:
    """Call `work` so often from a thread of its own.

    A call that hangs holds up neither the command nor its end, and one that raises is tried again:
    a thread that ended would not be noticed.
    """
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(every_s):
            with suppress(Exception):
                work()

    threading.Thread(target=go_on, name="raycml-repeat", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
