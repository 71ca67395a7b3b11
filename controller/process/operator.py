"""Operator of a command: user name, and the reason of an action."""

import getpass
from collections.abc import Mapping

from controller.printable import one_line

_REASON_MAX = 500


def checked_reason(text: str) -> str:
    """The reason as one printable line; ValueError if it is empty or too long."""
    reason = one_line(text.strip())
    if not reason or len(reason) > _REASON_MAX:
        raise ValueError(f"a reason must have 1 to {_REASON_MAX} characters")
    return reason


def operator_name(environ: Mapping[str, str]) -> str:
    """The user; in a CML session from variables, since every system user is `cdsw` there."""
    if name := environ.get("HADOOP_USER_NAME") or environ.get("CDSW_USERNAME"):
        return one_line(name)
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"
