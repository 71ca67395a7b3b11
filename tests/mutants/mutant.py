"""One planted bug, and the test that sees it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """`old` stands in `page` exactly once; with `new` in its place `killer` must fail."""

    bug: str
    name: str
    page: str
    old: str
    new: str
    killer: str

    def __str__(self) -> str:
        return f"{self.bug}: {self.name}"


def m(bug: str, name: str, page: str, old: str, new: str, killer: str) -> Mutant:
    return Mutant(bug, name, page, old, new, killer)
