"""Files of members in `.raycml` of the project, read by the controller and other members.

Each is JSON with a single writer, and is written under a temporary name and renamed.  Files
outlive pods, so their existence proves nothing.  They contain no secrets, except for the token (see
`ray.tokens`).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MEMBER_SCHEMA = "raycml.member/v1"
HEAD_SCHEMA = "raycml.head/v1"
REPORT_SCHEMA = "raycml.ray/v1"
_SIZE_LIMIT = 4 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class MemberFiles:
    """Paths of the files of a cluster."""

    home: Path
    cluster: str

    @property
    def folder(self) -> Path:
        return self.home / ".raycml" / "clusters" / self.cluster

    @property
    def head(self) -> Path:
        return self.folder / "head.json"

    @property
    def report(self) -> Path:
        return self.folder / "ray.json"

    @property
    def token(self) -> Path:
        return self.folder / "token"

    @property
    def rotation(self) -> Path:
        """The request for another token, which takes effect at the next start of a head."""
        return self.folder / "token.rotate"

    @property
    def members(self) -> Path:
        return self.folder / "members"

    @property
    def requests(self) -> Path:
        return self.folder / "requests"

    def request(self, request_id: str) -> Path:
        return self.requests / f"{request_id}.json"

    def member(self, member: str) -> Path:
        return self.members / f"{flat(member)}.json"

    @property
    def store(self) -> Path:
        """The generations of the store of a head that remembers; only its owner may read them."""
        return self.home / ".raycml" / "stores" / self.cluster

    def log(self, member: str) -> Path:
        return self.home / ".raycml" / "logs" / self.cluster / f"{flat(member)}.log"


def flat(member: str) -> str:
    """A member as a file name.  Unique: `head` is no group, and only ordinals are numbers."""
    return member.replace("/", "-")


def write_json(path: Path, value: Mapping[str, object]) -> None:
    """Write the file; on an OSError it is unchanged."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps(value, sort_keys=True) + "\n", encoding="utf-8")
        draft.chmod(0o644)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def clear_drafts(path: Path) -> None:
    """Remove drafts of killed writers; each file has one writer at a time."""
    for draft in path.parent.glob(f".{path.name}.*"):
        if draft.name.rpartition(".")[2].isdigit():
            with contextlib.suppress(OSError):
                draft.unlink()


def read_json(path: Path) -> dict[str, object] | None:
    """None for a file that is absent, unreadable, larger than 4 MiB, or not a JSON object."""
    try:
        with path.open("rb") as file:
            data = file.read(_SIZE_LIMIT + 1)
        value = json.loads(data) if len(data) <= _SIZE_LIMIT else None
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def text_of(values: Mapping[str, object], key: str) -> str:
    """The string under this key; empty for another type."""
    value = values.get(key)
    return value if isinstance(value, str) else ""


def host_port(host: str, port: int) -> str:
    """An address as Ray and URLs write it: an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@dataclass(frozen=True)
class HeadRecord:
    """Publication of a head's incarnation, once its GCS and its dashboard answer.

    `store_generation`: of the store that the head goes on with; empty without one.
    `auth_mode`: how its cluster authenticates; empty in a record of an older edition, which does
    not.
    """

    cluster: str
    incarnation: str
    engine_id: str
    address: str
    dashboard_port: int
    ray_version: str
    python_version: str
    fingerprint: str
    started_at: str
    store_generation: str = ""
    auth_mode: str = ""

    def host_and_port(self) -> tuple[str, int]:
        """Host and port of `address`, without the brackets of an IPv6 address."""
        host, _, port = self.address.rpartition(":")
        return host.strip("[]"), int(port)


def write_head(files: MemberFiles, record: HeadRecord) -> None:
    write_json(files.head, {"schema": HEAD_SCHEMA, **vars(record)})


def read_head(files: MemberFiles) -> HeadRecord | None:
    """The valid note of this cluster, or None."""
    values = read_json(files.head) or {}
    if values.get("schema") != HEAD_SCHEMA or values.get("cluster") != files.cluster:
        return None
    host, _, port = text_of(values, "address").rpartition(":")
    if not (host.strip("[]") and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return None
    if not text_of(values, "incarnation"):
        return None
    dashboard = values.get("dashboard_port")
    texts = (
        *("incarnation", "engine_id", "ray_version", "python_version", "fingerprint"),
        *("started_at", "store_generation", "auth_mode"),
    )
    return HeadRecord(
        cluster=files.cluster,
        address=host_port(host.strip("[]"), int(port)),
        dashboard_port=dashboard if isinstance(dashboard, int) else 0,
        **{key: text_of(values, key) for key in texts},
    )


def remove_head(files: MemberFiles, incarnation: str) -> None:
    """Remove `head.json`, if it belongs to this incarnation."""
    record = read_head(files)
    if record is not None and record.incarnation == incarnation:
        files.head.unlink(missing_ok=True)
