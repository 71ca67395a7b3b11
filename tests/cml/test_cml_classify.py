"""Which error each thing that can happen on the wire amounts to."""

import httpx
import pytest
from cml_world import APP, NOON, PROJECT, World, configuration, refusal

from controller.cml.errors import (
    CmlError,
    Malformed,
    NotFound,
    Rejected,
    Throttled,
    Unauthorized,
    Unavailable,
    Unknown,
)

LOGIN = httpx.Response(200, html="<!DOCTYPE html><html>Sign in</html>")
PLAIN_404 = httpx.Response(404, text="Not Found\n")
HTML_502 = httpx.Response(502, html="<html>bad gateway</html>")


def the_error_of_a_read(answer: object) -> CmlError:
    with pytest.raises(CmlError) as caught:
        World([answer]).client.get_application(PROJECT, APP)
    return caught.value


def the_error_of_a_write(answer: object) -> CmlError:
    with pytest.raises(CmlError) as caught:
        World([answer]).client.create_application(PROJECT, configuration())
    return caught.value


NO_KEYS = (
    refusal(500, "malformed apikey"),
    refusal(401, "malformed apikey"),
    httpx.Response(500, text="Malformed APIKey\n"),
)
TABLE = [
    # what happened, the error of a read, the error of a write
    (httpx.ConnectError("refused"), Unavailable, Unavailable),
    (httpx.ConnectTimeout("slow"), Unavailable, Unavailable),
    (httpx.PoolTimeout("busy"), Unavailable, Unavailable),
    (httpx.ProxyError("no proxy"), Unavailable, Unavailable),
    (httpx.ReadTimeout("slow"), Unavailable, Unknown),
    (httpx.WriteTimeout("slow"), Unavailable, Unknown),
    (httpx.ReadError("reset"), Unavailable, Unknown),
    (httpx.WriteError("reset"), Unavailable, Unknown),
    (httpx.RemoteProtocolError("closed"), Unavailable, Unknown),
    (ConnectionResetError("reset"), Unavailable, Unknown),
    (refusal(400), Rejected, Rejected),
    (refusal(409), Rejected, Rejected),
    (refusal(422), Rejected, Rejected),
    (refusal(501), Rejected, Rejected),
    (refusal(401), Unauthorized, Unauthorized),
    (refusal(403), Unauthorized, Unauthorized),
    (httpx.Response(401, html="<html>"), Unauthorized, Unauthorized),
    (httpx.Response(302, headers={"location": "https://sso/"}), Unauthorized, Unauthorized),
    (LOGIN, Unauthorized, Unauthorized),
    (refusal(404), NotFound, NotFound),
    (PLAIN_404, Malformed, Malformed),
    (httpx.Response(404, html="<html>nginx</html>"), Malformed, Malformed),
    (httpx.Response(405, text="Method Not Allowed\n"), Malformed, Malformed),
    (refusal(429), Throttled, Throttled),
    (refusal(503, headers={"Retry-After": "1"}), Throttled, Throttled),
    *((answer, Unauthorized, Unauthorized) for answer in NO_KEYS),
    (refusal(503), Unavailable, Unknown),
    (refusal(500), Unavailable, Unknown),
    (HTML_502, Unavailable, Unknown),
    (refusal(504), Unavailable, Unknown),
    (refusal(408), Unavailable, Unknown),
    (httpx.Response(200, text="not json"), Malformed, Unknown),
    (httpx.Response(200, json=[1]), Malformed, Unknown),
    (httpx.Response(200, json={"name": "no id"}), Malformed, Unknown),
    (httpx.Response(200, content=b"[" * 200_000), Malformed, Unknown),
    (httpx.Response(204), Malformed, Unknown),
]


@pytest.mark.parametrize(("happened", "read", "_write"), TABLE)
def test_a_read_fails_as_the_table_says(
    happened: object, read: type[CmlError], _write: type[CmlError]
) -> None:
    assert type(the_error_of_a_read(happened)) is read


@pytest.mark.parametrize(("happened", "_read", "write"), TABLE)
def test_a_write_fails_as_the_table_says(
    happened: object, _read: type[CmlError], write: type[CmlError]
) -> None:
    assert type(the_error_of_a_write(happened)) is write


def test_a_malformed_key_is_told_apart_from_one_that_is_refused() -> None:
    assert all(the_error_of_a_read(answer).malformed for answer in NO_KEYS)  # type: ignore[attr-defined]  # Unauthorized
    assert not the_error_of_a_read(refusal(401)).malformed  # type: ignore[attr-defined]  # Unauthorized


def test_a_message_holds_the_servers_own_words_the_status_and_the_operation() -> None:
    error = the_error_of_a_write(refusal(400, "Problem with field Subdomain"))
    assert str(error) == "create application: CML refused (HTTP 400): Problem with field Subdomain"
    assert (error.status, error.operation) == (400, "create_application")


def test_the_servers_words_are_one_bounded_printable_line() -> None:
    error = the_error_of_a_write(refusal(400, "a\nb\x1b[31m\t" + "x" * 1000))
    words = str(error).partition("): ")[2]
    assert words.startswith("a b [31m xxx")
    assert len(words) == 300
    assert words.isprintable()


def test_an_error_body_without_the_error_field_is_read_too() -> None:
    body = {"code": 7, "message": "User is not an observability machine user"}
    error = the_error_of_a_read(httpx.Response(403, json=body))
    assert str(error).endswith("User is not an observability machine user")


def test_a_page_of_a_gateway_is_not_repeated_in_the_message() -> None:
    assert "html" not in str(the_error_of_a_read(HTML_502))


def test_a_sign_in_page_names_the_address_and_the_key_as_suspects() -> None:
    assert "check CML_HOST and CML_API_KEY" in str(the_error_of_a_read(LOGIN))


def test_a_server_that_knows_no_such_path_is_suspected_of_not_being_cml() -> None:
    assert "check that CML_HOST is a CML workspace" in str(the_error_of_a_read(PLAIN_404))


def test_an_unknown_certificate_points_to_the_option_for_it() -> None:
    fault = httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
    assert "--ca-cert" in str(the_error_of_a_read(fault))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("Mon, 02 Mar 2026 12:00:20 GMT", 20.0),
        ("Mon, 02 Mar 2020 12:00:20 GMT", 0.0),
        ("99999999999999999999", 86_400.0),
        ("soon", None),
        ("-5", None),
        ("Mon, 99 Foo 2026", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_never_trusted(
    header: str, seconds: float | None
) -> None:
    assert NOON.isoformat() == "2026-03-02T12:00:00+00:00"
    error = the_error_of_a_write(refusal(429, headers={"Retry-After": header}))
    assert error.retry_after_s == seconds
