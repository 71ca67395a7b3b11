"""Usage rows: one for every running or recently ended engine, with the reason of its end.

The only part of the API with that reason.  Read-only.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from controller.emulator.address import application_address
from controller.emulator.api.errors import invalid
from controller.emulator.api.listing import (
    Columns,
    Query,
    attributes,
    filtered,
    json_object,
    select,
)
from controller.emulator.state.records import Engine, wire_fields
from controller.emulator.state.state import State

_TEXTS: dict[str, Callable[[Engine], object]] = {
    **attributes("name", "workload_type", "status", creator="creator.username"),
    "group": lambda _engine: "",
}
_OTHERS = attributes("cpu", "memory", "nvidia_gpu", "created_at")


@dataclass(slots=True)
class Usage:
    """Usage rows of the engines in `state`; `domain` is for their links."""

    state: State
    domain: str
    scheme: str = "http"

    def list(
        self, query: Query, multi_column: str, time_range: str, now: datetime
    ) -> dict[str, object]:
        rows = [*self.state.history, *self.state.engines.values()]
        rows = [row for row in rows if _within(row, time_range)]
        texts = {**_TEXTS, "project_name": self._project_name}
        either_name = {"project_or_workload_name": lambda e: f"{self._project_name(e)}\0{e.name}"}
        matching = filtered(rows, multi_column, either_name)
        matching = filtered(matching, query.search_filter, texts)
        plain = Query("", query.sort, query.page_size, query.page_token)
        scope = json.dumps(["usage", query.search_filter, multi_column, time_range])
        page, token = select(matching, plain, Columns({}, {**texts, **_OTHERS}), scope)
        return {
            "usage_response": [self._row(engine, now) for engine in page],
            "total_count": str(len(matching)),
            "next_page_token": token,
        }

    def _project_name(self, engine: Engine) -> str:
        """The present name; of a deleted project the one at the start of the engine."""
        project = self.state.projects.get(engine.project_id)
        return project.name if project else engine.project_name

    def _row(self, engine: Engine, now: datetime) -> dict[str, object]:
        return {
            "name": engine.name,
            "creator": engine.creator.username,
            "group": "",
            "project_name": self._project_name(engine),
            **wire_fields(engine, "cpu", "memory", "nvidia_gpu", "workload_type", "created_at"),
            "duration": str(int(((engine.ended_at or now) - engine.created_at).total_seconds())),
            "status": engine.status,
            "creator_info": _person(engine.creator.username, engine.creator.name),
            "group_info": _person("", ""),
            "project_info": self._project_info(engine),
            "id": engine.id,
            "workload_url": self._url(engine),
            **wire_fields(engine, "message", "oom_killed"),
            "k8s_info": _k8s_info(engine),
        }

    def _url(self, engine: Engine) -> str:
        """The application's URL, or the log of a run."""
        if engine.workload_type == "job":
            return f"{self.scheme}://{self.domain}/logs/{engine.id}"
        return application_address(self.scheme, self.domain, engine.subdomain)

    def _project_info(self, engine: Engine) -> dict[str, object]:
        project = self.state.projects.get(engine.project_id)
        return {
            "id": project.number if project else 0,
            "slug": project.slug if project else "",
            "html_url": f"{self.scheme}://{self.domain}/",
            "url": f"{self.scheme}://{self.domain}/api/v2/projects/{engine.project_id}",
        }


def _person(username: str, name: str) -> dict[str, object]:
    return {"id": 0, "html_url": "", "url": "", "name": name, "user_name": username}


def _k8s_info(engine: Engine) -> dict[str, object]:
    """The end of a container, as reported by Kubernetes; empty while it runs."""
    reason = "Completed" if engine.exit_code == 0 else "Error"
    if engine.oom_killed:
        reason = "OOMKilled"
    return {
        "k8s_exit_code": engine.exit_code,
        "k8s_signal": str(engine.signal) if engine.signal else "",
        "k8s_reason": reason if engine.ended_at else "",
        "k8s_message": engine.message,
    }


def _within(engine: Engine, time_range: str) -> bool:
    if not time_range:
        return True
    bounds = json_object(time_range, "time_range_search_filter").get("created_time", {})
    if not isinstance(bounds, dict):
        raise invalid("time_range_search_filter: created_time must be an object")
    earliest = _time(bounds.get("min")) or engine.created_at
    latest = _time(bounds.get("max")) or engine.created_at
    return earliest <= engine.created_at <= latest


def _time(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.strptime(str(value), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise invalid(f"time_range_search_filter: not a time: {value!r}") from None
