"""Kubernetes quantities, exactly, and the sizes that a spec has for them.

The grammar is that of `resource.Quantity`: a decimal number with a binary suffix (Ki to Ei), a
decimal one (n, u, m, k, M to E), or an exponent.
"""

import math
import re
from fractions import Fraction

from controller.core.spec.quantities import MIN_CPU

_QUANTITY = re.compile(
    r"\+?([0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})([A-Za-z]{0,2}|[eE][+-]?[0-9]{1,2})"
)
_BINARY = {f"{prefix}i": Fraction(1024) ** power for power, prefix in enumerate("KMGTPE", 1)}
_DECIMAL = {
    suffix: Fraction(10) ** power
    for suffix, power in zip(
        ("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), range(-9, 19, 3), strict=True
    )
}
_MIB = 2**20


def quantity(text: str) -> Fraction | None:
    """The amount; None for a text that Kubernetes would not take, and for one below zero."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None:
        return None
    number, suffix = Fraction(match[1].rstrip(".") or "0"), match[2]
    if suffix in _BINARY:
        return number * _BINARY[suffix]
    if suffix in _DECIMAL:
        return number * _DECIMAL[suffix]
    if len(suffix) > 1 and suffix[0] in "eE" and suffix[1:].lstrip("+-").isdigit():
        return number * Fraction(10) ** int(suffix[1:])
    return None


def cores_text(amount: Fraction) -> str:
    """Cores in thousandths, rounded up, at least what raycml accepts."""
    thousandths = max(math.ceil(amount * 1000), math.ceil(MIN_CPU * 1000))
    return f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".")


def memory_mib(amount: Fraction, least: int) -> int:
    """Whole MiB, rounded up, at least `least`."""
    return max(math.ceil(amount / _MIB), least)


def memory_text(mib: int) -> str:
    return f"{mib // 1024}Gi" if mib % 1024 == 0 else f"{mib}Mi"


def is_exact(amount: Fraction, mib: int) -> bool:
    return amount == mib * _MIB
