"""Every refusal has the place that an editor would jump to, and a remedy."""

import codecs

import pytest
from spec_samples import VALID, named, spoilt

from controller.source.yaml.parser import MAX_BYTES, MAX_PROBLEMS, parse


def problems(data: bytes) -> list[str]:
    documents, found = parse("f.yaml", data)
    assert not documents
    return [str(problem).removeprefix("f.yaml:") for problem in found]


def test_a_valid_spec_is_one_document_with_its_place() -> None:
    ((document,), found) = parse("f.yaml", b"# comment\n---\n" + VALID.encode())
    assert (document.cluster.name, document.file, document.line, found) == (
        "analytics",
        "f.yaml",
        3,
        (),
    )
    group = document.cluster.spec.worker_group_specs[0]
    assert (group.resources.cpu, group.resources.memory, group.replicas) == (0.5, 1.5, 2)


def test_comments_and_the_order_of_keys_change_nothing() -> None:
    head, spec = VALID.split("spec:\n")
    (first,), _ = parse("f.yaml", VALID.encode())
    (second,), _ = parse("f.yaml", f"spec:   # first\n{spec}\n\n{head}".encode())
    assert first.cluster == second.cluster


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, b""])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_byte_order_mark_and_other_line_ends_are_tolerated(mark: bytes, end: str) -> None:
    documents, found = parse("f.yaml", mark + VALID.replace("\n", end).encode())
    assert (len(documents), found) == (1, ())


NO_SPEC = ["", "\n", " ", "\ufeff", "# only a comment\n", "---\n---\n", "---\nnull\n...\n", "~"]


@pytest.mark.parametrize("text", NO_SPEC)
def test_a_file_without_a_spec_is_a_problem_and_not_a_deletion(text: str) -> None:
    (found,) = problems(text.encode())
    assert found.endswith(
        "no spec in this file; write one, or delete the file to delete its cluster"
    )


@pytest.mark.parametrize("left", ["---\n", "---\n# the second cluster\n", "---\nnull\n", "--- ~\n"])
def test_a_file_that_ends_where_a_document_should_follow_is_a_problem(left: str) -> None:
    documents, found = parse("f.yaml", (named("a") + left).encode())
    assert [each.cluster.name for each in documents] == ["a"]
    assert ["the file ends without a document" in problem.message for problem in found] == [True]


def test_every_prefix_of_a_file_of_one_spec_is_a_problem_or_a_spec() -> None:
    """Wherever a full disk cut it off, it is no silent absence."""
    for length in range(0, len(VALID), 7):
        documents, found = parse("f.yaml", VALID[:length].encode())
        assert documents or found, VALID[:length]


def test_a_file_may_have_several_documents() -> None:
    text = "---\n".join([named("a"), "# nothing\n", named("b")])
    documents, found = parse("f.yaml", text.encode())
    assert [(each.cluster.name, each.line) for each in documents] == [("a", 1), ("b", 25)]
    assert found == ()


def test_a_bad_document_hides_no_good_one() -> None:
    text = "---\n".join([named("a"), named("B"), named("c")])
    documents, found = parse("f.yaml", text.encode())
    assert [each.cluster.name for each in documents] == ["a", "c"]
    assert [(each.line, each.column) for each in found] == [(26, 9)]


def test_what_precedes_a_syntax_error_still_counts() -> None:
    text = "---\n".join([named("a"), "a: [1\nb: 2\n", named("c")])
    documents, found = parse("f.yaml", text.encode())
    assert [each.cluster.name for each in documents] == ["a"]
    assert [(each.line, each.column) for each in found] == [(24, 2)]
    assert "not YAML" in found[0].message


