"""The pod template of a group: what of it an application of CML can have."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from controller.convert import answers
from controller.convert.amounts import PodAmounts, amounts_of
from controller.convert.environment import literal_variables
from controller.convert.field import ManifestField
from controller.convert.notes import Notes
from controller.core.spec.placement.fields import check_selector

_SILENT_CONTAINER = {"name", "image", "env", "resources", "volumeMounts"}
_SILENT_POD = {"containers", "initContainers", "nodeSelector", "volumes"}
_TERMINATION = {"terminationMessagePath", "terminationMessagePolicy"}  # defaults of a live object


@dataclass(frozen=True, slots=True)
class Pod:
    """The convertible parts of a pod template; `image` is the field, None where it is absent.

    `selector` is one label of a node, or empty.
    """

    amounts: PodAmounts
    environment: dict[str, str]
    image: ManifestField | None
    selector: dict[str, str] = field(default_factory=dict)


def pod_of(template: ManifestField | None, notes: Notes) -> Pod:
    """Reads a template; a note for everything else in it."""
    spec = None if template is None else template.get("spec")
    containers = [*_items(spec, "containers")]
    if template is not None:
        _note_template(template, notes)
    if spec is not None:
        _note_pod(spec, notes)
        _note_volumes(spec, [*containers, *_items(spec, "initContainers")], notes)
    for other in containers[1:]:
        notes.dropped(other, f"{_named(other)}: {_SIDECAR}")
    for other in _items(spec, "initContainers"):
        notes.dropped(other, f"{_named(other)}: {_INIT}")
    if not containers:
        return Pod(PodAmounts(), {}, None)
    ray = containers[0]
    for name, each in ray.fields().items():
        if name not in _SILENT_CONTAINER | _TERMINATION:
            notes.dropped(each, answers.CONTAINER.get(name, answers.ELSE))
    return Pod(
        amounts_of(ray.get("resources"), notes),
        literal_variables(ray.get("env"), notes),
        ray.get("image"),
        _selector(spec, notes),
    )


_SIDECAR = "an application runs one program; run this one as an application of CML of its own"
_INIT = (
    "do this once in the project (in a session, or by a job of CML), or list packages in "
    "`pythonEnvironment`"
)


def _items(spec: ManifestField | None, name: str) -> Iterator[ManifestField]:
    listed = None if spec is None else spec.get(name)
    return iter(()) if listed is None else listed.items()


def _named(container: ManifestField) -> str:
    name = container.get("name")
    return f"container {name.text[:60]}" if name is not None and name.text else "container"


def _note_template(template: ManifestField, notes: Notes) -> None:
    for name, each in template.fields().items():
        if name == "metadata":
            for inner, below in each.fields().items():
                if inner != "creationTimestamp":
                    notes.dropped(below, "applications of CML have neither labels nor annotations")
        elif name != "spec":
            notes.dropped(each, answers.ELSE)


def _note_pod(spec: ManifestField, notes: Notes) -> None:
    for name, each in spec.fields().items():
        if name not in _SILENT_POD:
            notes.dropped(each, answers.POD.get(name, answers.ELSE))


def _selector(spec: ManifestField | None, notes: Notes) -> dict[str, str]:
    at = None if spec is None else spec.get("nodeSelector")
    labels = {} if at is None else {name: each.text for name, each in at.fields().items()}
    if at is None or not labels:
        return {}
    try:
        check_selector(labels)
    except ValueError:
        notes.dropped(at, answers.SELECTOR)
        return {}
    notes.decide(at, "kept; nodes of the CML workspace need this label: check it, or remove it")
    return labels


def _note_volumes(spec: ManifestField, containers: list[ManifestField], notes: Notes) -> None:
    """One note for each volume, with its mounts, and for each mount of an unknown volume."""
    mounts: dict[str, list[ManifestField]] = {}
    for container in containers:
        for mount in _items(container, "volumeMounts"):
            name = mount.get("name")
            mounts.setdefault("" if name is None else name.text, []).append(mount)
    for volume in _items(spec, "volumes"):
        name = volume.get("name")
        uses = mounts.pop("" if name is None else name.text, [])
        paths = [path.text for use in uses if (path := use.get("mountPath")) is not None]
        at = f" at {', '.join(dict.fromkeys(paths))[:200]}" if paths else ""
        kind = next((kind for kind in volume.fields() if kind != "name"), "emptyDir")
        instead = answers.VOLUMES.get(kind, answers.ELSE)
        if kind == "emptyDir" and ("/dev/shm" in paths or _is_memory(volume)):  # noqa: S108
            instead = answers.SHARED_MEMORY
        notes.dropped(volume, f"{kind}{at}: {instead}")
    for rest in mounts.values():
        for mount in rest:
            notes.dropped(mount, answers.ELSE)


def _is_memory(volume: ManifestField) -> bool:
    medium = volume.get("emptyDir", "medium")
    return medium is not None and medium.text == "Memory"
