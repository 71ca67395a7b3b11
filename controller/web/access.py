"""Access to actions: a token, and signed cookies for browsers.

A cookie contains an expiry and no token, signed with a key of this process, so a restart of the
controller ends all sessions.  Only sessions that were signed out early are stored.
"""

import hashlib
import hmac
import secrets
import threading
from collections import deque

from controller.clock import Clock

SESSION_S = 12 * 3600
GUESSES_MAX = 10  # wrong tokens per minute that are answered as such, by form or by header
ENDED_MAX = 1000  # signed-out sessions that have not expired yet
_MINUTE_S = 60.0


class Guesses:
    """A rate limit for wrong tokens, per minute and for all callers together.

    Behind CML's proxy every caller has the same address.  Only wrong tokens count, so that guessing
    does not lock out a user with the right token.
    """

    def __init__(self, clock: Clock, most: int = GUESSES_MAX) -> None:
        self._clock = clock
        self._wrong: deque[float] = deque(maxlen=most)
        self._lock = threading.Lock()

    def allow(self) -> bool:
        """Count a wrong token; False after too many."""
        with self._lock:
            now = self._clock.monotonic()
            full = len(self._wrong) == self._wrong.maxlen
            if full and now - self._wrong[0] < _MINUTE_S:
                return False
            self._wrong.append(now)
            return True


class Access:
    """Checks tokens, sessions and form marks.  Without a configured token, all are invalid."""

    def __init__(self, token: str, clock: Clock) -> None:
        self._token = token.encode()
        self._clock = clock
        self._key = self._new_key()
        self._ended: dict[str, int] = {}
        self._lock = threading.Lock()
        self.by_form = Guesses(clock)
        self.by_header = Guesses(clock)

    def _new_key(self) -> bytes:
        return hmac.digest(secrets.token_bytes(32), self._token, hashlib.sha256)

    @property
    def configured(self) -> bool:
        return bool(self._token)

    def is_token(self, text: str) -> bool:
        return self.configured and hmac.compare_digest(self._token, text.encode())

    def session(self) -> str:
        """The value of a new cookie."""
        ends = int(self._clock.now().timestamp()) + SESSION_S
        value = f"{ends}.{secrets.token_urlsafe(12)}"
        return f"{value}.{self._sign('session', value)}"

    def is_session(self, cookie: str) -> bool:
        """True if this process signed the cookie, and the session has not ended."""
        value, _, signature = cookie.rpartition(".")
        if not self.configured or not self._is_signed("session", value, signature):
            return False
        return _ends(cookie) > self._clock.now().timestamp() and cookie not in self._ended

    def end(self, cookie: str) -> None:
        """End a session early.  Beyond a limit all sessions end, by a new key."""
        if not self.is_session(cookie):
            return
        now = self._clock.now().timestamp()
        with self._lock:
            self._ended = {c: ends for c, ends in self._ended.items() if ends > now}
            self._ended[cookie] = _ends(cookie)
            if len(self._ended) > ENDED_MAX:
                self._key, self._ended = self._new_key(), {}

    def mark(self, cookie: str) -> str:
        """The mark of this session's forms, against requests from other sites."""
        return self._sign("form", cookie)

    def is_mark(self, text: str, cookie: str) -> bool:
        return self._is_signed("form", cookie, text)

    def _sign(self, use: str, value: str) -> str:
        return hmac.digest(self._key, f"{use}|{value}".encode(), hashlib.sha256).hex()

    def _is_signed(self, use: str, value: str, signature: str) -> bool:
        return hmac.compare_digest(self._sign(use, value).encode(), signature.encode())


def _ends(cookie: str) -> int:
    """The expiry of a signed session, in seconds since the epoch."""
    return int(cookie.partition(".")[0])
