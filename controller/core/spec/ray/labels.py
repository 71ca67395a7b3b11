"""Labels that a spec gives to Ray nodes: the form of their keys and values.

Facts from `ray._private.label_utils` of Ray 2.47 to 2.60; Ray 2.10 to 2.44 accept any text, and
refuse keys of `ray.io/`.  What is accepted here is accepted by all of them.
"""

import re
from collections.abc import Iterator, Mapping

MAX_LABELS = 50
_MAX_PREFIX = 253
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
KEY_PATTERN = rf"^({_PART}(\.{_PART})*/)?{_NAME}$"
VALUE_PATTERN = rf"^({_NAME})?$"
_KEY, _VALUE = re.compile(KEY_PATTERN), re.compile(VALUE_PATTERN)
_FORM = "letters, digits and `-_.`, up to 63 characters, with a letter or digit at both ends"
_RESERVED: Mapping[str, str] = {
    "ray.io/": "Ray sets labels of `ray.io/` itself; choose a key of your own, such as `tier`",
    "raycml.": "raycml finds its nodes by labels of `raycml.`; choose another key",
}


def label_faults(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(key, message) for each label that Ray or raycml would not accept."""
    for key, value in labels.items():
        message = _key_fault(key) or _value_fault(key, value)
        if message:
            yield key, message


def _key_fault(key: str) -> str:
    for prefix, message in _RESERVED.items():
        if key.startswith(prefix):
            return f"`{key[:60]}` is reserved: {message}"
    prefix = key.rpartition("/")[0]
    if _KEY.fullmatch(key) is None or len(prefix) > _MAX_PREFIX:
        return (
            f"`{key[:60]}` is not the key of a label; write {_FORM}, after a domain and `/` if "
            "needed, such as `example.com/tier`"
        )
    return ""


def _value_fault(key: str, value: str) -> str:
    if _VALUE.fullmatch(value) is None:
        return f"the value of `{key[:60]}` is not valid; write {_FORM}, or nothing"
    return ""
