"""Conversion of KubeRay's manifests: the specs that come out, and what is said of the rest."""

import json
from copy import deepcopy
from fractions import Fraction

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from manifests import HETEROGENEOUS, JOB, MINIMAL, SERVICE, listed

from controller.convert.cluster import ConvertOptions
from controller.convert.convert import Conversion, ConversionError, convert
from controller.convert.names import accepted_names
from controller.convert.notes import NoteKind
from controller.convert.params import json_text
from controller.convert.quantities import cores_text, memory_mib, memory_text, quantity
from controller.core.spec.names import HEAD, is_name
from controller.core.spec.spec import RayCluster
from controller.source.yaml.parser import parse

RUNTIME = "registry.example.com/runtimes/ml-runtime-pbj-jupyterlab-python3.12-cuda:2026.04.1-b7"
WITHOUT_CLUSTER = """\
apiVersion: ray.io/v1
kind: RayJob
metadata: {name: j}
spec: {clusterSelector: {a: b}}
"""
SECRETS = ("literal-secret-1", "literal-secret-2", "literal-secret-3", "literal-secret-4")


def converted(text: str, **options: str) -> Conversion:
    return convert("kuberay.yaml", text.encode(), ConvertOptions(**options))


def clusters(conversion: Conversion) -> list[RayCluster]:
    """The specs of a conversion, by the reader of `raycml validate`."""
    documents, problems = parse("spec.yaml", conversion.text.encode())
    assert problems == ()
    return [document.cluster for document in documents]


def only(text: str, **options: str) -> RayCluster:
    (cluster,) = clusters(converted(text, **options))
    return cluster


def said(conversion: Conversion) -> dict[str, str]:
    """The messages by the path of their field below the RayClusterSpec."""
    messages: dict[str, str] = {}
    for note in conversion.notes:
        messages[note.field] = f"{messages.get(note.field, '')} {note.message}".strip()
    return messages


def edited(text: str, edit: str) -> str:
    """A manifest with `NAME: VALUE` put into it: cluster., head., pod. or container. in front."""
    where, _, rest = edit.partition(".")
    document = yaml.safe_load(text)
    head = document["spec"]["headGroupSpec"]
    pod = head["template"]["spec"]
    places = {
        "metadata": document["metadata"],
        "cluster": document["spec"],
        "head": head,
        "params": head["rayStartParams"],
        "template": head["template"],
        "pod": pod,
        "container": pod["containers"][0],
        "limits": pod["containers"][0]["resources"]["limits"],
    }
    places[where].update(yaml.safe_load(rest))
    return yaml.safe_dump(document)


# What comes out


def test_a_cluster_of_several_kinds_of_workers_becomes_a_spec() -> None:
    cluster = only(HETEROGENEOUS, runtime=RUNTIME)
    spec = cluster.spec
    assert cluster.name == "fraud-models-v2"
    assert (spec.ray_version, spec.runtime_identifier) == ("2.55.0", RUNTIME)
    assert spec.python_environment is not None
    assert spec.python_environment.python == "3.12"
    assert spec.upgrade_strategy.type == "Recreate"
    head = spec.head_group_spec
    assert (head.resources.cpu, head.resources.memory) == (3, 9537 / 1024)
    assert head.ray_start_params == {"num-cpus": "0", "object-store-memory": "200000000"}
    assert head.environment == {"OMP_NUM_THREADS": "2", "MODE": "on", "EMPTY": ""}
    cpu, gpu = spec.worker_group_specs
    assert (cpu.group_name, cpu.replicas, cpu.min_replicas, cpu.max_replicas) == ("cpu", 2, 1, 5)
    assert (cpu.resources.cpu, cpu.resources.memory) == (0.5, 0.75)
    assert cpu.ray_start_params == {"resources": '{"Custom1": 1}'}
    assert (cpu.node_selector, gpu.node_selector) == ({"pool": "general"}, {})
    assert gpu.group_name.startswith("accelerator-gro")
    assert (gpu.replicas, gpu.max_replicas, gpu.resources.gpu) == (0, None, 1)
    assert gpu.labels == {"tier": "spot"}
    assert gpu.ray_start_params == {
        "num-cpus": "7",
        "num-gpus": "1",
        "resources": '{"Custom2": 3}',
    }


