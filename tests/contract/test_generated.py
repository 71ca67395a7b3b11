"""A client generated from the emulator's own specification, on the emulator."""

from contextlib import closing

import pytest
from generated import GeneratedClient
from generated_story import tell_generated
from test_story import in_process

# Served, and without rows here: lists of what the workspace of the story does not have.
LISTS = {
    *("list_groups_quota", "list_users_quota", "list_all_resource_groups"),
    *("list_all_accelerator_node_labels", "list_runtime_addons"),
}
OTHERS = {
    "list_workload_executions",
    "list_cpu_profiles",
    "list_all_run_as_machine_user_collaborators",
}


@pytest.mark.parametrize("camel_case", [False, True], ids=["snake", "camel"])
def test_the_whole_story_holds_through_a_generated_client(camel_case: bool) -> None:
    with in_process() as world, closing(world.raw):
        world.raw.base_url = "http://127.0.0.1"
        called = tell_generated(world, camel_case=camel_case)
        client = GeneratedClient(world.raw)
        for name in LISTS:
            getattr(client, name)()
        untold = client.operations.keys() - called - LISTS
    assert untold == OTHERS
    assert world.transport.judged["Application"] > 10
    assert world.transport.judged["JobRun"] > 5
