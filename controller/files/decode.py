"""Reading JSON that another process wrote and that may be half there, old, or hostile.

Pure.  Every function takes an `object` and gives back a value of the asked kind or None; nothing
is trusted to be finite, short or of the right type.
"""

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime

TEXT_LIMIT = 500  # characters


def json_object(data: bytes, limit: int) -> dict[str, object] | str:
    """The object, or a sentence that says why there is none."""
    if len(data) > limit:
        return f"larger than {limit} bytes"
    try:
        value: object = json.loads(data)
    except RecursionError:
        return "nested too deeply"
    except ValueError:
        return "not JSON"
    return value if isinstance(value, dict) else "not a JSON object"


def text(value: object) -> str:
    """Printable and bounded; empty for anything that is not text."""
    if not isinstance(value, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in value[:TEXT_LIMIT]).strip()


def instant(value: object) -> datetime | None:
    """RFC 3339 with an offset, in UTC; None for anything else."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        when = datetime.fromisoformat(value)
        return when.astimezone(UTC) if when.tzinfo else None
    except (ValueError, OverflowError):
        return None


def seconds(value: object) -> float | None:
    """A finite number of seconds, zero or more."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def mapping(value: object) -> Mapping[str, object] | None:
    return value if isinstance(value, dict) else None
