"""The placement of a member as its process depends on it: names, and the ids recorded for them.

The record of an application says which id each name had when it was configured.  So an unchanged
spec needs no look at the workspace's lists, and a newer runtime restarts nothing.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType

ACCELERATOR, GROUP, PROFILE = "accelerator", "resourceGroup", "resourceProfile"
ADDONS, RUNTIME = "runtimeAddons", "runtime"
KINDS = (ACCELERATOR, GROUP, PROFILE, ADDONS, RUNTIME)

NONE = "none"
"""In a record: the spec named one before, and names none now."""
Record = Mapping[str, tuple[str, str]]
"""Name and id, by kind.  Several add-ons are joined by commas."""
NOTHING: Record = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Placement:
    """Names that a spec chooses nodes by; empty ones ask for nothing."""

    accelerator: str = ""
    group: str = ""
    profile: str = ""
    addons: tuple[str, ...] = ()

    def names(self) -> dict[str, str]:
        """The names that are given, by kind."""
        every = (self.accelerator, self.group, self.profile, ",".join(self.addons))
        return {kind: name for kind, name in zip(KINDS, every, strict=False) if name}


ANYWHERE = Placement()


@dataclass(frozen=True, slots=True)
class RuntimeChoice:
    """A kind of runtime; empty values fit every one."""

    kernel: str
    edition: str
    editor: str = ""
    version: str = ""

    def __str__(self) -> str:
        parts = (self.kernel, self.edition, self.editor, self.version)
        return ", ".join(part for part in parts if part)

    def given(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}

    @property
    def python(self) -> str:
        """Python's version as the name of an image has it."""
        return self.kernel.replace(" ", "").lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementIds:
    """Ids by which an application asks CML for nodes and add-ons.

    None: not asked for, or not shown by CML; "0" and 0 ask for any.
    """

    accelerator: str | None = None
    resource_group: int | None = None
    resource_profile: int | None = None
    addons: tuple[str, ...] | None = None


def _addons(name: str, ids: str) -> tuple[str, ...]:
    return () if name == NONE else tuple(ids.split(","))


ID_FIELDS = {
    ACCELERATOR: "accelerator",
    GROUP: "resource_group",
    PROFILE: "resource_profile",
    ADDONS: "addons",
}
"""Fields of `PlacementIds`, by kind."""


def placement_ids(record: Record) -> PlacementIds:
    ids = {kind: own for kind, (_, own) in record.items()}
    return PlacementIds(
        accelerator=ids.get(ACCELERATOR),
        resource_group=int(ids[GROUP]) if GROUP in ids else None,
        resource_profile=int(ids[PROFILE]) if PROFILE in ids else None,
        addons=None if ADDONS not in record else _addons(*record[ADDONS]),
    )


def write_record(record: Record) -> str:
    """JSON with sorted keys; empty for an empty record."""
    text = json.dumps({kind: list(pair) for kind, pair in record.items()}, sort_keys=True)
    return text if record else ""


def read_record(text: str) -> Record:
    """The record; an unreadable one counts as empty, so that all names are looked up again."""
    try:
        raw = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(raw, dict):
        return {}
    return {
        kind: (pair[0], pair[1])
        for kind, pair in raw.items()
        if isinstance(pair, list) and len(pair) == 2 and _is_readable(kind, *pair)
    }


def _is_readable(kind: object, name: object, own: object) -> bool:
    texts = isinstance(name, str) and isinstance(own, str) and bool(name and own)
    if kind in (ACCELERATOR, GROUP, PROFILE):
        return texts and re.fullmatch("[0-9]{1,18}", str(own)) is not None
    return texts and kind in KINDS


def kept(record: Record, names: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The record as far as it is about these names.

    A kind that is no longer named is recorded as NONE, so that an id that CML keeps is noticed.
    """
    same = {kind: pair for kind, pair in record.items() if names.get(kind) == pair[0]}
    dropped = record.keys() - names.keys() - {RUNTIME}
    return {**same, **{k: (NONE, record[k][1] if k == ADDONS else "0") for k in sorted(dropped)}}
