"""What can go wrong with a call to CML, and what each kind allows the controller to do next.

    CmlError
     |- Unavailable    not sent, or refused before effect      -> failed: backoff
     |- Unknown        sent, the answer was lost               -> look first
     |- Throttled      429 or 503 with Retry-After             -> slow down for all
     |- Unauthorized   401, 403, a sign-in page                -> abort the pass
     |- Rejected       understood and refused (400, 409, 422)  -> wait for a change
     |- NotFound       already gone                            -> success for a delete
     '- Malformed      unlike the contract                     -> loud, bounded
         '- TooLarge   more than one answer may hold           -> ask for less at once

A message is one plain sentence and the server's own words: one line, bounded, without secrets.
An error carries no cause and no request, for requests carry the API key.
"""

# The names are those of the design and read as states, so the suffix `Error` is left out.
# ruff: noqa: N818

from typing import ClassVar

from controller.core.model.fault_kinds import FaultKind

WORDS_LIMIT = 300  # characters of the server's own words that a message repeats


class CmlError(Exception):
    """A call that did not do what it was asked.

    `status` is the HTTP status when an answer came, `retry_after_s` the server's own wish in
    seconds, `operation` the name of what was asked (`create_application`).
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
    """A write was sent and its answer was lost: it may have happened."""

    kind = FaultKind.UNKNOWN


class Throttled(CmlError):
    """CML asks everybody to slow down; the call had no effect."""

    kind = FaultKind.THROTTLED


class Unauthorized(CmlError):
    """The key is missing, wrong, or not allowed to do this."""

    kind = FaultKind.UNAUTHORIZED


class Rejected(CmlError):
    """CML understood the call and refused it; the same call will be refused again."""

    kind = FaultKind.REJECTED


class NotFound(CmlError):
    """What the call names does not exist."""

    kind = FaultKind.NOT_FOUND


class Malformed(CmlError):
    """The answer is unlike the contract: perhaps this is not CML."""

    kind = FaultKind.MALFORMED


class TooLarge(Malformed):
    """The answer is larger than this client reads, or than CML's own parts send to each other."""

    kind = FaultKind.TOO_LARGE


class ConnectionSettingsError(ValueError):
    """The address, key or certificate given is unusable; the message says what to do about it."""
