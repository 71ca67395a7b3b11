"""Variables that a spec may not set, and values with which Ray does not start."""

import importlib.util
import re
from pathlib import Path

import pytest

from controller.core.spec.ray.numbers import FRACTIONS, WHOLE_NUMBERS
from controller.core.spec.ray.variables import NAMES, reason
from controller.core.spec.variables import MAX_SIZE, size, size_fault, variable_faults

# Where the code of a node is, and how it reads a number.
RUNS = ("_common", "_private/runtime_env", "_private", "dag", "dashboard", "scripts", "util/client")
READ = re.compile(r"\b(?:int|float)\(\s*os\.(?:environ\.get|getenv)\(\s*\"(RAY_\w+)\"")

REFUSED = [
    *NAMES,
    "RAYCML_OWNER",
    "CDSW_APP_PORT",
    "RAY_OVERRIDE_LABELS",
    "RAY_OVERRIDE_RESOURCES",
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING",
    "RAY_REDIS_ADDRESS",
    "RAY_REDIS_CA_CERT",
    "RAY_AUTH_TOKEN_PATH",
    "RAY_gcs_storage",
    "RAY_gcs_storage_path",
    "RAY_external_storage_namespace",
    "RAY_gcs_rpc_server_reconnect_timeout_s",
    "RAY_RAYLET_GDB",
    "RAY_GCS_SERVER_VALGRIND_PROFILER",
    "ray_address",
    "cdsw_engine_id",
    "PythonPath",
]
ALLOWED = [
    "OMP_NUM_THREADS",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV",
    "RAY_BACKEND_LOG_LEVEL",
    "RAY_DEDUP_LOGS",
    "RAY_memory_usage_threshold",
    "RAY_NODE_REGION",
    "RAY_RUNTIME_ENV_HOOK",
    "RAY_PROFILING",
    "HTTP_PROXY",
    "LD_PRELOAD",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "REDIS_URL",
]


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_defeat_us_is_refused_with_a_reason(name: str) -> None:
    assert reason(name)


@pytest.mark.parametrize("name", ALLOWED)
def test_what_harms_nothing_is_allowed(name: str) -> None:
    assert reason(name) is None


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        *((name, "-1", "1.5") for name in sorted(WHOLE_NUMBERS)[:5]),
        *((name, "0.5", "") for name in sorted(FRACTIONS)),
        ("RAY_num_workers_soft_limit", "4", "many"),
        ("PYTHONHASHSEED", "random", "abc"),
        ("RAY_NUM_REDIS_GET_RETRIES", "20", "many"),
        ("RAY_ROTATION_MAX_BYTES", "1000", "1e6"),
        ("RAY_RUNTIME_ENV_PIP_CACHE_SIZE_GB", "1.5", "10Gi"),
        ("PYTHONUTF8", "1", "2"),
        ("PYTHONMALLOC", "malloc", "x"),
        ("PYTHONIOENCODING", "utf-8", "xx"),
        ("PYTHONTRACEMALLOC", "5", "x"),
        ("PYTHONINTMAXSTRDIGITS", "0", "1"),
        (
            "RAY_object_spilling_config",
            '{"type": "filesystem", "params": {"directory_path": "/tmp"}}',
            "nonsense",
        ),
        (
            "RAY_object_spilling_config",
            '{"type": "smart_open", "params": {"uri": "s3://bucket/x"}}',
            '{"type": "filesystem", "params": {"directory_path": []}}',
        ),
    ],
)
def test_a_value_with_which_ray_does_not_start_is_refused(name: str, good: str, bad: str) -> None:
    assert [*variable_faults({name: good})] == []
    assert [where for where, _ in variable_faults({name: bad})] == [name]


def test_every_number_that_the_code_of_ray_reads_without_a_check_is_known() -> None:
    """What its modules read by `int` or `float` ends the process that imports or uses them."""
    found = importlib.util.find_spec("ray")
    if found is None or not found.submodule_search_locations:
        pytest.skip("Ray is not installed")
    home = Path(found.submodule_search_locations[0])
    pages = [page for folder in RUNS for page in home.glob(f"{folder}/**/*.py")]
    names = {name for page in pages for name in READ.findall(page.read_text("utf-8"))}
    assert len(names) > 10
    unknown = {name for name in names if not variable_faults_of(name)}
    assert unknown == set()


def variable_faults_of(name: str) -> bool:
    return reason(name) is not None or any(variable_faults({name: "many"}))


def test_the_size_is_that_of_what_cml_stores() -> None:
    assert size({"A": "x"}) == len(r'"{\"A\": \"x\"}"')
    assert size({"A": '"'}) == size({"A": "x"}) + 3
    assert size({"A": "é"}) == size({"A": "x"}) + 6


def test_an_environment_over_the_bound_names_what_to_move() -> None:
    full = {f"V{n}": "x" * 32_000 for n in range(4)}
    assert size_fault(full, "the head") is None
    assert size(full) < MAX_SIZE
    found = size_fault({**full, "LARGEST": "y" * 32_768}, "the head")
    assert found is not None
    assert "the head takes 157 KiB, of at most 128" in found
    assert "`LARGEST`" in found
