"""Who may order something: a token, a signed cookie for browsers, and a bound on guesses.

The cookie holds no token but an expiry, signed with a key that only this process knows: a restart
of the controller signs everybody out.  Nothing is kept on the server, so nothing can be exhausted.
"""

import hashlib
import hmac
import secrets
import threading
from collections import deque

from controller.clock import Clock

SESSION_S = 12 * 3600
GUESSES_MAX = 10  # wrong tokens within a minute; then nobody may try, by this way, for the rest
_MINUTE_S = 60.0


class Guesses:
    """A bound on wrong tokens: so many within a minute, whoever sends them.

    By count alone: behind CML's proxy every caller has the same address.
    """

    def __init__(self, clock: Clock, most: int = GUESSES_MAX) -> None:
        self._clock = clock
        self._most = most
        self._wrong: deque[float] = deque(maxlen=most)
        self._lock = threading.Lock()

    def exhausted(self) -> bool:
        with self._lock:
            recent = [at for at in self._wrong if self._clock.monotonic() - at < _MINUTE_S]
            return len(recent) >= self._most

    def wrong(self) -> None:
        with self._lock:
            self._wrong.append(self._clock.monotonic())


class Access:
    """Judges tokens, sessions and the marks of forms.  Without a token, all are wrong."""

    def __init__(self, token: str, clock: Clock) -> None:
        self._token = token.encode()
        self._clock = clock
        self._key = hmac.digest(secrets.token_bytes(32), self._token, hashlib.sha256)
        self.by_form = Guesses(clock)
        self.by_header = Guesses(clock)

    @property
    def configured(self) -> bool:
        return bool(self._token)

    def is_token(self, text: str) -> bool:
        return self.configured and hmac.compare_digest(self._token, text.encode())

    def session(self) -> str:
        """The value of a fresh cookie."""
        ends = int(self._clock.now().timestamp()) + SESSION_S
        told = f"{ends}.{secrets.token_urlsafe(12)}"
        return f"{told}.{self._sign('session', told)}"

    def is_session(self, cookie: str) -> bool:
        """Whether this process signed it, and it has not run out."""
        told, _, signature = cookie.rpartition(".")
        if not self.configured or not self._is_signed("session", told, signature):
            return False
        return int(told.partition(".")[0]) > self._clock.now().timestamp()

    def mark(self, cookie: str) -> str:
        """What a form of this session carries, so that no other site can make one."""
        return self._sign("form", cookie)

    def is_mark(self, text: str, cookie: str) -> bool:
        return self._is_signed("form", cookie, text)

    def _sign(self, use: str, told: str) -> str:
        return hmac.digest(self._key, f"{use}|{told}".encode(), hashlib.sha256).hex()

    def _is_signed(self, use: str, told: str, signature: str) -> bool:
        return hmac.compare_digest(self._sign(use, told).encode(), signature.encode())
