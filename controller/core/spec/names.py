"""Names of clusters and worker groups.

An application's name is also its subdomain: a DNS label of at most 63 characters, unique in the
whole workspace.  The limits below keep every name within that for ordinals of up to seven digits.
"""

import re

HEAD = "head"
CLUSTER_LENGTH = 30
GROUP_LENGTH = 20
NAME_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
_NAME = re.compile(NAME_PATTERN)
_WORKER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*/(0|[1-9][0-9]{0,5})")


def is_name(text: str, most: int) -> bool:
    """True if a cluster or a worker group can have this name of at most so many characters."""
    return len(text) <= most and _NAME.fullmatch(text) is not None


def check_cluster_name(name: str) -> str:
    return _checked(name, "cluster", CLUSTER_LENGTH)


def check_group_name(name: str) -> str:
    if name == HEAD:
        raise ValueError(f"`{HEAD}` is the name of the head; give the worker group another name")
    return _checked(name, "group", GROUP_LENGTH)


def check_worker_name(name: str) -> str:
    """A worker as `GROUP/ORDINAL`, with an ordinal of up to six digits."""
    if _WORKER.fullmatch(name) is None:
        raise ValueError(f"`{name[:60]}` is not a worker; write it as in `gpu/2`")
    return name


def _checked(name: str, what: str, limit: int) -> str:
    if len(name) > limit:
        raise ValueError(
            f"the {what} name has {len(name)} characters; shorten it to at most {limit}"
        )
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            f"`{name}` is not a {what} name; use lower-case letters and digits, "
            "with single hyphens between them"
        )
    return name