@pytest.mark.parametrize(
    ("options", "version", "backend", "note"),
    [
        ("{backend: rocksdb}", "2.60.0", "rocksdb", ""),
        ("{backend: rocksdb}", "2.58.0", None, "raise rayVersion to 2.60 or later"),
        ("{backend: redis, redisAddress: 'redis:6379'}", "2.60.0", None, "CML has no Redis"),
        ("{redisAddress: 'redis:6379'}", "2.60.0", None, "CML has no Redis"),
    ],
)
def test_a_head_remembers_where_raycml_has_its_storage_and_ray_is_new_enough(
    options: str, version: str, backend: str | None, note: str
) -> None:
    text = edited(MINIMAL, f"cluster.{{gcsFaultToleranceOptions: {options}}}")
    conversion = converted(text, ray_version=version)
    (cluster,) = clusters(conversion)
    memory = cluster.spec.gcs_fault_tolerance_options
    assert (None if memory is None else memory.backend) == backend
    said_of_it = said(conversion).get("spec.gcsFaultToleranceOptions", "")
    assert note in said_of_it
    assert bool(note) is bool(said_of_it)


def test_the_storage_of_a_rocksdb_is_the_projects_files() -> None:
    storage = "{backend: rocksdb, storage: {size: 1Gi}}"
    text = edited(MINIMAL, f"cluster.{{gcsFaultToleranceOptions: {storage}}}")
    notes = said(converted(text, ray_version="2.60.0"))
    assert "files of the project" in notes["spec.gcsFaultToleranceOptions.storage"]


