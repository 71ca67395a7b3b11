"""The judge sees what is wrong, and only that."""

import json

import pytest

from tests.contract.judge import judge

GOOD = {
    "id": "p1d8-aa3x-90rk-yw2c",
    "status": "APPLICATION_RUNNING",
    "creator": {"username": "jdoe", "name": "Jane", "email": "j@example.com"},
    "created_at": "2026-03-02T09:20:00.12Z",
    "stopped_at": None,
    "cpu": 4,
    "memory": 16.5,
    "nvidia_gpu": 0,
    "bypass_authentication": False,
    "environment": json.dumps({"A": "1"}),
    "runtime_addon_identifiers": ["a"],
    "accelerator_label_id": "0",
}


def test_a_body_of_the_contract_passes() -> None:
    judge("Application", GOOD)
    judge("ListApplicationsResponse", {"applications": [GOOD], "next_page_token": ""})
    judge("CreateApplicationRequest", {"environment": {"A": "1"}, "cpu": 0.5})
    judge("ListProjectFilesResponse", {"files": [{"path": "a", "file_size": "12"}]})


@pytest.mark.parametrize(
    "fault",
    [
        {"url": "https://x"},
        {"status": "RUNNING"},
        {"creator": "jdoe"},
        {"created_at": "yesterday"},
        {"created_at": "2026-03-02T09:20:00+02:00"},
        {"cpu": "4"},
        {"cpu": True},
        {"nvidia_gpu": 0.5},
        {"nvidia_gpu": None},
        {"bypass_authentication": 0},
        {"environment": {"A": "1"}},
        {"name": None},
        {"runtime_addon_identifiers": None},
        {"runtime_addon_identifiers": [1]},
        {"accelerator_label_id": 0},
        {"accelerator_label_id": "x"},
    ],
)
def test_each_departure_from_the_contract_is_found(fault: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match=next(iter(fault))):
        judge("Application", GOOD | fault)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Application", None),
        ("Application", []),
        ("CreateApplicationRequest", {"environment": {"A": 1}}),
        ("CreateApplicationRequest", {"environment": "{}"}),
        ("ListApplicationsResponse", {"applications": {}}),
        ("ListProjectFilesResponse", {"files": [{"path": "a", "file_size": 12}]}),
    ],
)
def test_a_body_of_another_shape_is_found(kind: str, body: object) -> None:
    with pytest.raises(AssertionError):
        judge(kind, body)
