"""Hypothesis profiles, the repository's root on the path, Ctrl-C, and no process left behind."""

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


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Leftovers(), "leftovers")