def test_each_field_that_cml_cannot_have_is_one_line_with_what_to_use_instead() -> None:
    notes = said(converted(HETEROGENEOUS, runtime=RUNTIME))
    head, pod = "spec.headGroupSpec", "spec.headGroupSpec.template.spec"
    ray, groups = f"{pod}.containers[0]", "spec.workerGroupSpecs"
    expected = {
        "metadata.name": "`fraud_Models.v2` becomes `fraud-models-v2`",
        "metadata.namespace": "set `spec.project`",
        "metadata.labels": "no labels of clusters",
        "metadata.annotations": "no annotations",
        "spec.enableInTreeAutoscaling": "set `replicas` of the group",
        "spec.autoscalerOptions": "set `replicas` of the group",
        "spec.authOptions.secretName": "raycml creates the token of each cluster",
        "spec.tlsOptions": "no TLS between members",
        "spec.managedBy": "raycml manages every cluster",
        "spec.gcsFaultToleranceOptions": "CML has no Redis; with Ray 2.60 or later write",
        f"{head}.serviceType": "the address of the dashboard",
        f"{head}.enableIngress": "the address of the dashboard",
        f"{head}.rayStartParams.dashboard-host": "the page of the head's application",
        f"{head}.rayStartParams.block": "raycml watches the node itself",
        f"{head}.template.metadata.labels": "neither labels nor annotations",
        f"{pod}.serviceAccountName": "the CML user",
        f"{pod}.priorityClassName": "no priorities",
        f"{ray}.image": "`pythonEnvironment` installs Ray 2.55.0",
        f"{ray}.imagePullPolicy": "catalogue",
        f"{ray}.command": "the launcher starts Ray",
        f"{ray}.args": "the launcher starts Ray",
        f"{ray}.ports": "raycml sets the ports",
        f"{ray}.resources.limits.memory": "10G: rounded up to 9537Mi",
        f"{ray}.resources.requests.cpu": "the limit 3 counts",
        f"{ray}.env[3]": "HF_TOKEN: its value is in Secret hugging-face, key token; set it as a",
        f"{ray}.env[4]": "AWS_SECRET_ACCESS_KEY: it looks like a secret",
        f"{ray}.env[5]": "DB_URL: it looks like a secret",
        f"{ray}.env[6]": "POD_IP: it is a field of the pod",
        f"{ray}.env[7]": "RAY_ADDRESS: `RAY_ADDRESS` may not be set in a spec",
        f"{ray}.env[8]": "WITH_OTHER: Kubernetes fills in `$(NAME)`",
        f"{ray}.envFrom": "set these variables in `environment`",
        f"{ray}.livenessProbe": "raycml watches Ray itself",
        f"{ray}.lifecycle": "raycml stops and starts Ray itself",
        f"{pod}.containers[1]": "container fluentbit: an application runs one program",
        f"{pod}.initContainers[0]": "container download: do this once in the project",
        f"{pod}.volumes[0]": "emptyDir at /tmp/ray: a member has disk of its own",
        f"{pod}.volumes[1]": "configMap at /code: put the files into the CML project",
        f"{pod}.volumes[2]": "emptyDir at /dev/shm: shared memory is a setting of the CML project",
        f"{groups}[0].rayStartParams.resources": 'written as plain JSON: {"Custom1": 1}',
        f"{groups}[0].scaleStrategy": "its pods have other names here",
        f"{groups}[0].idleTimeoutSeconds": "set `replicas` of the group",
        f"{groups}[0].template.spec.nodeSelector": "kept; nodes of the CML workspace need",
        f"{groups}[0].template.spec.containers[0].resources.requests.memory": "raised to 768Mi",
        f"{groups}[1].groupName": "becomes `accelerator-gro-",
        f"{groups}[1].numOfHosts": "each host is an application",
        f"{groups}[1].labels[ray.io/accelerator-type]": "Ray sets labels of `ray.io/` itself",
        f"{groups}[1].resources.CPU": "num-cpus",
        f"{groups}[1].resources": 'written as plain JSON: {"Custom2": 3}',
        f"{groups}[1].template.spec.tolerations": "CML places applications",
        f"{groups}[1].template.spec.affinity": "CML places applications",
        f"{groups}[1].template.spec.containers[0].resources.limits.ephemeral-storage": "no quota",
    }
    missing = {path: text for path, text in expected.items() if text not in notes.get(path, "")}
    assert missing == {}
    others = notes.keys() - expected.keys()
    assert others == {"document", f"{groups}[1]"}, "the ConfigMap, the Secret, and no worker yet"


def test_a_note_has_the_place_of_its_field() -> None:
    conversion = converted(HETEROGENEOUS, runtime=RUNTIME)
    lines = HETEROGENEOUS.splitlines()
    for note in conversion.notes:
        at = lines[note.line - 1][note.column - 1 :]
        name = note.field.rpartition(".")[2].partition("[")[0].removesuffix("]")
        assert (
            note.field == "document"
            or name.rpartition("/")[2] in at
            or at.startswith(("- ", "{", "name", "group"))
        )


def test_no_secret_is_copied_or_repeated() -> None:
    for text in (HETEROGENEOUS, JOB):
        conversion = converted(text)
        everything = conversion.text + "".join(note.text for note in conversion.notes)
        assert [secret for secret in SECRETS if secret in everything] == []


@pytest.mark.parametrize("name", ["MAX_TOKENS", "TOKENIZERS_PARALLELISM", "MONKEY", "KEYS_FILE"])
def test_a_name_that_only_resembles_a_secrets_is_copied(name: str) -> None:
    text = edited(MINIMAL, f"container.env: [{{name: {name}, value: x}}]")
    assert only(text).spec.head_group_spec.environment == {name: "x"}


