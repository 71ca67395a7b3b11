"""Who gives an order, as far as the machine knows."""

import getpass
from collections.abc import Mapping

from controller.source.messages import printable


def this_person(environ: Mapping[str, str]) -> str:
    """In a CML session everybody's user is `cdsw`; the platform tells who it really is."""
    if name := environ.get("HADOOP_USER_NAME") or environ.get("CDSW_USERNAME"):
        return printable(name)
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"
