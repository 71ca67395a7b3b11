"""A CML made of canned answers, at the outer edge of httpx, and a clock that nobody waits for.

Not a mock of our own code: the client under test is the production one, down to the bytes.
"""

import json
import random
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import SecretStr

from controller.cml.client import Client
from controller.cml.operations import CallRecord
from controller.core.model.plan import Configuration

KEY = "sk-live-0123456789abcdef/+="
PROJECT = "k3f9-07qa-x2mm-1zt8"
APP = "p1d8-aa3x-90rk-yw2c"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)

Handler = Callable[[httpx.Request], httpx.Response]


class FakeClock:
    """Time passes only by waiting."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.waits: list[float] = []

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return 1000.0 + self.elapsed

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        assert wake is None or not wake.is_set(), "no pause is begun after a stop"
        self.waits.append(seconds)
        self.elapsed += max(seconds, 0.0)
        return False


class World:
    """A client on canned answers, with what it sent and what it counted."""

    def __init__(self, handler: Handler | Iterable[object], key: str = KEY) -> None:
        self.requests: list[httpx.Request] = []
        self.calls: list[CallRecord] = []
        self.clock = FakeClock()
        self._answer = handler if callable(handler) else _in_turn(handler)
        self.client = Client(
            "https://ml-test.example.com/api/v1",
            SecretStr(key),
            clock=self.clock,
            random=random.Random(7),
            transport=httpx.MockTransport(self._handle),
            on_call=self.calls.append,
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        return self._answer(request)

    def body(self, index: int = -1) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.requests[index].content)
        return found


def _in_turn(answers: Iterable[object]) -> Handler:
    """Each answer once, the last for ever; an exception is raised."""
    queue = list(answers)

    def handler(request: httpx.Request) -> httpx.Response:
        answer = queue.pop(0) if len(queue) > 1 else queue[0]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return handler


def ok(body: object) -> httpx.Response:
    return httpx.Response(200, json=body)


def refusal(status: int, text: str = "no", headers: dict[str, str] | None = None) -> httpx.Response:
    body = {"error": text, "code": 3, "message": text, "details": []}
    return httpx.Response(status, json=body, headers=headers)


def app(app_id: str = APP, **changes: object) -> dict[str, object]:
    body: dict[str, object] = {
        "id": app_id,
        "name": "ray-demo-head",
        "description": "",
        "creator": {"username": "jdoe", "name": "Jane Doe", "email": "jdoe@example.com"},
        "script": "cai/head.py",
        "subdomain": "ray-demo-head",
        "status": "APPLICATION_RUNNING",
        "created_at": "2026-03-02T09:20:00.12Z",
        "stopped_at": None,
        "updated_at": "2026-03-02T09:20:00.320000Z",
        "starting_at": "2026-03-02T09:20:00.310000Z",
        "running_at": "2026-03-02T09:21:47.9Z",
        "kernel": "",
        "cpu": 4,
        "memory": 16,
        "nvidia_gpu": 0,
        "bypass_authentication": False,
        "environment": '{"A":"1","PATHS":"\\/x\\/y"}',
        "runtime_identifier": "image:1",
        "runtime_addon_identifiers": [],
        "run_as": 0,
        "cdv_app": False,
        "accelerator_label_id": "0",
    }
    return body | changes


def configuration(**changes: object) -> Configuration:
    values: dict[str, object] = {
        "name": "ray-demo-head",
        "subdomain": "ray-demo-head",
        "description": "head of demo",
        "script": ".raycml/launchers/demo/head-x-1.py",
        "cpu": 4.0,
        "memory": 16.0,
        "gpu": 0,
        "runtime": "image:1",
        "environment": {"A": "1"},
    }
    return Configuration(**(values | changes))  # type: ignore[arg-type]  # a table of fields
