"""Values of plain (unquoted) YAML scalars.

Readers of YAML disagree on words such as ``yes``, ``08`` and ``1:30``.  A spec is text that several
tools read, so such a word is `Unclear` here: nothing is guessed, and the message asks for quotes.
Words on which all readers agree have their usual value.
"""

import re
from dataclasses import dataclass

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_OTHER_BOOLEANS = frozenset({"y", "n", "yes", "no", "on", "off"})
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_OTHER_NUMBER = re.compile(r"[-+]?(0[0-9_]+|0[xob][0-9A-Fa-f_]+|[0-9]+_[0-9_]*)")
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
_MAX_DIGITS = 30


@dataclass(frozen=True, slots=True)
class Unclear:
    """A word that readers of YAML take for different things; `what` names one of them."""

    text: str
    what: str


Scalar = str | int | float | bool | None | Unclear


def resolve(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar."""
    if text in _NULLS:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        # A number longer than any field allows; Python refuses to convert the longest of them.
        return int(text) if len(text) <= _MAX_DIGITS else Unclear(text, "a number")
    if _FLOAT.fullmatch(text):
        return float(text)
    return _unclear(text) or text


def _unclear(text: str) -> Unclear | None:
    if text.lower() in _OTHER_BOOLEANS:
        return Unclear(text, "true or false")
    if _NOT_FINITE.fullmatch(text) or _OTHER_NUMBER.fullmatch(text):
        return Unclear(text, "a number")
    if _SEXAGESIMAL.fullmatch(text):
        return Unclear(text, "a number or a time")
    if _DATE.fullmatch(text):
        return Unclear(text, "a date")
    return None
