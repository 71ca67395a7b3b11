"""Errors of calls to CML, and the reactions that each kind allows.

    CmlError
     |- Unavailable    not sent, or refused before effect      -> failed: backoff
     |- Unknown        sent, the answer was lost               -> look first
     |- Throttled      429 or 503 with Retry-After             -> slow down for all
     |- Unauthorized   401, 403, a sign-in page                -> abort the pass
     |- Rejected       understood and refused (400, 409, 422)  -> wait for a change
     |- NotFound       already gone                            -> success for a delete
     '- Malformed      unlike the contract                     -> loud, bounded
         '- TooLarge   more than one answer may hold           -> ask for less at once

A message is a sentence and the server's text: one line, bounded, without secrets.  An error has
no cause and no request, since requests contain the API key.
"""

# The names are states, as in the design, so they have no suffix `Error`.
# ruff: noqa: N818

from typing import ClassVar

from controller.core.model.faults import FaultKind

WORDS_LIMIT = 300  # characters of the server's text in a message


class CmlError(Exception):
    """A failed call.

    `status` is the HTTP status, if there was an answer, `retry_after_s` the server's Retry-After in
    seconds, `operation` the name of the call (`create_application`).
    """

    kind: ClassVar[FaultKind]

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after_s: float | None = None,
        operation: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s
        self.operation = operation


class Unavailable(CmlError):
    """The call had no effect: it was not sent, or it was a read."""

    kind = FaultKind.UNAVAILABLE


class Unknown(CmlError):
    """A write whose answer was lost: it may have taken effect."""

    kind = FaultKind.UNKNOWN


class Throttled(CmlError):
    """CML is rate-limiting calls; the call had no effect."""

    kind = FaultKind.THROTTLED


class Unauthorized(CmlError):
    """The key is missing, invalid, or lacks a permission.

    `malformed`: it has not the form of a key, so no later call with it can succeed.
    """

    kind = FaultKind.UNAUTHORIZED
    malformed = False


class Rejected(CmlError):
    """CML understood the call and refused it, and will refuse it again."""

    kind = FaultKind.REJECTED


class NotFound(CmlError):
    """The object of the call does not exist."""

    kind = FaultKind.NOT_FOUND


class Malformed(CmlError):
    """The answer violates the contract: this may not be CML."""

    kind = FaultKind.MALFORMED


class TooLarge(Malformed):
    """The answer exceeds the limit of this client, or of CML's components."""

    kind = FaultKind.TOO_LARGE


class ConnectionSettingsError(ValueError):
    """An invalid address, key or certificate; the message contains a remedy."""
