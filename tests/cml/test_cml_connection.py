"""The address, the key's company and the certificates, before any call."""

import random
import ssl
from pathlib import Path

import httpx
import pytest
from cml_world import FakeClock
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from controller.cml.client import Client
from controller.cml.connection import parse_address, trust
from controller.cml.errors import ConnectionSettingsError


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("ml-xyz.cloudera.site", "https://ml-xyz.cloudera.site"),
        (" ML-xyz.cloudera.site/ \n", "https://ml-xyz.cloudera.site"),
        ("https://host/", "https://host"),
        ("https://host:443", "https://host"),
        ("https://host:8443/api/v1", "https://host:8443"),
        ("https://host/api/v2/", "https://host"),
        ("host:8443", "https://host:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("localhost:8080", "http://localhost:8080"),
        ("http://cml.localhost:9", "http://cml.localhost:9"),
        ("http://[::1]:80/api/v2", "http://[::1]"),
        ("https://10.0.0.7", "https://10.0.0.7"),
    ],
)
def test_an_address_may_be_written_in_many_ways(text: str, url: str) -> None:
    assert parse_address(text).url == url
    assert parse_address(text).api == f"{url}/api/v2"
    assert parse_address(parse_address(text).url) == parse_address(text)


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "https://",
        "ftp://host",
        "https://host/some/page",
        "https://host?x=1",
        "https://host#x",
        "https://us er",
        "https://host:port",
        "https://host:99999",
        "https://host:0",
        "https://-host-",
        "https://a..b",
        "https://[::1",
        "host_name/",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_is_none_is_refused_with_an_example(nonsense: str) -> None:
    with pytest.raises(ConnectionSettingsError, match="such as https://"):
        parse_address(nonsense)


def test_a_key_is_never_sent_in_clear_but_to_this_machine() -> None:
    with pytest.raises(ConnectionSettingsError, match="use https://"):
        parse_address("http://ml-xyz.cloudera.site")


def test_a_password_in_an_address_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConnectionSettingsError) as caught:
        parse_address("https://user:hunter2@host")
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_clear_refusal(text: str) -> None:
    try:
        address = parse_address(text)
    except ConnectionSettingsError:
        return
    assert httpx.URL(address.api).host == address.host


def test_certificates_are_always_verified() -> None:
    context = trust()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_certificate_that_cannot_be_read_names_the_option(tmp_path: Path) -> None:
    garbage = tmp_path / "ca.pem"
    garbage.write_text("not a certificate")
    for path in (garbage, tmp_path / "absent.pem"):
        with pytest.raises(ConnectionSettingsError, match="--ca-cert"):
            trust(path)


def test_a_pods_own_authorities_are_trusted_beside_the_public_ones(tmp_path: Path) -> None:
    import certifi

    public = Path(certifi.where()).read_text()
    one = public[public.index("-----BEGIN") : public.index("-----END CERTIFICATE-----") + 26]
    bundle = tmp_path / "ca.pem"
    bundle.write_text(one)
    alone = ssl.create_default_context(cafile=str(bundle))
    assert len(alone.get_ca_certs()) == 1
    with_bundle = trust(pod_bundle=bundle)
    assert set(map(str, alone.get_ca_certs())) <= set(map(str, with_bundle.get_ca_certs()))
    assert len(with_bundle.get_ca_certs()) > 1


@pytest.mark.parametrize(
    ("address", "proxied"), [("http://127.0.0.1:8", False), ("https://ml.example.com", True)]
)
def test_no_proxy_stands_between_us_and_this_machine(
    monkeypatch: pytest.MonkeyPatch, address: str, proxied: bool
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    client = Client(address, SecretStr("key"), clock=FakeClock(), random=random.Random(1))
    with client:
        assert bool(client._transport._http._mounts) is proxied
