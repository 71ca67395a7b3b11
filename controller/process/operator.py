"""Who gives an order, as far as the machine knows, and in which words."""

import getpass
from collections.abc import Mapping

from controller.printable import one_line

_WORDS_MAX = 500


def checked_reason(text: str) -> str:
    """Why somebody orders something, printable; ValueError where there is no word, or too many."""
    words = one_line(text.strip())
    if not words or len(words) > _WORDS_MAX:
        raise ValueError(f"a reason has 1 to {_WORDS_MAX} characters")
    return words


def operator_name(environ: Mapping[str, str]) -> str:
    """In a CML session everybody's user is `cdsw`; the platform tells who it really is."""
    if name := environ.get("HADOOP_USER_NAME") or environ.get("CDSW_USERNAME"):
        return one_line(name)
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"
