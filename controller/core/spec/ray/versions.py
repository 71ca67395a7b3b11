"""Versions of Ray that raycml runs, and what the older of them lack.

The node program has the same range and the same first versions; a test holds them equal.
"""

import re
from collections.abc import Iterator, Mapping

Version = tuple[int, int]

OLDEST: Version = (2, 10)
NEWEST: Version = (2, 60)
# First versions with a habit of Ray; see `controller/node/ray/versions.py`.
DRAINS_AT_TERM: Version = (2, 57)
MATCH_LEVEL: Version = (2, 51)
TOKENS: Version = (2, 52)
# The first version with which a head may remember; see decision 0053.
REMEMBERS: Version = (2, 60)
# First versions with an option of `ray start` that a spec may set; the others are in all of them.
OPTIONS: Mapping[str, Version] = {
    "include-log-monitor": (2, 41),
    "object-spilling-directory": (2, 45),
}
LEVEL_VARIABLE = "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL"
_NUMBERS = re.compile(r"(\d+)\.(\d+)\.")


def version_fault(version: str) -> str | None:
    """A message for a version outside the range; patches and candidates of its ends are inside."""
    numbers = _numbers(version)
    if numbers < OLDEST:
        remedy = f"choose Ray {_text(OLDEST)} or newer"
    elif numbers > NEWEST:
        remedy = f"choose Ray {_text(NEWEST)} or older, or a newer raycml"
    else:
        return None
    tried = f"{_text(OLDEST)} to {_text(NEWEST)}"
    return f"Ray {version} is outside the range that raycml was tried with, {tried}; {remedy}"


def option_faults(params: Mapping[str, str], version: str) -> Iterator[tuple[str, str]]:
    """(key, message) for each option of `ray start` that this version does not have."""
    for key in params:
        first = OPTIONS.get(key)
        if first is not None and _numbers(version) < first:
            message = f"Ray {version} has no option `{key}`: it came with {_text(first)}; remove it"
            yield key, message


def memory_fault(version: str) -> str | None:
    """A message for a version in which a head cannot remember."""
    if _numbers(version) >= REMEMBERS:
        return None
    return (
        f"Ray {version} is too old for a head that remembers; raise rayVersion to "
        f"{_text(REMEMBERS)} or later, or remove gcsFaultToleranceOptions"
    )


def knows_match_level(version: str) -> bool:
    """True if Ray reads LEVEL_VARIABLE."""
    return _numbers(version) >= MATCH_LEVEL


def has_tokens(version: str) -> bool:
    """True if Ray can ask for a token.  ValueError for a text of another form than `rayVersion`."""
    return _numbers(version) >= TOKENS


def token_fault(version: str) -> str | None:
    """A message for `authOptions.mode: token` with a version that has no tokens."""
    if has_tokens(version):
        return None
    return (
        f"Ray {version} has no token authentication: it came with {_text(TOKENS)}; set rayVersion "
        f"to {_text(TOKENS)} or newer, or `mode: disabled`"
    )


def nodes_agree(mine: tuple[str, str], other: tuple[str, str], *, minor: bool) -> bool:
    """True if Ray lets two nodes with these versions of Ray and Python into one cluster.

    `minor`: Ray compares Python to its minor version only.  The texts may be of any form.
    """
    parts = 2 if minor else 3
    pythons = [version.split(".")[:parts] for version in (mine[1], other[1])]
    return mine[0] == other[0] and pythons[0] == pythons[1]


def compares_minor(version: str, environment: Mapping[str, str]) -> bool:
    """True if a node of this Ray compares Python to its minor version only."""
    return environment.get(LEVEL_VARIABLE) == "minor" and knows_match_level(version)


def limits(version: str, *, match_level: bool) -> Iterator[str]:
    """The limits of this version, as a sentence.  `match_level`: the spec sets LEVEL_VARIABLE."""
    numbers = _numbers(version)
    missing = []
    if numbers < DRAINS_AT_TERM:
        missing.append(
            f"it does not drain a node that is stopped ({_text(DRAINS_AT_TERM)} does), so raycml "
            "asks it to"
        )
    if not has_tokens(version):
        missing.append(f"it has no token authentication ({_text(TOKENS)} has)")
    if match_level and numbers < MATCH_LEVEL:
        missing.append(
            f"it does not read {LEVEL_VARIABLE} ({_text(MATCH_LEVEL)} does), so the nodes need "
            "the same patch version of Python"
        )
    if missing:
        yield f"Ray {version}: {'; '.join(missing)}"


def _numbers(version: str) -> Version:
    """Of a version that passed the pattern of `rayVersion`."""
    parsed = _NUMBERS.match(version)
    if parsed is None:
        raise ValueError(version)
    return int(parsed[1]), int(parsed[2])


def _text(version: Version) -> str:
    return ".".join(map(str, version))
