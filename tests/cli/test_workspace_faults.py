"""What an answer of CML is called that refuses a call."""

import pytest

from controller.cli.workspace import _refusal_of
from controller.cml.errors import Rejected


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (409, "application with subdomain ray-one-head already exists", "Conflict"),
        (409, "the name is already taken", "Conflict"),
        (400, "subdomain is in use", "Conflict"),
        (400, "subdomain does not match the pattern", "Rejected"),
        (409, "out of quota", "QuotaExceeded"),
        (409, "the user has exceeded the CPU limit", "QuotaExceeded"),
        (409, "insufficient GPU for this user", "QuotaExceeded"),
        (400, "quota exceeded for project", "QuotaExceeded"),
        (409, "the application is being changed", "Rejected"),
        (422, "cpu must be positive", "Rejected"),
    ],
)
def test_only_a_refusal_that_says_so_is_of_a_taken_name(status: int, words: str, kind: str) -> None:
    error = Rejected(f"create application: CML refused (HTTP {status}): {words}", status=status)
    assert _refusal_of(error) == kind
