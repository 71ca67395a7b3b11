"""Requests of the controller for something that only Ray can do, as files.

A request concerns the node of one engine of a member, and its ID follows from its content, so
asking twice is asking once.  It is removed to withdraw it.  Files of other content are ignored.
"""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from controller.node.project_files import MemberFiles, text_of

REQUEST_SCHEMA = "raycml.request/v1"
DRAIN = "drain"  # give the node no more work, let it finish what it has, and end it
DRAIN_IF_IDLE = "drain_if_idle"  # end the node if it is idle at that very moment
ACTIONS = (DRAIN, DRAIN_IF_IDLE)
MOST_REQUESTS = 1000
LONGEST_S = 30 * 86_400.0
KEPT = ".raycml-kept"  # of the previous content while the files API replaces a file
_SIZE_LIMIT = 64 * 1024  # bytes
_TEXT_LIMIT = 200  # characters
_NAME = re.compile(rf"\.?([0-9a-f]{{16}})\.json(?:{re.escape(KEPT)})?")
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a named pipe must not block


@dataclass(frozen=True)
class Request:
    """A request to one incarnation of a head; `timeout_s` is the time for the node's work."""

    id: str
    action: str
    member: str
    engine_id: str
    incarnation: str
    timeout_s: float
    reason: str


def request_id(action: str, member: str, engine_id: str) -> str:
    """16 hexadecimal digits; the controller computes the same."""
    text = f"{action}\n{member}\n{engine_id}"
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


def read_requests(files: MemberFiles, incarnation: str) -> dict[str, Request] | None:
    """The requests to this incarnation, by ID; None if the folder cannot be read.

    At most MOST_REQUESTS files are read, those with the smallest IDs.
    """
    try:
        chosen = _stored(files)
    except OSError:
        return None
    requests = [read_request(files, request, incarnation) for request in chosen]
    return {request.id: request for request in requests if request is not None}


def remove_earlier(files: MemberFiles, incarnation: str) -> None:
    """Remove requests to earlier incarnations, which nothing answers.

    The controller may replace one at that moment, and then writes it again without an answer.
    """
    with contextlib.suppress(OSError):
        for request in _stored(files):
            path = files.request(request)
            data = _content(path)
            parsed = None if data is None else _parse(data, request, files.cluster)
            if parsed is not None and parsed.incarnation != incarnation:
                path.unlink()


def _stored(files: MemberFiles) -> list[str]:
    """IDs in the folder, at most MOST_REQUESTS.  Raises OSError if it cannot be read."""
    ids = set()
    try:
        with os.scandir(files.requests) as entries:
            for entry in entries:
                match = _NAME.fullmatch(entry.name)
                if match is not None:
                    ids.add(match.group(1))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return heapq.nsmallest(MOST_REQUESTS, ids)


def read_request(files: MemberFiles, request: str, incarnation: str) -> Request | None:
    """The request with this ID to this incarnation; None for anything else.

    From outside the project a file cannot be replaced at once: its previous content then lies
    beside it.
    """
    path = files.request(request)
    data = _content(path)
    if data is None:
        data = _content(path.with_name(f".{path.name}{KEPT}"))
    parsed = None if data is None else _parse(data, request, files.cluster)
    return parsed if parsed is not None and parsed.incarnation == incarnation else None


def _content(path: Path) -> bytes | None:
    """The bytes of a regular file of at most 64 KiB; None for anything else."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        return None
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        data = os.read(descriptor, _SIZE_LIMIT + 1) if regular else None
    except OSError:
        data = None
    finally:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    return data if data is not None and len(data) <= _SIZE_LIMIT else None


def _parse(data: bytes, request: str, cluster: str) -> Request | None:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict):
        return None
    texts = [text_of(values, key) for key in ("action", "member", "engine_id", "incarnation")]
    action, member, engine_id, incarnation = texts
    names = (values.get("schema"), values.get("cluster"), values.get("id"))
    seconds = _seconds(values.get("timeout_s"))
    if (
        names != (REQUEST_SCHEMA, cluster, request)
        or action not in ACTIONS
        or not all(_is_plain(text) for text in texts)
        or request != request_id(action, member, engine_id)
        or seconds is None
    ):
        return None
    reason = one_line(text_of(values, "reason"))
    return Request(request, action, member, engine_id, incarnation, seconds, reason)


def _seconds(value: object) -> float | None:
    """A time, at most LONGEST_S; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        return None
    return float(min(value, LONGEST_S))


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= _TEXT_LIMIT and text.isprintable()


def one_line(text: str) -> str:
    """The start of a text that is shown to people, in printable characters."""
    return "".join(c if c.isprintable() else " " for c in text[:_TEXT_LIMIT])
