"""What all tests share: Hypothesis profiles, and the repository's root on the path."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "check",
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("deep", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("RAYCML_HYPOTHESIS", "check"))
