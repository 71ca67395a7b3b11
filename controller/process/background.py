"""Background work of a command, such as the renewal of its lease."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

Repeat = Callable[[Callable[[], None], float], AbstractContextManager[None]]


@contextmanager
def in_thread(work: Callable[[], None], every_s: float) -> Iterator[None]:
    """Call `work` every `every_s` seconds in a thread.

    A call that hangs delays neither the command nor its end.  A call that raises is repeated later,
    since the end of the thread would go unnoticed.
    """
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(every_s):
            with suppress(Exception):
                work()

    threading.Thread(target=repeat, name="raycml-repeat", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
