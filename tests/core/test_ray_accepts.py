"""Whatever passes validation starts: Ray's own checks take what the node program makes of it."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controller.core.model.configuration import configuration, launcher_settings
from controller.core.model.desired import desire
from controller.core.model.policy import Policy
from controller.core.spec.ray.labels import label_faults
from controller.core.spec.ray.start_params import ALLOWED, faults
from controller.core.spec.ray.start_ports import PORTS
from controller.core.spec.ray.variables import NAMES, reason
from controller.core.spec.revision import Problem, assemble
from controller.core.spec.variables import variable_faults
from controller.node.pod import Pod, Settings, read_pod, read_settings
from controller.node.ports import FALLBACK
from controller.node.project_files import MemberFiles
from controller.node.ray import command, fixed_ports, tokens
from controller.source.yaml.parser import parse
from tests.ray_checks import refusal

IMAGE = "registry.example.com/ml/runtime:1"
TRIES = 200
# Ports that are Ray's own somewhere, the ends of its ranges, and what lies beside them.
NOTABLE = (0, 1023, 1024, 6379, 6380, 8100, 8265, 9000, 10001, 10002, 15000, 19999, 20000, 30000,
           30001, 52365, 65535, 65536)  # fmt: skip
RESOURCES = ("a", "b", "TPU", "NPU", "neuron_cores", "CPU", "memory", "", "a,b", "a=b", "a b", "ä",
             "node:__internal_head__", "node:10.0.0.7", "accelerator_type:T4")  # fmt: skip
AMOUNTS = (-1, 0, 1, 3, 0.5, 1.0, 1e12, 1e13, 10**14, True)
KEYS = ("tier", "Tier", "a.b-c_d", "example.com/tier", "A.b/x", "x" * 63, "d." * 126 + "e/k", "1",
        "raycml.cluster", "raycml.io/x", "ray.io/market-type", "ray.io", "-a", "a b", "a,b", "a=b",
        "a/b/c", "/a", "x" * 64, "a..b/c", "\u00e4")  # fmt: skip
LABELS = ("", "spot", "v1.2", "x" * 63, "x" * 64, "a=b", "a,b", "in(a)", "-a", "a\n", "A_b-c.D")
Make = Callable[[random.Random], str]


def one_of(*values: str) -> Make:
    return lambda chance: chance.choice(values)


def port(chance: random.Random) -> str:
    return str(chance.choice([*NOTABLE, chance.randint(20000, 40000)]))


def ports(chance: random.Random) -> str:
    return ",".join(port(chance) for _ in range(chance.randint(1, 4)))


def resources(chance: random.Random) -> str:
    names = chance.sample(RESOURCES, chance.randint(0, 2))
    return json.dumps({name: chance.choice(AMOUNTS) for name in names})


VALUES: dict[str, Make] = {
    **dict.fromkeys((*PORTS, "min-worker-port", "max-worker-port"), port),
    "include-log-monitor": one_of("true", "false", "1"),
    "memory": one_of("0", "1", str(2**30), "1.5", str(10**14), str(2**50), str(2**63)),
    "num-cpus": one_of("0", "1", "0.5", "-1", "4", "100000", "1000000"),
    "num-gpus": one_of("0", "1", "0.5", "8"),
    "object-spilling-directory": one_of("/tmp", "tmp", "/a b", "/a/../b"),
    "object-store-memory": one_of("0", str(75 * 2**20), str(2**30), str(20 * 2**30)),
    "plasma-directory": one_of("/dev/shm", "/tmp", "x"),
    "resources": resources,
    "worker-port-list": ports,
}
VARIABLES = (*NAMES, "RAY_OVERRIDE_LABELS", "RAY_OVERRIDE_RESOURCES", "RAY_REDIS_ADDRESS", "MINE",
             "RAY_enable_cluster_auth", "OMP_NUM_THREADS", "RAY_num_workers_soft_limit",
             "CUDA_VISIBLE_DEVICES")  # fmt: skip
WORDS = ("", "1", "0", "word", '{"CPU": 0}', '{"raycml.fingerprint": "v1.dead"}')


def group(chance: random.Random, *, head: bool) -> dict[str, Any]:
    """Parameters and variables of which each alone passes; together they need not."""
    written = {
        key: VALUES[key](chance)
        for key in chance.sample(sorted(VALUES), chance.choice([0, 1, 1, 2, 2, 3, 5]))
    }
    variables = {name: chance.choice(WORDS) for name in chance.sample(VARIABLES, 3)}
    labels = {key: chance.choice(LABELS) for key in chance.sample(KEYS, chance.randint(0, 4))}
    return {
        "labels": {
            key: value for key, value in labels.items() if not [*label_faults({key: value})]
        },
        "resources": {
            "cpu": chance.choice([0.1, 0.5, 1, 1.5, 2.9, 64]),
            "memory": chance.choice(["1536Mi", "2Gi", "40Gi", "1Ti"]),
        },
        "rayStartParams": {
            key: value for key, value in written.items() if not [*faults({key: value}, head=head)]
        },
        "environment": {
            name: value
            for name, value in variables.items()
            if reason(name) is None and not [*variable_faults({name: value})]
        },
    }


def test_every_parameter_is_tried() -> None:
    assert set(VALUES) == set(ALLOWED)


def document(group: dict[str, Any], *, head: bool) -> dict[str, Any]:
    plain = {"resources": {"cpu": 1, "memory": "2Gi"}}
    return {
        "apiVersion": "raycml/v1",
        "kind": "RayCluster",
        "metadata": {"name": "demo"},
        "spec": {
            "rayVersion": "2.60.0",
            "runtimeIdentifier": IMAGE,
            "headGroupSpec": group if head else plain,
            "workerGroupSpecs": [{"groupName": "cpu", **(plain if head else group)}],
        },
    }


def start_of(
    written: dict[str, Any], *, head: bool, page: int = 8100
) -> tuple[list[str], dict[str, str]] | tuple[Problem, ...]:
    """The arguments and variables with which the node program of a valid spec starts Ray."""
    specs, problems = parse("x.yaml", json.dumps(written).encode())
    if problems:
        return problems
    revision = assemble(specs, (), origin="x", commit=None)
    wanted = desire(revision, {None: "p"}, {}).clusters[0].groups[0 if head else 1]
    chosen = configuration(wanted, wanted.member(0), Policy("owner", "edition"))
    made = read_settings(json.loads(launcher_settings(wanted, "edition")))
    pod = {"CDSW_ENGINE_ID": "e", "CDSW_IP_ADDRESS": "10.0.0.7", "CDSW_APP_PORT": str(page)}
    place = read_pod(made, {**chosen.environment, **pod}, Path("/home/cdsw"))
    size = command.sizes(made, 64 * 2**20)
    mode = tokens.mode_of_head(made, chosen.environment)
    auth = tokens.variables(mode, MemberFiles(place.home, made.cluster), made.ray_version)
    environ = command.environment(
        {**chosen.environment, **pod}, made, place, "m", "/x/python", auth
    )
    free, address = claimed(made, place), "" if head else "10.0.0.1:6379"
    return command.start_arguments(made, place, "/tmp/ray", size, free, address), environ


def claimed(made: Settings, place: Pod) -> dict[str, int]:
    """The ports that a node program claims in a pod where nothing else listens."""
    taken = set(command.avoided_ports(made, place))
    others = (port for port in (*FALLBACK, *range(1024, 65536)) if port not in taken)
    ports = {}
    for row in fixed_ports.wanted(head=made.is_head, params=made.ray_start_params):
        ports[row.option] = next(others) if row.port in taken else row.port
    return ports


@pytest.mark.parametrize("head", [True, False], ids=["head", "worker"])
def test_ray_takes_every_spec_that_passes_validation(*, head: bool) -> None:
    chance = random.Random(20260 + head)
    passed = 0
    for _ in range(TRIES):
        written = document(group(chance, head=head), head=head)
        found = start_of(written, head=head, page=chance.choice([8100, 8090, 10500, 25000]))
        if isinstance(found[0], Problem):
            continue
        arguments, environ = found
        assert refusal(arguments, environ, head=head) == "", written
        passed += 1
    assert passed > TRIES // 4


def test_ray_takes_every_label_that_passes_in_both_of_its_forms() -> None:
    from ray._private.label_utils import parse_node_labels_json, parse_node_labels_string

    accepted = {
        (key, value) for key in KEYS for value in LABELS if not [*label_faults({key: value})]
    }
    assert len({key for key, _ in accepted}) == 9
    assert len({value for _, value in accepted}) == 5
    for key, value in accepted:
        written = document({"resources": RESOURCES_OF_ONE, "labels": {key: value}}, head=False)
        new = arguments_of(written, "2.60.0")["labels"]
        old = arguments_of(written, "2.44.1")["labels"]
        for labels in (parse_node_labels_string(new), parse_node_labels_json(old)):
            assert labels[key] == value
            assert labels["raycml.group"] == "cpu", "merged with raycml's own"


RESOURCES_OF_ONE = {"cpu": 1, "memory": "2Gi"}


def arguments_of(written: dict[str, Any], version: str) -> dict[str, str]:
    written["spec"]["rayVersion"] = version
    arguments, _ = start_of(written, head=False)
    assert not isinstance(arguments, Problem), arguments
    return dict(word[2:].split("=", 1) for word in arguments if "=" in word)
