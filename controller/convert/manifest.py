"""Clusters in a manifest: RayCluster, and the one inside RayJob, RayService and RayCronJob."""

from collections.abc import Iterator
from dataclasses import dataclass

from controller.convert import answers
from controller.convert.field import ManifestField
from controller.convert.notes import Notes
from controller.core.spec.kuberay import GROUP

_SPECS = {
    "RayCluster": ("spec",),
    "RayJob": ("spec", "rayClusterSpec"),
    "RayService": ("spec", "rayClusterConfig"),
    "RayCronJob": ("spec", "jobTemplate", "rayClusterSpec"),
}
_REST = {
    "RayJob": "the cluster is converted and stays; submit the entrypoint with `ray job submit` "
    "(the line `jobs` of `raycml status NAME`), and runtimeEnvYAML as its --runtime-env",
    "RayService": "the cluster is converted; deploy serveConfigV2 with `serve deploy FILE "
    "--address URL`, at the address of the dashboard",
    "RayCronJob": "the cluster is converted and stays; submit the entrypoint with `ray job submit` "
    "from a scheduled job of CML",
}
# Fields that a server writes into an object; `metadata` of an object that was created.
_SERVER = {
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "finalizers",
    "generateName", "generation", "managedFields", "name", "ownerReferences", "resourceVersion",
    "selfLink", "uid",
}  # fmt: skip
_METADATA = {
    "annotations": "raycml has no annotations; what KubeRay's own ones ask for is not done",
    "labels": "raycml has no labels of clusters",
    "namespace": "a cluster belongs to a CML project; set `spec.project`, or leave it to the "
    "connection",
}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, slots=True)
class ManifestCluster:
    """One RayClusterSpec of a manifest; `top` is its document."""

    kind: str
    name: str
    top: ManifestField
    spec: ManifestField


def clusters_of(top: ManifestField, notes: Notes) -> Iterator[ManifestCluster]:
    """The clusters of a document, which may be a list; a note for each other object."""
    kind, version = (_text(top, name) for name in ("kind", "apiVersion"))
    items = top.get("items")
    if kind.endswith("List") and items is not None:
        for item in items.items():
            yield from clusters_of(item, notes)
    elif version.startswith(GROUP) and kind in _SPECS:
        spec = top.get(*_SPECS[kind])
        if spec is None:
            wanted = ".".join(_SPECS[kind])
            notes.dropped(top, f"{kind} {_name(top)}: it has no `{wanted}`, so there is no cluster")
        else:
            _note_rest(kind, top, notes)
            yield ManifestCluster(kind, _name(top), top, spec)
    else:
        is_spec = version.startswith("raycml/")
        instead = answers.ALREADY if is_spec else answers.DOCUMENTS.get(kind, answers.ELSEWHERE)
        notes.dropped(
            top, f"{kind[:60] or 'a document'} {_name(top)[:60]}".strip() + f": {instead}"
        )


def _text(top: ManifestField, *steps: str) -> str:
    found = top.get(*steps)
    return "" if found is None else found.text


def _name(top: ManifestField) -> str:
    return _text(top, "metadata", "name") or _text(top, "metadata", "generateName").rstrip("-.")


def _note_rest(kind: str, top: ManifestField, notes: Notes) -> None:
    """One note for what surrounds the cluster, and one for each field of `metadata`."""
    metadata = top.get("metadata")
    for name, each in ({} if metadata is None else metadata.fields()).items():
        written = each.fields().keys() - {_LAST_APPLIED}
        if name not in _SERVER and (written or name != "annotations"):
            notes.dropped(each, _METADATA.get(name, answers.ELSE))
    if kind in _REST:
        spec = top.get("spec")
        others = [] if spec is None else [n for n in spec.fields() if n != _SPECS[kind][1]]
        listed = f" ({', '.join(others)[:300]})" if others else ""
        notes.dropped(top, f"{kind}{listed}: {_REST[kind]}")
    for name, each in top.fields().items():
        if name not in ("apiVersion", "kind", "metadata", "spec", "status"):
            notes.dropped(each, answers.ELSE)
