"""Calls that end: at a moment, at a stop, and in the middle of an answer that does not come."""

import math
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from pydantic import SecretStr

from controller.clock import SystemClock
from controller.cml.client import Client
from controller.cml.errors import Unavailable, Unknown
from controller.cml.transport import Retries


def client(url: str, transport: httpx.BaseTransport | None = None) -> Client:
    return Client(
        url,
        SecretStr("sk-0123456789"),
        clock=SystemClock(),
        random=random.Random(1),
        transport=transport,
        retries=Retries(first_s=0.0, longest_s=0.0),
    )


@contextmanager
def mute() -> Iterator[tuple[str, threading.Event]]:
    """A server that takes requests and never answers; the event says that one has come."""
    asked = threading.Event()

    def serve(listener: socket.socket) -> None:
        with ExitStack() as links:
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                links.enter_context(link)
                link.recv(1)
                asked.set()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,), daemon=True)
        server.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)
        server.join()


@pytest.mark.timeout(20)  # without a cut it would end after thirty
@pytest.mark.parametrize("write", [False, True])
def test_a_cut_ends_a_call_that_is_not_answered(write: bool) -> None:
    with mute() as (url, asked), client(url) as cml:

        def cut() -> None:
            asked.wait()
            cml.limit.cut()

        threading.Thread(target=cut, daemon=True).start()
        calls = {False: cml.list_applications, True: lambda p: cml.stop_application(p, "a")}
        with pytest.raises(Unknown if write else Unavailable):
            calls[write]("p")


@pytest.mark.timeout(20)  # without a cut it would end after thirty
def test_a_moment_ends_a_call_that_is_not_answered() -> None:
    with mute() as (url, _), client(url) as cml:
        cml.limit.until(SystemClock().monotonic() + 0.2)
        with pytest.raises(Unavailable):
            cml.list_applications("p")


@pytest.mark.parametrize("end", ["close", "until"])
def test_no_call_begins_when_calls_are_over_and_a_write_surely_did_not_happen(end: str) -> None:
    calls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        return httpx.Response(200, json={"applications": []})

    with client("http://cml.localhost", httpx.MockTransport(answer)) as cml:
        if end == "close":
            cml.limit.close()
        else:
            cml.limit.until(-math.inf)
        for call in (cml.list_applications, lambda p: cml.stop_application(p, "a")):
            with pytest.raises(Unavailable, match="the time for calls is over"):
                call("p")
        assert calls == []
        cml.limit.reopen(math.inf)
        assert cml.list_applications("p").complete
        assert len(calls) == 1
