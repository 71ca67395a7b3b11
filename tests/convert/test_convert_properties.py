"""Generated manifests: what comes out is valid, complete, and the same for every reader of YAML."""

from collections.abc import Callable
from typing import Any

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from controller.convert.cluster import ConvertOptions
from controller.convert.convert import Conversion, ConversionError, convert
from controller.convert.environment import is_secret
from controller.convert.notes import NoteKind
from controller.core.spec.spec import RayCluster
from controller.core.spec.variables import check_variable_name, variable_faults
from controller.source.yaml.parser import parse

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,50}[a-z0-9])?", fullmatch=True)
GROUPS = st.from_regex(r"[a-zA-Z]([-_a-zA-Z0-9]{0,40}[a-z0-9])?", fullmatch=True)
CPU = st.sampled_from(["1", "500m", "50m", 2, 0.25, "16", "1e1", "3.2"])
MEMORY = st.sampled_from(["1Gi", "512Mi", "2G", "40G", 4294967296, "1500M", "2e9", "0.5Gi", "7Ti"])
GPU = st.sampled_from([0, 1, "4"])
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=20
) | st.sampled_from(
    ["on", "0777", "1_0", "null", "a: b", "# x", "##[group]", "::error", "\u2028", "~"]
)
PARAMS = st.dictionaries(
    st.sampled_from(
        ["num-cpus", "num_gpus", "block", "dashboard-host", "resources", "object-store-memory",
         "labels", "temp-dir", "min-worker-port", "max-worker-port", "no-such", "memory", "--port"]
    ),
    st.sampled_from(["0", "1", "true", "20000", "9000", "100000000", "99999999999", "x", ""])
    | st.sampled_from(['"{\\"A\\": 1}"', "{\"A\": 1.5}", "'{\"GPU\": 1, \"b\": 2}'", "[]", '"']),
    max_size=5,
)  # fmt: skip
IMAGES = st.sampled_from(
    ["rayproject/ray:2.55.0", "rayproject/ray:2.54.0-py310-gpu", "ray", "$IMAGE", "a/b@sha256:00"]
)
VARIABLES = st.lists(
    st.builds(
        dict,
        name=st.sampled_from(
            ["A", "B_C", "RAY_TMPDIR", "CDSW_X", "1X", "API_KEY", "PYTHONHASHSEED"]
        )
        | st.text("ABC_", min_size=1, max_size=6),
        value=TEXTS,
    ),
    max_size=5,
)


@st.composite
def templates(draw: st.DrawFn) -> dict[str, Any]:
    def amounts() -> dict[str, Any]:
        written = {"cpu": draw(CPU), "memory": draw(MEMORY), "nvidia.com/gpu": draw(GPU)}
        return {name: written[name] for name in draw(st.sets(st.sampled_from(sorted(written))))}

    container = {
        "name": "ray",
        "image": draw(IMAGES),
        "env": draw(VARIABLES),
        "resources": {"limits": amounts(), "requests": amounts()},
    }
    sidecars = [{"name": "s", "image": "x"}] * draw(st.integers(0, 1))
    return {"spec": {"containers": [container, *map(dict, sidecars)]}}


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    groups = [
        {
            "groupName": name,
            "replicas": draw(st.integers(0, 12)),
            "minReplicas": draw(st.integers(0, 4)),
            "maxReplicas": draw(st.sampled_from([1, 5, 20, 2147483647])),
            "rayStartParams": draw(PARAMS),
            "template": draw(templates()),
            **draw(
                st.sampled_from(
                    [
                        *[{}, {"numOfHosts": 2}, {"suspend": True}, {"resources": {"CPU": "3"}}],
                        {"labels": {"tier": "spot", "ray.io/x": "y", "": "z"}},
                        {"labels": {str(key): "on" for key in range(60)}},
                    ]
                )
            ),
        }
        for name in draw(st.lists(GROUPS, unique=True, max_size=3))
    ]
    version = draw(st.sampled_from([{}, {"rayVersion": "2.55.0"}, {"rayVersion": "nightly"}]))
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayCluster",
        "metadata": {"name": draw(NAMES)},
        "spec": {
            **version,
            **draw(st.sampled_from([{}, {"suspend": True}, {"enableInTreeAutoscaling": True}])),
            "headGroupSpec": {"rayStartParams": draw(PARAMS), "template": draw(templates())},
            "workerGroupSpecs": groups,
        },
    }