def test_the_cluster_of_a_job_is_converted_and_one_line_says_what_became_of_the_job() -> None:
    conversion = converted(JOB)
    (cluster,) = clusters(conversion)
    assert (cluster.name, cluster.spec.ray_version) == ("nightly-train", "2.54.1")
    assert cluster.spec.python_environment is not None
    assert cluster.spec.python_environment.python == "3.10"
    assert cluster.spec.runtime is not None
    assert cluster.spec.runtime.kernel == "Python 3.10"
    (rest,) = (note.message for note in conversion.notes if note.field == "document")
    assert rest.startswith("RayJob (entrypoint, runtimeEnvYAML, shutdownAfterJobFinishes): ")
    assert "submit the entrypoint with `ray job submit`" in rest


def test_the_cluster_of_a_service_gets_rays_serve_and_one_line() -> None:
    conversion = converted(SERVICE)
    (cluster,) = clusters(conversion)
    assert cluster.spec.python_environment is not None
    assert cluster.spec.python_environment.packages == ("ray[default,serve]",)
    (rest,) = (note.message for note in conversion.notes if note.field == "document")
    assert "deploy serveConfigV2 with `serve deploy FILE" in rest


def test_a_list_of_live_objects_gives_one_spec_each_without_the_servers_own_fields() -> None:
    conversion = converted(listed(MINIMAL, MINIMAL.replace("name: small", "name: other")))
    assert [cluster.name for cluster in clusters(conversion)] == ["small", "other"]
    assert {note.field.rpartition(".")[2] for note in conversion.notes} == {"image"}


def test_a_spec_asks_for_the_newest_runtime_of_its_kind_or_for_the_chosen_one() -> None:
    kind = only(MINIMAL).spec.runtime
    assert kind is not None
    assert (kind.kernel, kind.edition) == ("Python 3.11", "Standard")
    assert only(MINIMAL, runtime=RUNTIME).spec.runtime is None
    for conversion in (converted(MINIMAL), converted(MINIMAL, runtime=RUNTIME)):
        assert "DECIDE" not in conversion.text
        assert all(note.kind is not NoteKind.DECIDE for note in conversion.notes)


@pytest.mark.parametrize(
    ("version", "image", "expected"),
    [
        ("2.55.0", "rayproject/ray:2.54.0", "2.55.0"),
        ("", "rayproject/ray:2.54.0", "2.54.0"),
        ("", "rayproject/ray-ml:2.46.0.0e19ea-py39-gpu", "2.46.0"),
        ("", "registry:5000/ray/mine:v7-ray-2.53.0", "2.53.0"),
        ("2.46.0.0e19ea", "x", "2.46.0"),
        ("", "rayproject/ray:nightly", "2.60.0"),
        ("", "10.2.30.4:5000/ray", "2.60.0"),
        ("nightly", "$VLLM_IMAGE", "2.60.0"),
    ],
)
def test_ray_is_the_manifests_or_the_images_or_a_guess_that_is_said(
    version: str, image: str, expected: str
) -> None:
    text = edited(edited(MINIMAL, f"cluster.rayVersion: '{version}'"), f"container.image: {image}")
    conversion = converted(text)
    assert clusters(conversion)[0].spec.ray_version == expected
    guessed = any("is a guess" in note.message for note in conversion.notes)
    assert guessed == (expected == "2.60.0")
    assert only(text, ray_version="2.52.0").spec.ray_version == "2.52.0"


