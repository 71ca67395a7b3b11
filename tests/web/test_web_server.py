"""The page over a real socket: the port, its bounds, and its end."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from controller.web.server import Server, serve
from tests.web import boards
from tests.web.pages import HOOK_SECRET, TOKEN, Page, Web


@pytest.fixture
def server() -> Iterator[Server]:
    found = serve(Web(boards.busy()).app)
    yield found
    found.close()


def url(server: Server, path: str = "/") -> str:
    return f"http://127.0.0.1:{server.port}{path}"


def threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_the_page_is_served_on_a_port_of_this_machine(server: Server) -> None:
    answer = httpx.get(url(server), trust_env=False, timeout=60)
    assert answer.status_code == 200
    assert "fraud-scoring" in answer.text
    assert answer.headers["Server"] == "raycml"


def test_head_has_no_body_over_the_wire(server: Server) -> None:
    answer = httpx.head(url(server, "/healthz"), trust_env=False, timeout=60)
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Server) -> None:
    body = b"x" * (2 * 1024 * 1024)
    headers = {"X-Gitlab-Token": HOOK_SECRET}
    answer = httpx.post(
        url(server, "/hooks/git"), content=body, headers=headers, trust_env=False, timeout=60
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(("blanks", "status"), [(256, b"200"), (257, b"400")])
def test_a_header_with_a_long_run_of_blanks_is_refused_before_it_is_parsed(
    server: Server, blanks: int, status: bytes
) -> None:
    request = b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\nX-A:" + b" \t" * (blanks // 2)
    request += b" " * (blanks % 2) + b"x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(request)
        assert link.recv(4096).startswith(b"HTTP/1.0 " + status)


def test_the_proxy_in_front_says_how_the_browser_came(server: Server) -> None:
    headers = {"X-Forwarded-Proto": "https", "Sec-Fetch-Site": "same-origin"}
    with httpx.Client(trust_env=False, timeout=60, headers=headers) as client:
        mark = Page(client.get(url(server, "/sign-in")).text).mark()
        answer = client.post(url(server, "/sign-in"), data={"token": TOKEN, "mark": mark})
    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]


def test_closing_frees_the_port_and_ends_the_thread() -> None:
    server = serve(Web(boards.calm()).app)
    httpx.get(url(server), trust_env=False, timeout=60)
    assert "web" in threads()
    server.close()
    assert "web" not in threads()
    with closing(socket.socket()) as link:
        assert link.connect_ex(("127.0.0.1", server.port)) != 0
    server.close()


def test_a_port_that_is_taken_is_an_error(server: Server) -> None:
    with closing(socket.socket()) as link:
        link.bind(("127.0.0.1", 0))
        link.listen()
        with pytest.raises(OSError, match="in use"):
            serve(Web(boards.calm()).app, port=link.getsockname()[1])
