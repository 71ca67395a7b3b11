"""Redaction of known secrets, and of credentials in URLs.

Used by every layer, so that logs, errors of CML and support bundles hide the same.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
SHORTEST = 6  # shorter values, such as `true`, occur in ordinary text
_LINE_SHORTEST = 12  # of one line of a long secret, such as a private key

# `scheme://user:password@host`, `//token@host`.  The user of ssh alone is no credential.
_LOGIN = re.compile(r"(ssh:)?//([^\s/@\"<>]+)@")
_VARIABLES = re.compile(r"environment[\\\"'`]{0,8}[ ]?[:=][ ]?[\\\"'`]{0,8}\{")


def spellings(secret: str) -> frozenset[str]:
    """The secret as written in JSON, JSON in JSON, URLs, HTML, Python and basic authentication."""
    as_json = _json(secret)
    encoded = base64.b64encode(secret.encode(errors="replace")).decode().rstrip("=")
    return frozenset(
        {
            secret,
            as_json,
            _json(as_json),
            _ascii(secret),
            _ascii(_ascii(secret)),
            _go(as_json),
            secret.replace("/", "\\/"),
            as_json.replace("/", "\\/"),
            quote(secret, safe="", errors="replace"),
            quote_plus(secret, errors="replace"),
            quote(secret, errors="replace"),
            html.escape(secret),
            repr(secret)[1:-1],
            encoded if len(secret) >= SHORTEST else secret,
        }
    )


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _ascii(text: str) -> str:
    return json.dumps(text)[1:-1]


def _go(text: str) -> str:
    """JSON escapes of Go, in which CML's servers are written."""
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def without_logins(text: str) -> str:
    """The text without user names and passwords in URLs."""
    return _LOGIN.sub(_login, text) if "@" in text else text


def _login(match: re.Match[str]) -> str:
    scheme, login = match[1] or "", match[2]
    if scheme and ":" not in login:
        return match[0]
    return f"{scheme}//{REDACTED}@"


class Secrets:
    """Replaces known secrets in text, in all spellings.  Secrets can be added later."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._spellings: list[str] = []
        self.add_all(secrets)

    def add(self, secret: str) -> None:
        self.add_all([secret])

    def add_all(self, secrets: Iterable[str]) -> None:
        parts = (part for secret in secrets for part in _parts(secret))
        every = {*self._spellings, *(each for part in parts for each in spellings(part))}
        self._spellings = sorted(every, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, REDACTED)
        return without_logins(text)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._spellings)} spellings)"


def _parts(secret: str) -> Iterator[str]:
    """The secret, and each line of a secret with several lines, since logs have single lines."""
    bare = secret.strip()
    if len(bare) < SHORTEST:
        return
    yield bare
    lines = [line.strip() for line in bare.splitlines()]
    if lines[1:]:
        yield from (line for line in lines if len(line) >= _LINE_SHORTEST)


def echo_redaction(secrets: Iterable[str], variables: Mapping[str, str]) -> Callable[[str], str]:
    """A redaction of a server's message on a request with these variables.

    A server may repeat the request, or its first part.  So besides the values themselves, anything
    after the name of a variable is removed, and the first part of a secret at the end of the text.
    """
    hidden = [*secrets, *variables.values()]
    replace = Secrets(hidden)
    named = _named(variables)
    cut = [spelling for secret in hidden for spelling in spellings(secret.strip())]
    cut = [spelling for spelling in cut if len(spelling) >= SHORTEST]

    def redact(text: str) -> str:
        if named is not None:
            text = _after_names(text, named, variables)
        text = replace(text)
        if match := _VARIABLES.search(text):
            text = text[: match.end()] + REDACTED
        return _without_cut_end(text, cut)

    return redact


def _named(variables: Mapping[str, str]) -> re.Pattern[str] | None:
    names = sorted((re.escape(name) for name in variables if name), key=len, reverse=True)
    if not names:
        return None
    return re.compile(rf"(?<![A-Za-z0-9_])({'|'.join(names)})[\\\"'`]{{0,8}}[ ]?[:=][ ]?")


def _after_names(text: str, named: re.Pattern[str], variables: Mapping[str, str]) -> str:
    """Remove each value after its name; if it is not the sent value, everything after it."""
    parts, at = [], 0
    while match := named.search(text, at):
        start = match.end()
        while start < len(text) and text[start] in "\\\"'`":
            start += 1
        parts.append(text[at:start] + REDACTED)
        at = _end_of_value(text, start, variables[match[1]])
    return "".join(parts) + text[at:]


def _end_of_value(text: str, start: int, value: str) -> int:
    for spelling in sorted(spellings(value), key=len, reverse=True):
        if spelling and text.startswith(spelling, start):
            return start + len(spelling)
    return len(text)


def _without_cut_end(text: str, spelt: Iterable[str]) -> str:
    """The text without the first part of a secret at its end, if a server truncated it."""
    bare = text.rstrip(" .…\"'`")
    for spelling in spelt:
        at = bare.find(spelling[:SHORTEST])
        while at >= 0 and not spelling.startswith(bare[at:]):
            at = bare.find(spelling[:SHORTEST], at + 1)
        if at >= 0:
            return bare[:at] + REDACTED
    return text
