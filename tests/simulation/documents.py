"""Specs as a person writes them: plain documents, and what people change in them.

The simulation hands the controller what the production parser makes of a document, and the oracle
the document itself.
"""

import copy
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any  # a document is what YAML gives; only the product's parser gives it types

from controller.core.spec.revision import Problem, Revision, SpecDocument
from controller.core.spec.spec import RayCluster
from tests.simulation.world import OTHER_RUNTIME
from tests.worlds import RUNTIME

Document = dict[str, Any]

# One way to change a document each: a dotted path and the values that it may take.
EDITS: dict[str, tuple[object, ...]] = {
    "workerGroupSpecs.0.replicas": (0, 1, 2, 3),
    "workerGroupSpecs.0.resources.cpu": (1, 2, 2.5),
    "workerGroupSpecs.0.resources.memory": ("4Gi", "6Gi", 5),
    "workerGroupSpecs.0.resources.gpu": (0, 1),
    "workerGroupSpecs.0.rayStartParams": ({}, {"num-cpus": "1"}),
    "workerGroupSpecs.0.environment": ({}, {"OMP_NUM_THREADS": "1"}, {"B": "b"}),
    "workerGroupSpecs.0.runtimeIdentifier": (None, OTHER_RUNTIME),
    "workerGroupSpecs.0.suspend": (False, True),
    "headGroupSpec.resources.cpu": (1, 2),
    "headGroupSpec.environment": ({}, {"A": "a"}),
    "environment": ({}, {"OMP_NUM_THREADS": "2"}),
    "rayVersion": ("2.60.0", "2.59.0"),
    "suspend": (False, True),
    "paused": (False, True),
    "protect": (False, True),
    "upgradeStrategy.type": ("RollingUpdate", "Recreate", "None"),
    "upgradeStrategy.maxUnavailable": (1, 2),
}


def document(name: str = "a", replicas: int = 1) -> Document:
    """A small cluster: a head and one group."""
    return {
        "apiVersion": "raycml/v1",
        "kind": "RayCluster",
        "metadata": {"name": name},
        "spec": {
            "rayVersion": "2.60.0",
            "runtimeIdentifier": RUNTIME,
            "environment": {"OMP_NUM_THREADS": "2"},
            "upgradeStrategy": {"type": "RollingUpdate", "maxUnavailable": 1},
            "headGroupSpec": {"resources": {"cpu": 1, "memory": "4Gi"}},
            "workerGroupSpecs": [
                {"groupName": "w", "replicas": replicas, "resources": {"cpu": 1, "memory": "4Gi"}}
            ],
        },
    }


def edited(doc: Document, path: str, value: object) -> Document:
    """The document with one place changed; the rest is shared with nobody."""
    new = copy.deepcopy(doc)
    *parents, last = path.split(".")
    at: Any = new["spec"]
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
    at[last] = value
    return sound(new, path)


def sound(doc: Document, path: str) -> Document:
    """Suspended and protected exclude each other: the later edit wins."""
    spec = doc["spec"]
    if spec.get("suspend") and spec.get("protect"):
        spec["protect" if path == "suspend" else "suspend"] = False
    return doc


def with_second_group(doc: Document) -> Document:
    """The group `x` comes, or goes."""
    new = copy.deepcopy(doc)
    groups = new["spec"]["workerGroupSpecs"]
    if len(groups) > 1:
        del groups[1]
    else:
        resources = {"cpu": 1, "memory": "4Gi"}
        groups.append({"groupName": "x", "replicas": 1, "resources": resources})
    return new


def text_of(doc: Document) -> bytes:
    """The file that holds a document; JSON is YAML."""
    return (json.dumps(doc, indent=1) + "\n").encode()


@lru_cache(maxsize=4096)
def _cluster(text: str) -> RayCluster:
    return RayCluster.model_validate_json(text)


def cluster_of(doc: Document) -> RayCluster:
    return _cluster(json.dumps(doc))


def revision_of(docs: Mapping[str, Document], broken: frozenset[str] = frozenset()) -> Revision:
    """What the source gives: documents that can be read, and a problem for each that cannot."""
    holders = tuple(
        SpecDocument(cluster_of(doc), f"specs/{name}.yaml", 1)
        for name, doc in sorted(docs.items())
        if name not in broken
    )
    problems = tuple(Problem(f"specs/{n}.yaml", 3, 1, "it is broken") for n in sorted(broken))
    return Revision(holders, problems, None, "specs")
