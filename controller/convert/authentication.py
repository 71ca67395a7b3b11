"""`authOptions` of a manifest as those of a spec."""

from collections.abc import Iterator

from controller.convert.emit import SpecEntry
from controller.convert.manifest import ManifestCluster
from controller.convert.notes import Notes
from controller.core.spec.ray.auth import DISABLED, TOKEN
from controller.core.spec.ray.versions import token_fault, version_fault

_INSTEAD = {
    "secretName": "raycml creates the token of each cluster, as a file of the project",
    "enableK8sTokenAuth": "applications of CML have no tokens of Kubernetes; clients show the "
    "cluster's own",
}


def authentication(found: ManifestCluster, ray_version: str, notes: Notes) -> Iterator[SpecEntry]:
    """The mode, where the manifest names one that its Ray has; a note for each other field."""
    options = found.spec.get("authOptions")
    fields = {} if options is None else options.fields()
    for name, each in fields.items():
        if name != "mode" and each.text != "false":
            notes.dropped(each, _INSTEAD.get(name, "raycml has the modes token and disabled"))
    mode = fields.get("mode")
    if mode is None:
        return
    if mode.text not in (TOKEN, DISABLED):
        notes.dropped(mode, "raycml has the modes token and disabled")
    elif mode.text == TOKEN and not version_fault(ray_version) and token_fault(ray_version):
        notes.dropped(mode, f"{token_fault(ray_version)}")
    else:
        yield SpecEntry("authOptions", {"mode": mode.text})
