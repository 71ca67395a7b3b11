"""Hypothesis profiles, the order of files, Ctrl-C, and no process left behind."""

import os
import signal

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.leftovers import Leftovers

settings.register_profile(
    "check",
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("deep", max_examples=2000, deadline=None)
# For a test that is to fail: that it does is enough, however large its example.
settings.register_profile(
    "mutants",
    settings.get_profile("check"),
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)
settings.load_profile(os.environ.get("RAYCML_HYPOTHESIS", "check"))

# Whatever a script starts in the background is born ignoring Ctrl-C; tests press it all the same.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# What takes longest begins first.  A process that has few tests left takes the next file, so the
# first one goes on with real Ray, which it mostly waits for, while the others compute.
FIRST = (
    "tests/scenarios/test_run_killed.py",
    "tests/mutants/test_mutants_core.py",
    "tests/simulation/test_schedules.py",
    *(
        "tests/scenarios/",
        "tests/matrix/",
        "tests/mutants/",
        "tests/simulation/",
        "tests/cli/test_cli_run_months.py",
    ),
    *("tests/node/", "tests/emulator/", "tests/cli/"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return next((n for n, path in enumerate(FIRST) if item.nodeid.startswith(path)), len(FIRST))

    items.sort(key=rank)


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Leftovers(), "leftovers")
