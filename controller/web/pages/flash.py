"""What was done, told once on the page after it: kept here, so that no link can make one up."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

_NOTES_MAX = 64


@dataclass(frozen=True, slots=True)
class FlashMessage:
    """One message; `good` says whether the order was taken."""

    text: str
    good: bool


class FlashMessages:
    """The latest messages, each read at most once."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, FlashMessage] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, note: FlashMessage) -> str:
        """The key under which the note can be read."""
        key = secrets.token_urlsafe(9)
        with self._lock:
            self._kept[key] = note
            while len(self._kept) > _NOTES_MAX:
                self._kept.popitem(last=False)
        return key

    def take(self, key: str) -> FlashMessage | None:
        with self._lock:
            return self._kept.pop(key, None)
