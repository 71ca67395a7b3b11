"""Manifests of KubeRay: recognised as such, with what to write instead."""

from collections.abc import Mapping

GROUP = "ray.io/"
MANIFEST = (
    "`apiVersion` must be raycml/v1, and this is a manifest of KubeRay; start from `raycml init`, "
    "whose fields have the same names, with `resources` instead of each `template`"
)
_SCALING = "raycml does not scale by load; set `replicas` of the group, and remove it"
_ADDRESS = "the head's application is the address of the dashboard; remove it"

# Fields of KubeRay's RayCluster that raycml has not, and what to write instead.
INSTEAD: Mapping[str, str] = {
    "autoscalerOptions": _SCALING,
    "enableInTreeAutoscaling": _SCALING,
    "enableIngress": _ADDRESS,
    "gcsFaultToleranceOptions": "raycml keeps no state of a head that ended; remove it",
    "headService": _ADDRESS,
    "headServiceAnnotations": _ADDRESS,
    "idleTimeoutSeconds": _SCALING,
    "managedBy": "raycml manages every cluster of its specs; remove it",
    "numOfHosts": "each replica is one application; set `replicas`, and remove it",
    "scaleStrategy": "raycml chooses which workers leave; remove it",
    "serviceType": _ADDRESS,
    "template": "write `resources: {cpu: 4, memory: 16Gi}`, and `environment` and "
    "`runtimeIdentifier` where they differ from the cluster's",
}