def written(manifest: object) -> bytes:
    """The manifest as YAML, without anchors."""
    dumper: Any = yaml.SafeDumper
    without = type("Plain", (dumper,), {"ignore_aliases": lambda *_: True})
    return yaml.dump(manifest, Dumper=without, allow_unicode=True).encode()


def tried(manifest: object) -> Conversion:
    """The conversion; the example does not count where a size is beyond what CML has."""
    try:
        return convert("m.yaml", written(manifest), ConvertOptions())
    except ConversionError as error:
        assume("too much for one node" not in str(error))
        raise


@given(manifests())
def test_what_is_converted_is_valid_and_every_reader_agrees_about_it(manifest: Any) -> None:
    conversion = tried(manifest)
    (document,), problems = parse("s.yaml", conversion.text.encode())
    assert problems == ()
    other = RayCluster.model_validate(yaml.safe_load(conversion.text), by_alias=True, by_name=False)
    assert other == document.cluster
    assert tried(manifest) == conversion
    groups = manifest["spec"]["workerGroupSpecs"]
    assert len(document.cluster.spec.worker_group_specs) == len(groups)


@given(manifests())
def test_a_variable_is_copied_to_the_letter_or_said(manifest: Any) -> None:
    conversion = tried(manifest)
    (document,), _ = parse("s.yaml", conversion.text.encode())
    spec = manifest["spec"]
    pods = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    made = [document.cluster.spec.head_group_spec, *document.cluster.spec.worker_group_specs]
    for group, result in zip(pods, made, strict=True):
        listed = group["template"]["spec"]["containers"][0]["env"]
        last = {each["name"]: each["value"] for each in listed}
        kept = {name: value for name, value in last.items() if may_be_copied(name, value)}
        assert result.environment == kept
    dropped = {
        n.field for n in conversion.notes if n.kind is NoteKind.DROPPED and ".env[" in n.field
    }
    for path, group in zip(["head", "worker"], pods[:2], strict=False):
        for place, each in enumerate(group["template"]["spec"]["containers"][0]["env"]):
            said = any(d.endswith(f".env[{place}]") and path in d for d in dropped)
            assert said or may_be_copied(each["name"], each["value"])


def may_be_copied(name: str, value: str) -> bool:
    try:
        check_variable_name(name)
    except ValueError:
        return False
    return not is_secret(name, value) and not [*variable_faults({name: value})]


PLACES: dict[str, Callable[[Any], Any]] = {
    "metadata": lambda m: m["metadata"],
    "spec": lambda m: m["spec"],
    "head": lambda m: m["spec"]["headGroupSpec"],
    "params": lambda m: m["spec"]["headGroupSpec"]["rayStartParams"],
    "template": lambda m: m["spec"]["headGroupSpec"]["template"],
    "pod": lambda m: m["spec"]["headGroupSpec"]["template"]["spec"],
    "container": lambda m: m["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0],
    "top": lambda m: m,
}


@given(manifests(), st.sampled_from(sorted(PLACES)), st.sampled_from(["x", {"a": 1}, ["b"]]))
def test_no_field_is_lost_in_silence(manifest: Any, place: str, value: object) -> None:
    PLACES[place](manifest)["strangeField"] = value
    notes = tried(manifest).notes
    assert [note for note in notes if note.field.rpartition(".")[2] == "strangeField"]


KEYS = st.sampled_from(
    [
        "spec",
        "containers",
        "resources",
        "limits",
        "env",
        "name",
        "image",
        "cpu",
        "volumes",
        "valueFrom",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(KEYS, deeper, max_size=3),
    max_leaves=12,
)


@given(ANYTHING, st.sampled_from(sorted(PLACES)), manifests())
def test_a_manifest_of_any_shape_is_converted_or_refused(
    value: object, place: str, manifest: Any
) -> None:
    target = PLACES[place](manifest)
    for key in [*target]:
        target[key] = value
    manifest |= {"apiVersion": "ray.io/v1", "kind": "RayCluster"}
    reasons, text = answered(written(manifest))
    assert all(reason.isprintable() for reason in reasons)
    assert reasons or parse("s.yaml", text.encode())[1] == ()


def answered(data: bytes) -> tuple[tuple[str, ...], str]:
    """The reasons of a refusal, or the specs."""
    try:
        return (), convert("m.yaml", data, ConvertOptions()).text
    except ConversionError as error:
        return error.reasons, ""
