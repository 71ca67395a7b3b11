"""Flash messages, shown once after an action; kept here, so that links cannot forge them."""

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass

_MESSAGES_MAX = 64


@dataclass(frozen=True, slots=True)
class FlashMessage:
    """A message; `good` if the action was accepted."""

    text: str
    good: bool


class FlashMessages:
    """The latest messages, each read at most once."""

    def __init__(self) -> None:
        self._messages: OrderedDict[str, FlashMessage] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, message: FlashMessage) -> str:
        """Store a message; the result is its key."""
        key = secrets.token_urlsafe(9)
        with self._lock:
            self._messages[key] = message
            while len(self._messages) > _MESSAGES_MAX:
                self._messages.popitem(last=False)
        return key

    def take(self, key: str) -> FlashMessage | None:
        with self._lock:
            return self._messages.pop(key, None)
