"""No secret leaves through an error, whatever the server or the network says."""

import traceback

import httpx
import pytest
from cml_world import APP, PROJECT, World, configuration, ok
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.cml.errors import CmlError

HEADER_CHARACTERS = "".join(chr(c) for c in range(33, 127))
# The prefix keeps a drawn key from being a word of our own sentences (`applicat`, say), which
# would stand in an error without having leaked into it.
KEYS = st.text(HEADER_CHARACTERS, min_size=5, max_size=64).map(lambda text: f"sk-{text}")
NOISE = st.text(max_size=400)


def everything_about(error: BaseException) -> str:
    """What a log could show of it, and of what led to it."""
    shown = [traceback.format_exc(), repr(error), str(error), repr(vars(error))]
    chain: BaseException | None = error
    while chain is not None:
        shown += [repr(chain), repr(vars(chain))]
        chain = chain.__cause__ or chain.__context__
    return "\n".join(shown)


def locals_of(error: BaseException) -> str:
    """What a crash report could show beyond that: the variables of our own frames."""
    trace = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "\n".join(repr(f.locals) for f in trace.stack if "/controller/" in f.filename)


@settings(max_examples=150, deadline=None)
@given(
    key=KEYS,
    before=NOISE,
    after=NOISE,
    status=st.sampled_from([200, 302, 400, 401, 404, 418, 429, 500, 503]),
    as_json=st.booleans(),
)
def test_a_server_that_repeats_the_key_does_not_bring_it_into_an_error(
    key: str, before: str, after: str, status: int, *, as_json: bool
) -> None:
    text = f"{before} Bearer {key} {after}"
    body = {"json": {"error": text, "message": text}} if as_json else {"text": text}
    world = World([httpx.Response(status, **body)], key=key)  # type: ignore[arg-type]  # one of two
    with pytest.raises(CmlError) as caught:
        world.client.create_application(PROJECT, configuration())
    assert key not in everything_about(caught.value)


@settings(max_examples=50, deadline=None)
@given(key=KEYS)
def test_a_network_fault_that_repeats_the_key_does_not_bring_it_into_an_error(key: str) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError(f"while sending {key}", request=request)

    with pytest.raises(CmlError) as caught:
        World(handler, key=key).client.get_application(PROJECT, APP)
    assert key not in everything_about(caught.value)
    assert "operation" in locals_of(caught.value)
    assert key not in locals_of(caught.value)
    assert caught.value.__context__ is None


def test_a_value_of_an_environment_that_the_server_complains_of_is_not_repeated() -> None:
    secret = "hunter2-hunter2"
    answer = httpx.Response(400, json={"message": f"bad value {secret} for ray-demo-head"})
    wanted = configuration(environment={"TOKEN": secret, "RAYCML_SUBDOMAIN": "ray-demo-head"})
    with pytest.raises(CmlError) as caught:
        World([answer]).client.create_application(PROJECT, wanted)
    assert secret not in str(caught.value)
    assert "ray-demo-head" in str(caught.value)
    with pytest.raises(CmlError) as caught:
        World([answer]).client.update_application(PROJECT, APP, {"environment": {"T": secret}})
    assert secret not in str(caught.value)
    # Not all that is called RAYCML_ is a mark: these are what a controller is set up with.
    for name in ("RAYCML_GIT_TOKEN", "RAYCML_WEB_TOKEN", "RAYCML_SOURCE", "RAYCML_X"):
        with pytest.raises(CmlError) as caught:
            World([answer]).client.update_application(PROJECT, APP, {"environment": {name: secret}})
        assert secret not in str(caught.value)


def test_the_client_and_its_parts_do_not_show_the_key() -> None:
    world = World([ok({})], key="sk-live-secret")
    transport = world.client._transport
    for part in (world.client, transport, transport._http, transport._key):
        assert "sk-live-secret" not in repr(part)
        assert "sk-live-secret" not in str(part)
    assert "sk-live-secret" not in str(world.calls)