CASES = [
    # structure of the text
    (
        "kind: RayCluster",
        "kind: RayCluster\nkind: RayCluster",
        "3:1: `kind` is there already, at line 2",
    ),
    ('{num-cpus: "0"}', '&x {num-cpus: "0"}', "16:21: anchors are not allowed"),
    ('{num-cpus: "0"}', '!!map {num-cpus: "0"}', "16:21: tags are not allowed"),
    ("suspend: false", "suspend: !!bool false", "10:12: tags are not allowed"),
    ("suspend: false", "suspend: ! false", "10:12: tags are not allowed"),
    ("suspend: false", "<<: {}", "10:3: merge keys are not allowed"),
    ("suspend: false", "? [a]\n  : b", "10:5: a key must be text"),
    ("suspend: false", "3: x", '10:3: `3` is not clearly text as a key; write it in quotes: "3"'),
    ("suspend: false", "x: " + "[" * 40, "10:36: more than 32 levels deep"),
    ('"2.60.0"', '"\\0"', "6:15: holds a character that is not text"),
    # words that readers of YAML take for different things
    (
        '"2.60.0"',
        "2.60",
        "6:15: `rayVersion` must be text, and YAML takes `2.60` for a number; write it in quotes",
    ),
    ('"2"}', "2}", "9:34: `OMP_NUM_THREADS` must be text, and YAML takes its value for a number"),
    (
        '"2"}',
        "on}",
        "9:34: `OMP_NUM_THREADS` must be text, and YAML takes its value for true or false",
    ),
    (
        '"2"}',
        "2025-01-01}",
        "9:34: `OMP_NUM_THREADS` must be text, and YAML takes its value for a date",
    ),
    (
        '"2"}',
        "1:30}",
        "9:34: `OMP_NUM_THREADS` must be text, and YAML takes its value for a number or a time",
    ),
    (
        '"2"}',
        "0x10}",
        "9:34: `OMP_NUM_THREADS` must be text, and YAML takes its value for a number",
    ),
    ("analytics", "2024", "4:9: `name` must be text, and YAML takes `2024` for a number"),
    (
        "suspend: false",
        "suspend: yes",
        "10:12: `suspend` must be true or false, not `yes`; write true",
    ),
    ("suspend: false", 'suspend: "false"', "10:12: `suspend` must be true or false, not `false`"),
    ("replicas: 2", "replicas: 08", "19:17: `replicas` must be a whole number, not `08`; write 8"),
    (
        "replicas: 2",
        'replicas: "2"',
        "19:17: `replicas` must be a whole number, not `2`; write 2, without quotes",
    ),
    ("replicas: 2", "replicas: 2.0", "19:17: `replicas` must be a whole number, not `2.0`"),
    ("replicas: 2", "replicas: 1_0", "19:17: `replicas` must be a whole number, not `1_0`"),
    ("replicas: 2", "replicas: " + "9" * 5000, "19:17: `replicas` must be a whole number"),
    ("cpu: 1,", "cpu: 08,", "15:22: `08` is not clearly a value for `cpu`"),
    # fields
    ("apiVersion: raycml/v1", "apiVersion: ray.io/v1", "1:13: `apiVersion` must be raycml/v1"),
    (
        "kind: RayCluster",
        "kind: Raycluster",
        "2:7: `Raycluster` is not a kind of raycml; did you mean `RayCluster`?",
    ),
    (
        "kind: RayCluster",
        "kind: Deployment",
        "2:7: not a raycml spec (kind Deployment); leave it out by .raycmlignore",
    ),
    ("kind: RayCluster\n", "", "1:1: `kind` is missing; add it"),
    ('  rayVersion: "2.60.0"\n', "", "5:1: `rayVersion` is missing; add it"),
    ("memory: 2Gi", "gpu: 0", "15:5: `memory` is missing; add it"),
    ("replicas: 2", "replica: 2", "19:7: unknown field `replica`; did you mean `replicas`?"),
    (
        "maxReplicas: 4",
        "max_replicas: 4",
        "20:7: unknown field `max_replicas`; did you mean `maxReplicas`?",
    ),
    ("suspend: false", "frobnicate: 1", "10:3: unknown field `frobnicate`; remove it"),
    (
        "suspend: false",
        "suspend:",
        "10:11: `suspend` is empty; write a value, or leave the field out",
    ),
    (
        "RollingUpdate",
        "RollingUpdates",
        "12:11: `type` must be RollingUpdate, Recreate or None; did you mean",
    ),
    ("25%", "0", "13:21: `maxUnavailable` must be a number from 1 to 1000"),
    ("{cpu: 1, memory: 2Gi}", "4", "15:16: `resources` must be a mapping"),
    ("metadata:\n  name: analytics", "metadata: [a]", "3:11: `metadata` must be a mapping"),
    ('{OMP_NUM_THREADS: "2"}', "[a]", "9:16: `environment` must be a mapping"),
    ('"2"}', "[a]}", "9:34: `OMP_NUM_THREADS` must be text, not a list or a mapping"),
    ("analytics", "Analytics", "4:9: `Analytics` is not a cluster name"),
    ("analytics", "a" * 31, "4:9: the cluster name has 31 characters; shorten it to at most 30"),
    ("worker\n", "head\n", "18:18: `head` is the name of the head"),
    ("2Gi", "2GB", "15:33: `GB` is not a unit of memory here; write 2Gi"),
    ("gpu: 0", "gpu: -1", "21:48: `gpu` must be at least 0"),
    ("replicas: 2", "replicas: 1001", "19:17: `replicas` must be at most 1000"),
    ("replicas: 2", "replicas: 5", "19:17: replicas is 5, above maxReplicas 4"),
    (
        "suspend: false",
        "suspend: true\n  protect: true",
        "11:12: a protected cluster may not be suspended",
    ),
    (".venv/bin/python", "python3", "8:11: `python3` is not a path to an interpreter"),
    ("OMP_NUM_THREADS", "RAY_ADDRESS", "9:17: `RAY_ADDRESS` may not be set in a spec"),
    ("OMP_NUM_THREADS", "OMP-X", "9:17: an environment variable's name has letters"),
    (
        "num-cpus",
        "num-cpu",
        "16:22: `num-cpu` is not an option of `ray start` that a spec may set; did you mean",
    ),
    ("num-cpus", "head", "16:22: `head` may not be set in a spec"),
    ('{num-cpus: "0"}', "{num-cpus: 0}", "16:32: `num-cpus` must be text"),
    (
        '{num-cpus: "0"}',
        "{num-cpus: a}",
        "16:22: the value of `num-cpus` is not valid; write a whole number",
    ),
    (
        "    - groupName: worker",
        "    - 5\n    - groupName: worker",
        "18:7: `workerGroupSpecs[0]` must be a mapping",
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), CASES, ids=[said[:50] for _, _, said in CASES])
def test_a_fault_is_one_problem_at_its_place(old: str, new: str, said: str) -> None:
    (found,) = problems(spoilt(old, new))
    assert found.startswith(said)


