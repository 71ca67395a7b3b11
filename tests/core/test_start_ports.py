"""Ports that a spec may choose for one node, as Ray 2.60.0 checks them."""

import pytest

from controller.core.spec.ray.start_params import faults
from controller.core.spec.ray.start_ports import HIGHEST_WORKER_PORT, LOWEST_WORKER_PORT, PORTS
from controller.node.ray import fixed_ports

HEAD, WORKER, BOTH = (True,), (False,), (True, False)

REFUSED = [
    ({"min-worker-port": "30000"}, BOTH, "min-worker-port", "set max-worker-port above 30000"),
    ({"max-worker-port": "9000"}, BOTH, "max-worker-port", "set min-worker-port below 9000"),
    ({"min-worker-port": "30001", "max-worker-port": "30000"}, BOTH, "min-worker-port", "swap"),
    ({"min-worker-port": "30000", "max-worker-port": "30000"}, BOTH, "min-worker-port", "swap"),
    ({"node-manager-port": "6379"}, HEAD, "node-manager-port", "the port of the GCS"),
    ({"ray-client-server-port": "6379"}, HEAD, "ray-client-server-port", "the GCS"),
    ({"dashboard-agent-listen-port": "6379"}, HEAD, "dashboard-agent-listen-port", "the GCS"),
    ({"object-manager-port": "8265"}, WORKER, "object-manager-port", "Ray's dashboard"),
    ({"object-manager-port": "10001"}, BOTH, "object-manager-port", "the Ray client server"),
    ({"object-manager-port": "8100"}, BOTH, "object-manager-port", "the application's page"),
    ({"object-manager-port": "52365"}, BOTH, "object-manager-port", "the dashboard agent"),
    (
        {"node-manager-port": "7000", "object-manager-port": "7000"},
        BOTH,
        "object-manager-port",
        "the port of `node-manager-port`",
    ),
    ({"metrics-export-port": "10500"}, BOTH, "metrics-export-port", "workers, 10002 to 14999"),
    (
        {"min-worker-port": "8000", "max-worker-port": "9000"},
        BOTH,
        "min-worker-port",
        "hold 8100, the port of the application's page",
    ),
    ({"worker-port-list": "30000,52365"}, BOTH, "worker-port-list", "hold 52365"),
    (
        {"worker-port-list": "30000", "metrics-export-port": "30000"},
        BOTH,
        "metrics-export-port",
        "those of worker-port-list",
    ),
    ({"worker-port-list": "30000", "min-worker-port": "1"}, BOTH, "min-worker-port", "1024"),
    (
        {"worker-port-list": "30000", "min-worker-port": "20000"},
        BOTH,
        "worker-port-list",
        "keep one of the two",
    ),
]
ACCEPTED = [
    ({"min-worker-port": "30000", "max-worker-port": "30100"}, BOTH),
    ({"min-worker-port": "12000"}, BOTH),
    ({"min-worker-port": "16000"}, BOTH),
    ({"metrics-export-port": "15500"}, BOTH),
    ({"object-manager-port": "6380", "node-manager-port": "9090"}, BOTH),
    ({"max-worker-port": "12000"}, BOTH),
    ({"node-manager-port": "6379"}, WORKER),
    ({"object-manager-port": "8265"}, HEAD),
    ({"object-manager-port": "0", "node-manager-port": "0"}, BOTH),
    ({"ray-client-server-port": "9001", "object-manager-port": "10001"}, HEAD),
    ({"dashboard-agent-listen-port": "9002", "metrics-export-port": "52365"}, BOTH),
    ({"worker-port-list": "30000,30001", "metrics-export-port": "10500"}, BOTH),
]


@pytest.mark.parametrize(("params", "heads", "key", "said"), REFUSED)
def test_ports_that_ray_refuses_are_refused_with_their_place(
    params: dict[str, str], heads: tuple[bool, ...], key: str, said: str
) -> None:
    for head in heads:
        found = dict(faults(params, head=head))
        assert said in found.get(key, ""), found


@pytest.mark.parametrize(("params", "heads"), ACCEPTED)
def test_ports_that_ray_takes_are_accepted(params: dict[str, str], heads: tuple[bool, ...]) -> None:
    for head in heads:
        assert [*faults(params, head=head)] == []


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{"special": 0.5}', "whole amounts"),
        ('{"special": 1.0}', ""),
        ('{"node:__internal_head__": 1}', "Ray sets itself"),
        ('{"node:10.0.0.7": 1}', "Ray sets itself"),
        ('{"TPU": 1}', "Ray sets itself"),
        ('{"a,CPU": 1}', "letters, digits"),
        ('{"": 1}', "letters, digits"),
        ('{"accelerator_type:T4": 1}', ""),
        ('{"special": 1000000000001}', "whole amounts"),
    ],
)
def test_resources_are_those_that_ray_takes(written: str, said: str) -> None:
    found = dict(faults({"resources": written}, head=False)).get("resources", "")
    assert said in found if said else not found


def test_no_amount_is_beyond_what_ray_takes_of_a_resource() -> None:
    assert [*faults({"memory": str(10**14)}, head=False)] == []
    assert [*faults({"memory": str(10**14 + 1)}, head=False)]


@pytest.mark.parametrize("key", ["plasma-directory", "object-spilling-directory"])
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/proc", "may not write there"),
        ("/etc/ray", "may not write there"),
        ("/dev/null", "may not write there"),
        ("/dev/shm2", "may not write there"),
        ("/dev/shm", ""),
        ("/dev/shm/ray", ""),
        ("/tmp/spill", ""),
        ("/home/cdsw/spill", ""),
    ],
)
def test_folders_are_those_that_a_member_may_write(key: str, path: str, said: str) -> None:
    found = dict(faults({key: path}, head=False)).get(key, "")
    assert said in found if said else not found


def test_the_checks_of_a_spec_and_the_node_program_have_the_same_ports() -> None:
    assert (LOWEST_WORKER_PORT, HIGHEST_WORKER_PORT) == (
        fixed_ports.LOWEST_WORKER,
        fixed_ports.HIGHEST_WORKER,
    )
    settable = {row.option for row in fixed_ports.TABLE} - {fixed_ports.GCS}
    assert settable == set(PORTS)
