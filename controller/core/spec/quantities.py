"""Sizes as people write them, and the numbers that CML takes.

CPU is in cores, rounded to a thousandth.  Memory is in GiB, rounded to a whole MiB:
such a number survives the 32-bit float of the platform unchanged, so that what is read back can be
compared with what was sent.  This module only converts and refuses; it knows no cluster.
"""

import math
import re

MIN_CPU, MAX_CPU = 0.1, 1024.0
MIN_MEMORY_GIB, MAX_MEMORY_GIB = 0.25, 4096.0

_NUMBER = r"([0-9]{1,20}(?:\.[0-9]{1,20})?)"
_MILLI_CPU = re.compile(r"([0-9]{1,20})m")
_MEMORY = re.compile(_NUMBER + r"([A-Za-z]*)")
_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "M": 10**6, "G": 10**9, "T": 10**12}
_MISSPELT = re.compile(r"([kmgt])i?b?", re.IGNORECASE)  # such as GB, gib or m


def parse_cpu(value: object) -> float:
    """Cores, from a number or from thousandths such as ``"500m"``.

    Raises ValueError with the remedy for anything else, below 0.1 or above 1024 cores.
    """
    if isinstance(value, str):
        cores = _milli(value)
    else:
        cores = _number(value, 'a number of cores such as 4 or 0.5, or "500m"')
    return _within(round(cores, 3), MIN_CPU, MAX_CPU, "cores", value)


def parse_memory(value: object) -> float:
    """GiB in whole MiB, from a number of GiB or from a quantity with a unit.

    Ki, Mi, Gi and Ti are powers of 1024; M, G and T are powers of 1000, as in Kubernetes.
    Raises ValueError with the remedy for anything else, below 256 MiB or above 4 TiB.
    """
    if isinstance(value, str):
        gib = _size(value)
    else:
        gib = _number(value, "a size such as 16Gi, or a number of GiB")
    gib = _within(gib, MIN_MEMORY_GIB, MAX_MEMORY_GIB, "GiB", value)
    return round(gib * 1024) / 1024


def _milli(text: str) -> float:
    match = _MILLI_CPU.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{_short(text)} is not a number of cores; write 4, 0.5 or 500m, without quotes"
        )
    return int(match[1]) / 1000


def _size(text: str) -> float:
    match = _MEMORY.fullmatch(text)
    if match is None:
        raise ValueError(f"{_short(text)} is not a size; write a number and a unit, such as 16Gi")
    number, unit = match.groups()
    if unit in _BYTES:
        return float(number) * _BYTES[unit] / 2**30
    raise ValueError(_unit_remedy(text, number, unit))


def _unit_remedy(text: str, number: str, unit: str) -> str:
    if not unit:
        return f"{_short(text)} has no unit; write {number}Gi, or {number} without quotes for GiB"
    prefix = _MISSPELT.fullmatch("M" if unit in ("b", "B") else unit)
    if prefix is None:
        return f"`{unit}` is not a unit of memory; use Mi, Gi or Ti, such as {number}Gi"
    return f"`{unit}` is not a unit of memory here; write {number}{prefix[1].upper()}i"


def _number(value: object, expected: str) -> float:
    # A boolean is an int in Python, and never a size.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"must be {expected}")  # noqa: TRY004  pydantic reports only ValueError
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"must be finite; write {expected}")
    return number


def _within(number: float, low: float, high: float, unit: str, written: object) -> float:
    if number < low:
        raise ValueError(f"{_short(written)} is too little for a Ray node: at least {low:g} {unit}")
    if number > high:
        hint = "; is it meant in Mi?" if unit == "GiB" and not isinstance(written, str) else ""
        raise ValueError(
            f"{_short(written)} is too much for one node: at most {high:g} {unit}{hint}"
        )
    return number


def _short(value: object) -> str:
    text = str(value) if not isinstance(value, int) or abs(value) < 10**30 else "the number"
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"
