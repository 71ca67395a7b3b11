"""The one source of chance in the emulator: ids and pod addresses.

Given a seeded generator it says the same things again; given `random.SystemRandom` it is what the
running emulator uses.  Nothing else in the emulator may draw random numbers for what it answers.
"""

import random
import string

ALPHABET = string.ascii_lowercase + string.digits


class Ids:
    """Draws from `rng` only."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def _letters(self, count: int) -> str:
        return "".join(self._rng.choices(ALPHABET, k=count))

    def public(self) -> str:
        """The shape of project and application ids: `k87h-zej9-dugs-473y`."""
        return "-".join(self._letters(4) for _ in range(4))

    def engine(self) -> str:
        """The shape of engine and job run ids: 16 characters."""
        return self._letters(16)

    def address(self, taken: set[str]) -> str:
        """A loopback address in 127.1.0.0 - 127.254.255.254 that is not in `taken`.

        Loopback, so that pods with the same ports live side by side on one machine; never
        127.0.0.1, so that "answers only on 127.0.0.1" and "answers on the pod's address" differ.
        """
        while True:
            parts = (
                self._rng.randint(1, 254),
                self._rng.randint(0, 255),
                self._rng.randint(1, 254),
            )
            address = "127.{}.{}.{}".format(*parts)
            if address not in taken:
                return address