def test_a_list_where_groups_belong_is_asked_for() -> None:
    text = VALID[: VALID.index("    - groupName")] + "    groupName: worker\n"
    assert problems(text.encode()) == [
        "18:5: `workerGroupSpecs` must be a list; begin each entry with `- `"
    ]


def test_a_repeated_group_is_named_at_each_repetition() -> None:
    group = VALID[VALID.index("    - groupName") :]
    assert problems((VALID + group).encode()) == [
        "22:7: group `worker` is there already, as number 1; rename one of them"
    ]


def test_an_alias_is_refused_beside_its_anchor() -> None:
    data = spoilt("suspend: false", "suspend: &a false\n  paused: *a")
    assert [found.split("; ")[0] for found in problems(data)] == [
        "10:12: anchors are not allowed",
        "11:11: aliases are not allowed",
    ]


def test_the_problem_of_an_unquoted_version_shows_the_quotes() -> None:
    assert problems(spoilt('"2.60.0"', "2.60"))[0].endswith('write it in quotes: "2.60"')


def test_all_problems_of_a_file_come_at_once_in_the_order_of_the_text() -> None:
    data = spoilt("suspend: false", "suspend: on").replace(b"2Gi", b"2GB").replace(b"kind", b"Kind")
    data = data.replace(b"25%", b"0%") + b"---\n[]\n---\nkind: Job\na: {a: 1, a: 2}\n"
    assert [found.split(": ")[0] for found in problems(data)] == [
        *("1:1", "2:1", "10:12", "13:21", "15:33"),
        "23:1",
        *("25:7", "26:11"),
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a: b\nc: \xff\n", "2:4: not UTF-8 here"),
        (b"a: b\nc\x00: d\n", "2:2: the character U+0000 may not be in a file"),
        ("a: b\nü\x07: d\n".encode(), "2:2: the character U+0007 may not be in a file"),
        (b"\xff\xfea\x00", "1:1: not UTF-8 here"),
        (b"#" * (MAX_BYTES + 1), "1:1: the file has more than 1 MiB; split it"),
        (b"[]", "1:1: not a spec; begin with `apiVersion: raycml/v1`"),
        (b"text", "1:1: not a spec"),
        (b"a:\n\t- b", "2:1: not YAML"),
        (b"%TAG ! tag:x,2000:\n---\n!a b", "3:1: tags are not allowed"),
        (b"&a b", "1:1: anchors are not allowed"),
        (b"*a", "1:1: aliases are not allowed"),
        (b"a: [" * 100, "1:65: more than 32 levels deep"),
    ],
)
def test_bytes_that_are_no_spec_are_one_problem(data: bytes, said: str) -> None:
    (found,) = problems(data)
    assert found.startswith(said)


def test_a_billion_laughs_are_not_laughed() -> None:
    lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    assert len(problems("\n".join(["a0: &a0 lol", *lines]).encode())) == MAX_PROBLEMS


def test_after_a_hundred_problems_the_rest_is_counted() -> None:
    found = problems(b"---\nspec: 1\n" * 75)
    assert len(found) == MAX_PROBLEMS
    assert "and 201 more problems" in found[-1]


def test_more_than_a_thousand_documents_are_refused() -> None:
    assert "more than 1000 documents" in problems(b"---\n" * 1001)[0]


def test_a_manifest_of_kuberay_is_answered_with_one_line() -> None:
    written = VALID.replace("apiVersion: raycml/v1", "apiVersion: ray.io/v1")
    written = written.replace("resources: {cpu: 1, memory: 2Gi}", "template: {spec: {}}")
    for kind in ("RayCluster", "RayJob", "RayService"):
        text = written.replace("kind: RayCluster", f"kind: {kind}")
        _, (problem,) = parse("x.yaml", text.encode())
        assert (problem.line, problem.column) == (1, 13)
        assert "manifest of KubeRay; convert it with `raycml convert FILE`" in problem.message


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("template: {spec: {}}", "write `resources: {cpu: 4, memory: 16Gi}`"),
        ("numOfHosts: 2", "set `replicas`; remove it"),
        ("idleTimeoutSeconds: 60", "raycml does not scale by load"),
    ],
)
def test_a_field_that_only_kuberay_has_is_answered_with_what_to_write(
    field: str, said: str
) -> None:
    _, problems = parse("x.yaml", spoilt("      maxReplicas: 4\n", f"      {field}\n"))
    assert [said in problem.message for problem in problems] == [True]
