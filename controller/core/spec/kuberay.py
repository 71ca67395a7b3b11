"""Manifests of KubeRay: recognised as such, with what to write instead."""

from collections.abc import Mapping

GROUP = "ray.io/"
MANIFEST = (
    "`apiVersion` must be raycml/v1, and this is a manifest of KubeRay; convert it with "
    "`raycml convert FILE`, and keep the manifest outside the specs or list it in .raycmlignore"
)
_SCALING = "raycml does not scale by load; set `replicas` of the group"
REDIS = (
    "CML has no Redis; with Ray 2.60 or later write "
    "`gcsFaultToleranceOptions: {backend: rocksdb}`, which keeps the state of the head in files of "
    "the project"
)
STORAGE = "the state of the head is in files of the project, which are removed with the cluster"
_ADDRESS = "the head's application is the address of the dashboard"

# Fields of KubeRay's RayCluster that raycml has not, and what to use instead.
INSTEAD: Mapping[str, str] = {
    "autoscalerOptions": _SCALING,
    "enableInTreeAutoscaling": _SCALING,
    "enableIngress": _ADDRESS,
    "externalStorageNamespace": STORAGE,
    "headService": _ADDRESS,
    "headServiceAnnotations": _ADDRESS,
    "historyServerOptions": "each application has its log in CML, and `raycml events` lists what "
    "happened",
    "idleTimeoutSeconds": _SCALING,
    "ingressOptions": _ADDRESS,
    "managedBy": "raycml manages every cluster of its specs",
    "networkPolicy": "network policies of the workspace are its administrator's",
    "numOfHosts": "each replica is one application; set `replicas`",
    "priority": _SCALING,
    "redisAddress": REDIS,
    "redisPassword": REDIS,
    "redisUsername": REDIS,
    "scaleStrategy": "its pods have other names here; list workers as `raycml status` shows them, "
    "such as `gpu/2`",
    "serviceType": _ADDRESS,
    "template": "a node is an application: write `resources: {cpu: 4, memory: 16Gi}`, and "
    "`environment` and `runtimeIdentifier` where they differ from the cluster's",
    "tlsOptions": "raycml sets up no TLS between members; CML encrypts the way to the head's "
    "application",
}
