"""Classification of responses and transport faults as errors.  Pure.

Two questions decide: may the call have taken effect, and which side is at fault?  A read never
takes effect; a write has none only if it was certainly not sent, or was refused.
"""

import email.utils
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import httpx

from controller.cml.errors import (
    WORDS_LIMIT,
    CmlError,
    Malformed,
    NotFound,
    Rejected,
    Throttled,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unknown,
)
from controller.cml.operations import Expects, Operation, Response, TooLargeError

Redact = Callable[[str], str]

_RETRY_AFTER_LIMIT_S = 86_400.0
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_LOST = frozenset({408, 500, 502, 503, 504})
_ROUTING = frozenset({405, 406})
_SIGN_IN = "the answer is a sign-in page; check CML_HOST and CML_API_KEY"
_TOO_LARGE = "received message larger than max"  # gRPC between CML's components, often as a 429
# A bearer that has not the form of a key: a 500 or a 401, as JSON or text (workbench 2.0.59).
_NO_KEY = "malformed apikey"
_NOT_CML = "check that CML_HOST is a CML workspace"


def classify(
    operation: Operation,
    outcome: Response | Exception,
    *,
    now: datetime,
    redact: Redact,
) -> CmlError | None:
    """The error for an outcome, or None for a usable answer."""
    if isinstance(outcome, Response):
        return _of_answer(operation, outcome, now, redact)
    return _of_fault(operation, outcome, redact)


def unreadable(operation: Operation, why: str, status: int | None = None) -> CmlError:
    """The error for a success with an unreadable body; for a write, the answer counts as lost."""
    if operation.write:
        sentence = f"{operation}: CML accepted the call, but its answer cannot be read ({why})"
        return Unknown(sentence, status=status, operation=operation.name)
    sentence = f"{operation}: not a valid answer of the CML API v2 ({why})"
    return Malformed(sentence, status=status, operation=operation.name)


def parse_json(body: bytes) -> object:
    """The value; ValueError with a short reason for any invalid bytes."""
    try:
        value: object = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        raise ValueError("not JSON") from None
    return value


def is_html(answer: Response) -> bool:
    """True for a web page.  An empty body is none, whatever its content type (as for uploads)."""
    start = answer.body[:256].lstrip().lower()
    kind = answer.headers.get("content-type", "").lower()
    return start.startswith((b"<!doctype html", b"<html")) or (
        bool(start) and kind.startswith("text/html")
    )


def one_line(text: str, redact: Redact) -> str:
    """The text on one line, printable, without secrets, at most WORDS_LIMIT characters."""
    plain = "".join(c if c.isprintable() else " " for c in redact(text))
    line = redact(" ".join(plain.split()))
    return line if len(line) <= WORDS_LIMIT else line[: WORDS_LIMIT - 3] + "..."


def _of_fault(operation: Operation, fault: Exception, redact: Redact) -> CmlError:
    if isinstance(fault, TooLargeError):
        if operation.write:
            return unreadable(operation, "it is too large")
        return TooLarge(f"{operation}: the answer is too large to read", operation=operation.name)
    words = one_line(str(fault), redact)
    detail = f": {words}" if words else f": {type(fault).__name__}"
    if operation.write and not isinstance(fault, _NOT_SENT):
        sentence = f"{operation}: sent, but the answer was lost{detail}"
        return Unknown(sentence, operation=operation.name)
    hint = "; give its certificate with --ca-cert" if "CERTIFICATE_VERIFY" in words else ""
    sentence = f"{operation}: CML cannot be reached{detail}{hint}"
    return Unavailable(sentence, operation=operation.name)


def _of_answer(
    operation: Operation, answer: Response, now: datetime, redact: Redact
) -> CmlError | None:
    if 200 <= answer.status < 300:
        # A downloaded file may be a web page itself.
        if operation.expects is Expects.BYTES or not is_html(answer):
            return None
        sentence = f"{operation}: {_SIGN_IN}"
        return Unauthorized(sentence, status=answer.status, operation=operation.name)
    kind, sentence = _refusal(operation, answer)
    words = _words(answer, redact)
    malformed = _NO_KEY in words.lower()
    if malformed:
        kind = Unauthorized
        sentence = "the API key has not the form of a key of the API v2, so nothing was done"
    if not operation.write and _TOO_LARGE in words:
        kind, sentence = TooLarge, "the answer is too large for CML"
    error = kind(
        f"{operation}: {sentence} (HTTP {answer.status})" + (f": {words}" if words else ""),
        status=answer.status,
        retry_after_s=_retry_after(answer, now),
        operation=operation.name,
    )
    if isinstance(error, Unauthorized):
        error.malformed = malformed
    return error


def _refusal(operation: Operation, answer: Response) -> tuple[type[CmlError], str]:
    refusal: tuple[type[CmlError], str]
    match answer.status:
        case 401 | 403:
            refusal = Unauthorized, "not allowed for this API key"
        case 404:
            refusal = _missing(answer)
        case 407:
            refusal = Unavailable, "a proxy requires a sign-in"
        case status if status == 429 or (status == 503 and "retry-after" in answer.headers):
            refusal = Throttled, "CML is rate-limiting calls"
        case status if 300 <= status < 400:
            refusal = Unauthorized, _SIGN_IN
        case status if (status in _LOST or status > 504) and operation.write:
            refusal = Unknown, "CML failed, and the call may have taken effect"
        case status if status in _LOST or status > 504:
            refusal = Unavailable, "CML failed"
        case status if status in _ROUTING or not 400 <= status <= 501:
            refusal = Malformed, f"not an answer of the CML API v2; {_NOT_CML}"
        case _:
            refusal = Rejected, "CML refused"
    return refusal


def _missing(answer: Response) -> tuple[type[CmlError], str]:
    with suppress(ValueError):
        if isinstance(parse_json(answer.body), dict):
            return NotFound, "not found"
    return Malformed, f"the server does not know this path; {_NOT_CML}"


def _words(answer: Response, redact: Redact) -> str:
    """CML's `message` or `error` (some answers lack `error`), else the whole text."""
    if is_html(answer):
        return ""
    try:
        value = parse_json(answer.body)
    except ValueError:
        return one_line(answer.body[:65_536].decode("utf-8", "replace"), redact)
    message = (value.get("message") or value.get("error")) if isinstance(value, dict) else None
    return one_line(message, redact) if isinstance(message, str) else ""


def server_time(date: str) -> datetime | None:
    """The time in an HTTP header; None if invalid."""
    try:
        when = email.utils.parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _retry_after(answer: Response, now: datetime) -> float | None:
    """Retry-After in seconds, from either form in HTTP; None if absent or invalid."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        seconds = float(text)
    elif when := server_time(text):
        seconds = (when - now).total_seconds()
    else:
        return None
    return min(max(seconds, 0.0), _RETRY_AFTER_LIMIT_S)
