"""What a workspace tells of its limits, and that it means them; and whom a key lets in."""

import pytest
from emulated import World

from controller.emulator.options import Capacity, Options


def get(world: World, path: str) -> dict[str, object]:
    answer = world.call("GET", path)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_a_workspace_without_limits_tells_of_none() -> None:
    world = World()
    assert get(world, "/usersquota")["user_quota"] == []
    assert get(world, "/resourcegroups")["resource_group"] == []
    assert get(world, "/nodelabels")["accelerator_node_label"] == []


def test_a_quota_says_what_may_be_used_and_what_is() -> None:
    world = World(options=Options(capacity=Capacity(cpu=4, memory=8)))
    world.create(cpu=2, memory=3)
    world.pass_time(1)
    (row,) = get(world, "/usersquota")["user_quota"]  # type: ignore[misc]
    assert row["user"]["username"] == "developer"
    assert row["quota_configured"] == {"cpu": "4", "memory": "8", "nvidia_gpu": ""}
    assert row["quota_usage"] == {"cpu": "2", "memory": "3", "nvidia_gpu": "0"}


def test_what_is_larger_than_a_node_never_starts_and_holds_up_nobody() -> None:
    world = World(options=Options(node=Capacity(cpu=4)))
    large, small = world.create("large", cpu=5), world.create("small", cpu=4)
    world.pass_time(30)
    assert world.status(large) == "STARTING"
    assert world.status(small) == "RUNNING"
    (group,) = get(world, "/resourcegroups")["resource_group"]  # type: ignore[misc]
    assert (group["cpu_count"], group["allow_applications"]) == (4, True)


def test_a_label_says_how_many_gpus_one_application_may_have() -> None:
    world = World(options=Options(node=Capacity(gpu=2), capacity=Capacity(gpu=6)))
    (label,) = get(world, "/nodelabels")["accelerator_node_label"]  # type: ignore[misc]
    assert (label["max_gpu_per_workload"], label["max_gpu_count"]) == ("2", "6")


@pytest.mark.parametrize(
    ("key", "audience", "status"),
    [
        ("good", "API", 200),
        ("good", "Application", 200),
        ("api", "API", 200),
        ("api", "Application", 403),
        ("app", "API", 403),
        ("a-key-of-no-user-at-all", "API", 401),
    ],
)
def test_a_key_is_valid_for_its_audiences(key: str, audience: str, status: int) -> None:
    client = World().as_holder_of(key)
    answer = client.post("/api/v2/auth/validate_key", json={"audience": audience})
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["username"] == "developer"
        assert answer.json()["valid"] is True
