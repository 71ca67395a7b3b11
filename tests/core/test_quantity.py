"""Sizes as people write them."""

import contextlib
import math
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.spec.quantities import MAX_CPU, MAX_MEMORY_GIB, parse_cpu, parse_memory


@pytest.mark.parametrize(
    ("written", "gib"),
    [
        ("16Gi", 16.0),
        ("1.5Gi", 1.5),
        ("16000Mi", 15.625),
        ("1Ti", 1024.0),
        ("2097152Ki", 2.0),
        ("16G", 15259 / 1024),
        ("512M", 488 / 1024),
        (16, 16.0),
        (0.5, 0.5),
    ],
)
def test_memory_is_read_as_gib(written: str | float, gib: float) -> None:
    assert parse_memory(written) == gib


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("16GB", "write 16Gi"),
        ("16GiB", "write 16Gi"),
        ("16gi", "write 16Gi"),
        ("16000MB", "write 16000Mi"),
        ("1.5tb", "write 1.5Ti"),
        ("16", "write 16Gi"),
        ("16 Gi", "such as 16Gi"),
        ("16Pi", "use Mi, Gi or Ti"),
        ("", "such as 16Gi"),
        ("-1Gi", "such as 16Gi"),
        ("1e3Gi", "such as 16Gi"),
        ("\u0661Gi", "such as 16Gi"),
        ("16Gi\n", "such as 16Gi"),
        ("1Mi", "at least 0.25 GiB"),
        ("0Gi", "at least 0.25 GiB"),
        ("5Ti", "at most 4096 GiB"),
        (16000, "is it meant in Mi?"),
        (0, "at least 0.25 GiB"),
        (-1, "at least 0.25 GiB"),
        (math.inf, "must be finite"),
        (math.nan, "must be finite"),
        (10**400, "must be finite"),
        (True, "a number of GiB"),
        (None, "a number of GiB"),
        ([1], "a number of GiB"),
    ],
)
def test_other_memory_is_refused_with_a_remedy(written: object, remedy: str) -> None:
    with pytest.raises(ValueError, match=re.escape(remedy)):
        parse_memory(written)


@pytest.mark.parametrize(
    ("written", "cores"),
    [(4, 4.0), (0.5, 0.5), ("500m", 0.5), ("100m", 0.1), (1024, 1024.0), (1 / 3, 0.333)],
)
def test_cpu_is_read_as_cores(written: str | float, cores: float) -> None:
    assert parse_cpu(written) == cores


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("4", "without quotes"),
        ("0.5m", "500m"),
        ("four", "500m"),
        ("500M", "500m"),
        ("1m", "at least 0.1 cores"),
        (0, "at least 0.1 cores"),
        (-4, "at least 0.1 cores"),
        (4000, "at most 1024 cores"),
        (math.inf, "must be finite"),
        (math.nan, "must be finite"),
        (False, "a number of cores"),
        (None, "a number of cores"),
    ],
)
def test_other_cpu_is_refused_with_a_remedy(written: object, remedy: str) -> None:
    with pytest.raises(ValueError, match=re.escape(remedy)):
        parse_cpu(written)


@given(st.floats(0.25, MAX_MEMORY_GIB))
def test_memory_survives_a_32_bit_float(gib: float) -> None:
    memory = parse_memory(gib)
    assert struct.unpack("f", struct.pack("f", memory))[0] == memory
    assert abs(memory - gib) <= 1 / 2048


@given(st.floats(0.25, MAX_MEMORY_GIB), st.floats(0.1, MAX_CPU))
def test_reading_what_was_read_changes_nothing(gib: float, cores: float) -> None:
    assert parse_memory(parse_memory(gib)) == parse_memory(gib)
    assert parse_cpu(parse_cpu(cores)) == parse_cpu(cores)


@given(st.text(max_size=40) | st.floats() | st.integers() | st.from_regex(r"[0-9.]{1,30}[KMGTim]*"))
def test_any_value_is_a_sane_number_or_refused(value: str | float) -> None:
    for parse, most in ((parse_memory, MAX_MEMORY_GIB), (parse_cpu, MAX_CPU)):
        with contextlib.suppress(ValueError):
            assert 0 < parse(value) <= most
