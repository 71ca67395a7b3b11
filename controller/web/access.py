"""Rights to give orders: a token, and signed cookies for browsers.

A cookie holds no token but an expiry, signed with a key that only this process knows: a restart of
the controller ends all sessions.  Kept are only the sessions that were ended before their time.
"""

import hashlib
import hmac
import secrets
import threading
from collections import deque

from controller.clock import Clock

SESSION_S = 12 * 3600
GUESSES_MAX = 10  # wrong tokens that are answered as such within a minute, by one way
ENDED_MAX = 1000  # sessions that were signed out and have not run out by themselves
_MINUTE_S = 60.0


class Guesses:
    """A bound on answers to wrong tokens: so many within a minute, by anybody.

    By count alone, since behind CML's proxy every caller has the same address.  It holds for wrong
    tokens only: strangers who guess do not lock out the person with the right one.
    """

    def __init__(self, clock: Clock, most: int = GUESSES_MAX) -> None:
        self._clock = clock
        self._wrong: deque[float] = deque(maxlen=most)
        self._lock = threading.Lock()

    def allow(self) -> bool:
        """Count one wrong token; False once there were too many."""
        with self._lock:
            now = self._clock.monotonic()
            full = len(self._wrong) == self._wrong.maxlen
            if full and now - self._wrong[0] < _MINUTE_S:
                return False
            self._wrong.append(now)
            return True


class Access:
    """Judges tokens, sessions and the marks of forms.  Without a token, all are wrong."""

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
        """The value of a fresh cookie."""
        ends = int(self._clock.now().timestamp()) + SESSION_S
        told = f"{ends}.{secrets.token_urlsafe(12)}"
        return f"{told}.{self._sign('session', told)}"

    def is_session(self, cookie: str) -> bool:
        """Whether this process signed it, and it has neither run out nor been ended."""
        told, _, signature = cookie.rpartition(".")
        if not self.configured or not self._is_signed("session", told, signature):
            return False
        return _ends(cookie) > self._clock.now().timestamp() and cookie not in self._ended

    def end(self, cookie: str) -> None:
        """End a session before its time.  Past a bound all sessions end, with a new key."""
        if not self.is_session(cookie):
            return
        now = self._clock.now().timestamp()
        with self._lock:
            self._ended = {c: ends for c, ends in self._ended.items() if ends > now}
            self._ended[cookie] = _ends(cookie)
            if len(self._ended) > ENDED_MAX:
                self._key, self._ended = self._new_key(), {}

    def mark(self, cookie: str) -> str:
        """What a form of this session carries, so that no other site can make one."""
        return self._sign("form", cookie)

    def is_mark(self, text: str, cookie: str) -> bool:
        return self._is_signed("form", cookie, text)

    def _sign(self, use: str, told: str) -> str:
        return hmac.digest(self._key, f"{use}|{told}".encode(), hashlib.sha256).hex()

    def _is_signed(self, use: str, told: str, signature: str) -> bool:
        return hmac.compare_digest(self._sign(use, told).encode(), signature.encode())


def _ends(cookie: str) -> int:
    """When a session that this process signed runs out, in seconds of the epoch."""
    return int(cookie.partition(".")[0])
