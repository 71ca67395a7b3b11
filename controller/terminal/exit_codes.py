"""Exit codes: a public contract.  A number never changes its meaning."""

from enum import IntEnum
from typing import Self


class Exit(IntEnum):
    """Number, and its meaning for a script."""

    meaning: str

    DONE = (0, "Done, or converged.")
    UNEXPECTED = (1, "An unexpected error, or CML cannot be reached.")
    PENDING = (2, "Changes are pending (`plan --exit-code` only).")
    INVALID_SPEC = (3, "A spec is invalid; CML was not called.")
    UNAUTHORIZED = (4, "The API key is invalid, or lacks a permission.")
    NOT_CONVERGED = (5, "Timed out, or what remains needs manual action.")
    REFUSED = (6, "Refused by a safety check: confirm, or remove the protection.")
    LEASE_HELD = (7, "Another controller holds the lease.")
    SOURCE = (8, "The source of the specs cannot be read.")
    USAGE = (64, "The command line or a setting is invalid.")
    INTERRUPTED = (130, "Interrupted by Ctrl-C.")
    TERMINATED = (143, "Terminated by SIGTERM; `run` exits with 0.")

    def __new__(cls, number: int, meaning: str) -> Self:
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code
