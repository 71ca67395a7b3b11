"""Random IDs and pod addresses, the only randomness in the emulator's answers.

Repeatable with a seeded generator; the running emulator uses `random.SystemRandom`.
"""

import random
import string

ALPHABET = string.ascii_lowercase + string.digits


class Ids:
    """Random values from `rng`."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def _letters(self, count: int) -> str:
        return "".join(self._rng.choices(ALPHABET, k=count))

    def public(self) -> str:
        """An ID of a project or application, such as `k87h-zej9-dugs-473y`."""
        return "-".join(self._letters(4) for _ in range(4))

    def engine(self) -> str:
        """An ID of an engine or a job run: 16 characters."""
        return self._letters(16)

    def address(self, taken: set[str], *, loopback: bool = True) -> str:
        """An address in 127.1.0.0 - 127.254.255.254 that is not in `taken`, else in 10.1.0.0 on.

        Loopback, so that pods on the same machine can use the same ports; never 127.0.0.1, to
        distinguish "answers only on 127.0.0.1" from "answers on the pod's address".
        """
        while True:
            bounds = ((1, 254), (0, 255), (1, 254))
            numbers = (127 if loopback else 10, *(self._rng.randint(*each) for each in bounds))
            address = ".".join(map(str, numbers))
            if address not in taken:
                return address