@pytest.mark.parametrize(
    ("replicas", "least", "most", "hosts", "expected"),
    [
        (None, 2, 4, None, (2, 2, 4)),
        (None, None, None, None, (0, 0, None)),
        (1, 2, 4, None, (2, 2, 4)),
        (9, 2, 4, None, (4, 2, 4)),
        (2, 1, 4, 3, (6, 3, 12)),
        (3, 0, 2147483647, None, (3, 0, None)),
        (150, 0, 2147483647, None, (150, 0, 150)),
        (3, 0, 5000, None, (3, 0, 1000)),
        (0, 0, 0, None, (0, 0, 0)),
    ],
)
def test_replicas_keep_their_bounds_as_with_kuberay(
    replicas: int | None,
    least: int | None,
    most: int | None,
    hosts: int | None,
    expected: tuple[int, int, int | None],
) -> None:
    document = yaml.safe_load(MINIMAL)
    numbers = {
        "replicas": replicas, "minReplicas": least, "maxReplicas": most, "numOfHosts": hosts,
    }  # fmt: skip
    document["spec"]["workerGroupSpecs"] = [
        {
            "groupName": "w",
            "template": deepcopy(document["spec"]["headGroupSpec"]["template"]),
            **{name: value for name, value in numbers.items() if value is not None},
        }
    ]
    (group,) = only(yaml.safe_dump(document)).spec.worker_group_specs
    assert (group.replicas, group.min_replicas, group.max_replicas) == expected


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("cluster.historyServerOptions: {collectorOptions: {image: x}}", "raycml events"),
        ("cluster.networkPolicy: {mode: DenyAll}", "administrator"),
        ("cluster.headServiceAnnotations: {a: b}", "the address of the dashboard"),
        ("cluster.upgradeStrategy: {type: Other}", "RollingUpdate"),
        ("cluster.somethingNew: 1", "no such field"),
        ("head.headService: {spec: {type: NodePort}}", "the address of the dashboard"),
        ("head.ingressOptions: {host: a}", "the address of the dashboard"),
        ("params.temp-dir: /x", "a folder of its own"),
        ("params.labels: a=b", "field `labels`"),
        ("head.labels: {raycml.x: a}", "choose another key"),
        ("head.labels: {tier: a b}", "letter or digit at both ends"),
        ("params.num_cpus: many", "write a whole number"),
        ("params.dashboard-agent-listen-port: '10500'", "within the ports of Ray's workers"),
        ("params.object-store-memory: '9000000000'", "all of the node's 8 GiB"),
        ("template.else: 1", "no such field"),
        ("pod.hostNetwork: true", "the platform sets it"),
        ("pod.volumes: [{name: d, persistentVolumeClaim: {claimName: c}}]", "all members share"),
        ("pod.volumes: [{name: d, csi: {driver: gcsfuse}}]", "all members share"),
        ("pod.volumes: [{name: d, hostPath: {path: /d}}]", "no access to the disks of a node"),
        ("pod.volumes: [{name: d, secret: {secretName: s}}]", "variables of the CML project"),
        ("pod.nodeSelector: {a: b, c: d}", "CML takes one label of a node"),
        ("pod.nodeSelector: {a b: c}", "CML takes one label of a node"),
        ("pod.runtimeClassName: gvisor", "the platform sets it"),
        ("pod.anything: 1", "no such field"),
        ("container.workingDir: /x", "the project's folder"),
        ("container.anything: 1", "no such field"),
        ("container.env: [{name: 1A, value: x}]", "does not start with a digit"),
        ("limits.google.com/tpu: 4", "no TPUs"),
        ("limits.nvidia.com/mig-1g.5gb: 1", "partitions"),
        ("limits.amd.com/gpu: 2", "`resources.gpu: 2`"),
        ("limits.cpu: 50m", "raised to 0.1 cores"),
        ("limits.memory: 512Mi", "raised to 1536Mi"),
    ],
)
def test_a_field_that_is_not_converted_as_it_stands_is_said(field: str, words: str) -> None:
    conversion = converted(edited(MINIMAL, field))
    name = field.partition(".")[2].partition(":")[0]
    messages = [f"{note.field} {note.message}" for note in conversion.notes]
    assert [m for m in messages if words in m and (name in m or "env" in m or "type" in m)], (
        messages
    )
    clusters(conversion)


@pytest.mark.parametrize(
    "field",
    [
        "cluster.authOptions: {mode: disabled}",
        "cluster.tlsOptions: {enabled: false}",
        "cluster.enableInTreeAutoscaling: false",
        "cluster.suspend: false",
        "head.enableIngress: false",
        "pod.securityContext: {}",
        "pod.volumes: []",
        "container.env: []",
        "container.ports:",
        "metadata.annotations: {}",
    ],
)
def test_a_field_that_asks_for_nothing_needs_no_line(field: str) -> None:
    assert len(converted(edited(MINIMAL, field)).notes) == len(converted(MINIMAL).notes)


