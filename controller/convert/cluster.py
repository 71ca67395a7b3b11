"""One cluster of a manifest as a spec."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from controller.convert import answers, images
from controller.convert.authentication import authentication
from controller.convert.emit import Raw, SpecEntry
from controller.convert.field import ManifestField
from controller.convert.group import ManifestGroup, group_entries, group_of
from controller.convert.manifest import ManifestCluster
from controller.convert.names import accepted_names
from controller.convert.notes import Notes
from controller.core.spec.kuberay import INSTEAD, REDIS, STORAGE
from controller.core.spec.names import GROUP_LENGTH
from controller.core.spec.ray.versions import memory_fault

DEFAULT_RAY = "2.60.0"
_MEMORY = "gcsFaultToleranceOptions"
_CONVERTED = {
    *("rayVersion", "suspend", "upgradeStrategy", "headGroupSpec", "workerGroupSpecs", _MEMORY),
    "authOptions",
}
_OFF = {"tlsOptions": ("enabled", "false")}
_STRATEGIES = ("Recreate", "None")


@dataclass(frozen=True, slots=True)
class ConvertOptions:
    """Choices that a manifest cannot make: a runtime of CML, and the version of Ray."""

    runtime: str = ""
    ray_version: str = ""


class NoHeadError(Exception):
    """A cluster has no head; the message has its place and a remedy."""


def cluster_entries(
    found: ManifestCluster, name: str, options: ConvertOptions, notes: Notes
) -> list[SpecEntry]:
    """The spec of a cluster under this name; a note for each field that it cannot have."""
    for field, each in found.spec.fields().items():
        if field not in _CONVERTED and not _is_off(found, field):
            notes.dropped(each, INSTEAD.get(field, answers.ELSE))
    head, workers = _groups(found, notes)
    python = _python([head, *workers], options)
    fields = [*_versions(found, [head, *workers], python, options, notes)]
    suspend = found.spec.get("suspend")
    if suspend is not None and suspend.is_true:
        fields.append(SpecEntry("suspend", value=True))
    fields += _strategy(found, notes)
    fields += _memory(found, _version_of(found, _images([head, *workers]), options), notes)
    groups = [_group(group, python, options, notes) for group in (head, *workers)]
    fields.append(SpecEntry("headGroupSpec", groups[0]))
    if workers:
        fields.append(SpecEntry("workerGroupSpecs", groups[1:]))
    return [
        SpecEntry("apiVersion", "raycml/v1"),
        SpecEntry("kind", "RayCluster"),
        SpecEntry("metadata", {"name": name}),
        SpecEntry("spec", fields),
    ]


def _is_off(found: ManifestCluster, field: str) -> bool:
    """True for an option that a manifest switches off, as it is with raycml."""
    each = found.spec.get(field)
    if each is None or each.text == "false":
        return True
    name, value = _OFF.get(field, ("", ""))
    inner = each.get(name) if name else None
    return inner is not None and inner.text == value


def _groups(found: ManifestCluster, notes: Notes) -> tuple[ManifestGroup, list[ManifestGroup]]:
    head = found.spec.get("headGroupSpec")
    if head is None:
        raise NoHeadError(
            f"{found.spec.line}:{found.spec.column}: {found.kind} {found.name[:60]} has no "
            "headGroupSpec; add it to the manifest"
        )
    listed = found.spec.get("workerGroupSpecs")
    groups = [] if listed is None else [*listed.items()]
    written = []
    for number, group in enumerate(groups):
        field = group.get("groupName")
        written.append(field.text if field is not None and field.text else f"group-{number}")
    names = accepted_names(written, GROUP_LENGTH)
    for group, name in zip(groups, written, strict=True):
        if names[name] != name:
            at = group.get("groupName") or group
            notes.changed(at, f"`{name[:100]}` becomes `{names[name]}`, as raycml names groups")
    scaling = found.spec.get("enableInTreeAutoscaling")
    scaled = scaling is not None and scaling.is_true
    workers = [
        group_of(group, notes, names[name], scaled=scaled)
        for group, name in zip(groups, written, strict=True)
    ]
    return group_of(head, notes), workers


def _group(
    group: ManifestGroup, python: str, options: ConvertOptions, notes: Notes
) -> list[SpecEntry]:
    """The group; one with GPUs has a runtime with CUDA, or a comment where the chosen has none."""
    comment, own = "", []
    if group.pod.amounts.gpu > 0 and not options.runtime:
        own = [SpecEntry("runtime", images.runtime_kind(python, cuda=True))]
    elif group.pod.amounts.gpu > 0 and not images.has_cuda(options.runtime):
        comment = (
            "DECIDE: nodes with GPUs need a runtime with CUDA; set `runtimeIdentifier` here if "
            "the cluster's has none."
        )
    return [*group_entries(group, notes, comment), *own]


def _python(groups: Sequence[ManifestGroup], options: ConvertOptions) -> str:
    """Python of the chosen runtime, or else of the first image that tells."""
    named = (images.python_of_tag(g.pod.image.text) for g in groups if g.pod.image is not None)
    told = (images.python_of_runtime(options.runtime), *named)
    return next(filter(None, told), images.DEFAULT_PYTHON)


def _versions(
    found: ManifestCluster,
    groups: Sequence[ManifestGroup],
    python: str,
    options: ConvertOptions,
    notes: Notes,
) -> Iterator[SpecEntry]:
    """Ray, runtime and Python.  An image is no runtime of CML, so its content is rebuilt."""
    distinct = _images(groups)
    ray, ray_comments = _ray(found, [*distinct], options, notes)
    for image, field in distinct.items():
        notes.changed(field, _image_message(image, ray, python))
    yield SpecEntry("rayVersion", Raw(f'"{ray}"'), ray_comments)
    yield from authentication(found, ray, notes)
    if options.runtime:
        yield SpecEntry("runtimeIdentifier", options.runtime)
    else:
        comment = "The newest of the workspace; `raycml doctor --runtimes` lists what there is."
        yield SpecEntry("runtime", images.runtime_kind(python), (comment,))
    extras = "default,serve" if found.kind == "RayService" else "default"
    comment = (
        "Add the packages that the image has besides Ray; or name an interpreter of your own "
        "instead, with `python: .venv/bin/python`."
    )
    environment = [
        SpecEntry("python", Raw(f'"{python}"')),
        SpecEntry("packages", Raw(f'["ray[{extras}]"]')),
    ]
    yield SpecEntry("pythonEnvironment", environment, (comment,))


def _images(groups: Sequence[ManifestGroup]) -> dict[str, ManifestField]:
    """The first field of each image."""
    fields = [group.pod.image for group in groups if group.pod.image is not None]
    return {field.text: field for field in reversed(fields)}


def _version_of(found: ManifestCluster, tags: Iterable[str], options: ConvertOptions) -> str:
    """The version of Ray by the options, the manifest or its images; empty if none tells it."""
    field = found.spec.get("rayVersion")
    written = "" if field is None else images.ray_version_in(field.text)
    of_images = next(filter(None, (images.ray_version_in(images.tag_of(t)) for t in tags)), "")
    return options.ray_version or written or of_images


def _ray(
    found: ManifestCluster, tags: Sequence[str], options: ConvertOptions, notes: Notes
) -> tuple[str, tuple[str, ...]]:
    """The version of Ray, and a comment where nothing tells it."""
    field, version = found.spec.get("rayVersion"), _version_of(found, tags, options)
    if field is not None and version != field.text:
        notes.changed(field, f"`{field.text[:40]}` becomes {version or DEFAULT_RAY}")
    if version:
        return version, ()
    notes.decide(
        found.spec,
        f"neither `rayVersion` nor an image tells the version of Ray; {DEFAULT_RAY} is a guess: "
        "--ray-version VERSION, or correct it in the spec",
    )
    return DEFAULT_RAY, ("DECIDE: the manifest does not tell the version of Ray.",)


def _memory(found: ManifestCluster, version: str, notes: Notes) -> Iterator[SpecEntry]:
    """Fault tolerance of the GCS, where the storage and the version of Ray allow it."""
    options = found.spec.get(_MEMORY)
    if options is None:
        return
    backend = options.get("backend")
    if backend is None or backend.text != "rocksdb":
        notes.dropped(options, REDIS)
        return
    for name, field in options.fields().items():
        if name != "backend":
            notes.dropped(field, STORAGE)
    fault = memory_fault(version or DEFAULT_RAY)
    if fault is not None:
        notes.dropped(options, fault)
        return
    yield SpecEntry(_MEMORY, {"backend": "rocksdb"})


def _image_message(image: str, ray: str, python: str) -> str:
    of_image = images.ray_version_in(images.tag_of(image))
    differs = f" (the image has {of_image})" if of_image not in ("", ray) else ""
    other = images.python_of_tag(image)
    patch = f"; the runtime has Python {python}, not {other}" if other not in ("", python) else ""
    return (
        f"image {image[:200]}: CML starts runtimes of its catalogue; `pythonEnvironment` installs "
        f"Ray {ray}{differs}, add the image's other packages there{patch}"
    )


def _strategy(found: ManifestCluster, notes: Notes) -> Iterator[SpecEntry]:
    field = found.spec.get("upgradeStrategy", "type")
    if field is not None and field.text in _STRATEGIES:
        yield SpecEntry("upgradeStrategy", {"type": field.text})
    elif field is not None:
        notes.dropped(field, "raycml has RollingUpdate (the default), Recreate and None")
