"""Shared memory of a project, which holds Ray's object stores in /dev/shm.

CML limits /dev/shm for all pods of a project, in MB, and new pods see a change.  It does not say
if its MB are powers of 1000 or of 1024, so a size is converted to the smaller ones: it is enough
either way.
"""

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema

from controller.core.spec import quantities

DEFAULT_MB = 64
"""The limit of a project that never got another one."""
_MB = 10**6
_MIB = 2**20
_MIN_STORE = 80 * _MIB  # Ray refuses less than 75 MiB
AUTO: Literal["auto"] = "auto"
KEEP: Literal["keep"] = "keep"


def parse_shared_memory(value: object) -> object:
    """`auto`, `keep`, or a size in GiB, as for memory."""
    if value in (AUTO, KEEP):
        return value
    if isinstance(value, str) and value.isalpha():
        raise ValueError(f"`{value[:20]}` is neither auto nor keep, nor a size such as 16Gi")
    return quantities.parse_memory(value)


SharedMemory = Annotated[
    Literal["auto", "keep"] | float,
    BeforeValidator(parse_shared_memory),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["auto", "keep"]},
                {
                    "type": "number",
                    "minimum": quantities.MIN_MEMORY_GIB,
                    "maximum": quantities.MAX_MEMORY_GIB,
                },
                {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|M|G|T)$"},
            ]
        }
    ),
]


def store_bytes(memory_gib: float, start_params: object) -> int:
    """The object store that the node program wants for a node: the spec's, else 30 % of its memory.

    0 for a store that the spec places elsewhere.
    """
    params = start_params if isinstance(start_params, dict) else {}
    folder = str(params.get("plasma-directory", "/dev/shm"))  # noqa: S108 - compared, not used
    if not f"{folder}/".startswith("/dev/shm/"):  # noqa: S108
        return 0
    text = str(params.get("object-store-memory", ""))
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    return max(int(memory_gib * 2**30) * 3 // 10, _MIN_STORE)


def limit_for(store: int) -> int:
    """The limit, in MB, that is enough for a store: the node program uses 95 % of /dev/shm."""
    return math.ceil(store * 20 / 19 / _MB)


def megabytes(gib: float) -> int:
    return math.ceil(gib * 2**30 / _MB)