@pytest.mark.parametrize("text", ["x", "[1]", "[" * 5000])
def test_custom_resources_that_are_no_json_give_way_to_those_of_the_group(text: str) -> None:
    manifest = edited(MINIMAL, f"params.resources: {json.dumps(text)}")
    conversion = converted(edited(manifest, "head.resources: {Disk: 2}"))
    (cluster,) = clusters(conversion)
    assert json.loads(cluster.spec.head_group_spec.ray_start_params["resources"]) == {"Disk": 2}
    assert "it is no JSON" in said(conversion)["spec.headGroupSpec.rayStartParams.resources"]


def test_a_suspended_cluster_and_a_suspended_group_stay_so() -> None:
    assert only(edited(MINIMAL, "cluster.suspend: true")).spec.suspend
    text = HETEROGENEOUS.replace("      idleTimeoutSeconds: 30\n", "      suspend: true\n")
    assert [group.suspend for group in only(text).spec.worker_group_specs] == [True, False]


def test_a_node_without_resources_gets_some_and_asks_for_a_decision() -> None:
    text = MINIMAL.replace("limits: {cpu: 2, memory: 8Gi}", "limits: {}")
    conversion = converted(text)
    resources = clusters(conversion)[0].spec.head_group_spec.resources
    assert (resources.cpu, resources.memory) == (1, 2)
    assert "# DECIDE: the manifest has no cpu and memory for this node." in conversion.text


def test_a_group_that_the_autoscaler_began_with_nothing_asks_for_replicas() -> None:
    conversion = converted(HETEROGENEOUS)
    assert "# DECIDE: no workers yet, and raycml does not scale by load." in conversion.text


def test_a_group_with_gpus_has_a_runtime_with_cuda_or_asks_for_one() -> None:
    groups = only(HETEROGENEOUS).spec.worker_group_specs
    editions = {g.group_name: g.runtime.edition for g in groups if g.runtime is not None}
    assert set(editions) == {g.group_name for g in groups if g.resources.gpu}
    assert set(editions.values()) == {"Nvidia GPU"}
    plain = RUNTIME.replace("-cuda:", "-standard:")
    for runtime, asks in (("", False), (plain, True), (RUNTIME, False)):
        text = converted(HETEROGENEOUS, runtime=runtime).text
        assert ("nodes with GPUs need a runtime with CUDA" in text) is asks


# What cannot be converted


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no RayCluster of KubeRay in it"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n", "ConfigMap c: put the files"),
        ("a: [", "not YAML"),
        ("a: {{ .Values.x }}\n", "a key must be text"),
        (MINIMAL.replace("spec:\n  ray", "spec: &s\n  ray"), "anchors are not allowed"),
        (MINIMAL.replace("cpu: 2,", "cpu: lots,"), "`lots` is not a quantity of Kubernetes"),
        (MINIMAL.replace("cpu: 2,", "cpu: -1,"), "is not a quantity of Kubernetes"),
        (MINIMAL.replace("8Gi", "8000Gi"), "too much for one node"),
        (MINIMAL.replace("headGroupSpec", "head"), "has no headGroupSpec"),
        (MINIMAL + "---\n" + MINIMAL, "cluster `small` is also declared"),
        (WITHOUT_CLUSTER, "it has no `spec.rayClusterSpec`"),
        (
            convert("k.yaml", MINIMAL.encode(), ConvertOptions()).text,
            "RayCluster small: it is a spec of raycml already",
        ),
    ],
)
def test_a_manifest_without_a_valid_spec_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(ConversionError) as caught:
        converted(text)
    assert any(words in reason for reason in caught.value.reasons), caught.value.reasons


def test_a_broken_object_beside_a_cluster_does_not_hide_it() -> None:
    beside = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: &a {x: y}\n"
    assert only(MINIMAL + beside).name == "small"


