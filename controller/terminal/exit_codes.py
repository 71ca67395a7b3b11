"""The exit codes: a public contract.  A number is never given another meaning."""

from enum import IntEnum
from typing import Self


class Exit(IntEnum):
    """Number, and what it means to a script."""

    meaning: str

    DONE = (0, "Done, or converged.")
    UNEXPECTED = (1, "An unexpected error, or CML cannot be reached.")
    PENDING = (2, "Changes are pending (`plan --exit-code` only).")
    INVALID_SPEC = (3, "A spec is invalid; nothing was asked of CML.")
    UNAUTHORIZED = (4, "The API key is wrong, or may not do this.")
    NOT_CONVERGED = (5, "Time ran out, or all that is left waits for a person.")
    REFUSED = (6, "A guard refused: a person must agree, or lift a protection.")
    LEASE_HELD = (7, "Another controller holds the lease.")
    SOURCE = (8, "The source of the specs cannot be read.")
    USAGE = (64, "The command line or a setting is wrong.")
    INTERRUPTED = (130, "Interrupted by Ctrl-C.")
    TERMINATED = (143, "Ended by TERM; `run` ends with 0.")

    def __new__(cls, number: int, meaning: str) -> Self:
        made = int.__new__(cls, number)
        made._value_ = number
        made.meaning = meaning
        return made
