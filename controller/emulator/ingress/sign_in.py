"""Sign-in of the emulator: by the API key, or by a link that is valid once.

Creating a link requires read access to `connection.json`, which other users do not have.
"""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

from controller.clock import Clock
from controller.emulator.options import APPLICATION, ApiKey, User

TICKET_S = 600
SESSIONS_MAX = 100


def ticket(api_key: str, now: datetime) -> str:
    """A ticket for a link, in place of the key: valid once, for ten minutes."""
    payload = f"{int(now.timestamp()) + TICKET_S}.{secrets.token_urlsafe(12)}"
    return f"{payload}.{_signature(api_key, payload)}"


def _signature(api_key: str, payload: str) -> str:
    return hmac.digest(api_key.encode(), f"sign-in|{payload}".encode(), hashlib.sha256).hex()


class Sessions:
    """Checks keys and tickets, and stores the latest hundred sessions."""

    def __init__(self, keys: Mapping[str, ApiKey], clock: Clock) -> None:
        self._keys = keys
        self._clock = clock
        self._users: OrderedDict[str, User] = OrderedDict()
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def open(self, credential: str) -> str | None:
        """A new session for a key that is valid for applications, or for its ticket."""
        user = self.user_of_key(credential) or self._user_of_ticket(credential)
        if user is None:
            return None
        session = secrets.token_urlsafe(32)
        with self._lock:
            self._users[session] = user
            while len(self._users) > SESSIONS_MAX:
                self._users.popitem(last=False)
        return session

    def user(self, session: str) -> User | None:
        with self._lock:
            return self._users.get(session)

    def user_of_key(self, secret: str) -> User | None:
        """The user of a key that is valid for applications."""
        keys = [key for own_secret, key in self._keys.items() if _equal(own_secret, secret)]
        return keys[0].user if keys and APPLICATION in keys[0].audiences else None

    def _user_of_ticket(self, text: str) -> User | None:
        payload, _, signature = text.rpartition(".")
        for secret, key in self._keys.items():
            if APPLICATION in key.audiences and _equal(_signature(secret, payload), signature):
                return key.user if self._use(text, payload) else None
        return None

    def _use(self, text: str, payload: str) -> bool:
        """True for the first use in time.  Expired tickets are not stored."""
        now, ends = self._clock.now().timestamp(), int(payload.partition(".")[0])
        with self._lock:
            self._used = {used: end for used, end in self._used.items() if end > now}
            if ends <= now or text in self._used:
                return False
            self._used[text] = ends
        return True


def _equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode(errors="replace"))