# Parts


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", Fraction(1)),
        ("500m", Fraction(1, 2)),
        ("0.5", Fraction(1, 2)),
        ("1.", Fraction(1)),
        (".5", Fraction(1, 2)),
        ("+2", Fraction(2)),
        ("2k", Fraction(2000)),
        ("2G", Fraction(2 * 10**9)),
        ("1Gi", Fraction(2**30)),
        ("1.5Ti", Fraction(3 * 2**39)),
        ("1Ei", Fraction(2**60)),
        ("1E", Fraction(10**18)),
        ("1e3", Fraction(1000)),
        ("12E-1", Fraction(6, 5)),
        ("100u", Fraction(1, 10_000)),
        ("", None),
        ("-1", None),
        ("1 Gi", None),
        ("1GB", None),
        ("1K", None),
        ("Gi", None),
        ("1e", None),
        ("0x10", None),
        ("1" * 31, None),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str, amount: Fraction | None) -> None:
    assert quantity(text) == amount


@given(st.fractions(min_value=0, max_value=2**40), st.integers(1, 4096))
def test_memory_is_never_rounded_down(amount: Fraction, least: int) -> None:
    mib = memory_mib(amount, least)
    assert mib >= least
    assert mib * 2**20 >= amount
    assert mib == least or (mib - 1) * 2**20 < amount
    assert quantity(memory_text(mib)) == mib * 2**20


@given(st.fractions(min_value=0, max_value=1024))
def test_cores_are_never_rounded_down(amount: Fraction) -> None:
    cores = Fraction(cores_text(amount))
    assert cores >= max(amount, Fraction(1, 10))
    assert cores - max(amount, Fraction(1, 10)) < Fraction(1, 1000)


@pytest.mark.parametrize(
    "text",
    [
        '"{\\"Custom\\": 1}"',
        "'{\"Custom\": 1}'",
        '{"Custom": 1}',
        '{\\"Custom\\": 1}',
        ' "{\\"Custom\\": 1}" ',
    ],
)
def test_quotes_of_a_shell_are_taken_off_custom_resources(text: str) -> None:
    assert json_text(text) == '{"Custom": 1}'


@given(st.lists(st.text("abcAB-_.1é ", max_size=40) | st.just("head"), max_size=12))
def test_mapped_names_are_accepted_and_stay_different(names: list[str]) -> None:
    mapped = accepted_names(names, 20)
    assert mapped.keys() == set(names)
    assert len(set(mapped.values())) == len(mapped)
    assert all(is_name(name, 20) and name != HEAD for name in mapped.values())
    assert all(mapped[name] == name for name in names if is_name(name, 20) and name != HEAD)
    assert accepted_names(names[::-1], 20) == mapped


@pytest.mark.parametrize(
    ("options", "ray", "mode", "words"),
    [
        ("{mode: token}", "2.52.0", "token", ""),
        ("{mode: disabled}", "2.60.0", "disabled", ""),
        ("{mode: disabled}", "2.44.1", "disabled", ""),
        ("{mode: token}", "2.51.0", None, "Ray 2.51.0 has no token authentication"),
        ("{mode: sometimes}", "2.60.0", None, "the modes token and disabled"),
        ("{mode: token, enableK8sTokenAuth: true}", "2.60.0", "token", "no tokens of Kubernetes"),
        ("{mode: token, enableK8sTokenAuth: false}", "2.60.0", "token", ""),
    ],
)
def test_the_mode_of_authentication_is_converted_where_its_ray_has_it(
    options: str, ray: str, mode: str | None, words: str
) -> None:
    manifest = edited(MINIMAL, f"cluster.authOptions: {options}")
    conversion = converted(manifest, ray_version=ray)
    (cluster,) = clusters(conversion)
    converted_options = cluster.spec.auth_options
    assert (None if converted_options is None else converted_options.mode) == mode
    messages = [note.text for note in conversion.notes if "authOptions" in note.field]
    assert [words in message for message in messages] == ([True] if words else [])
