"""Any bytes have an answer: never a traceback, and never a spec beside a fault of its own."""

import random

import yaml
from hypothesis import given
from hypothesis import strategies as st
from spec_samples import VALID

from controller.core.spec.spec import RayCluster
from controller.source.yaml.parser import MAX_PROBLEMS, parse

LINES = VALID.count("\n") + 1


def check(data: bytes) -> None:
    documents, problems = parse("f.yaml", data)
    assert list(problems) == sorted(problems)
    assert len(problems) <= MAX_PROBLEMS
    lines = data.decode("utf-8", "replace").count("\n") + data.count(b"\r") + 1
    for problem in problems:
        assert 1 <= problem.line <= lines + 1 or not data.isascii()
        assert problem.column >= 1
        assert len(problem.message) < 500
        assert "\n" not in problem.message
        assert problem.message.isprintable()
    for document in documents:
        dumped = document.cluster.model_dump(by_alias=True)
        assert RayCluster.model_validate(dumped) == document.cluster


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(data: bytes) -> None:
    check(data)


@given(st.text(alphabet="ab0:-[]{}#&*!|>'\"%@`?,\n \t\\x<~=.é\u2028", max_size=60))
def test_any_marks_of_yaml_are_answered(text: str) -> None:
    check(text.encode())


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10)
FIELDS = ["spec", "name", "replicas", "resources", "cpu", "memory", "environment", "metadata", "a"]
VALUES = st.recursive(
    SCALARS,
    lambda deeper: (
        st.lists(deeper, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | SCALARS, deeper, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(VALUES, max_size=3))
def test_any_yaml_is_answered(documents: list[object]) -> None:
    check(yaml.safe_dump_all(documents, allow_unicode=True).encode("utf-8", "replace"))


@given(st.data())
def test_a_valid_spec_with_one_value_replaced_is_answered(data: st.DataObject) -> None:
    document = yaml.safe_load(VALID)
    parent, key = document, "spec"
    while isinstance(parent[key], dict | list) and parent[key] and data.draw(st.booleans()):
        parent = parent[key]
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        key = data.draw(st.sampled_from(keys))
    parent[key] = data.draw(VALUES)
    check(yaml.safe_dump(document).encode())


@given(st.integers(0, len(VALID) - 1), st.text(max_size=3), st.integers(0, 4))
def test_a_valid_spec_with_one_passage_replaced_is_answered(at: int, new: str, cut: int) -> None:
    check((VALID[:at] + new + VALID[at + cut :]).encode("utf-8", "replace"))


@given(st.permutations(range(LINES - 1)))
def test_the_lines_of_a_spec_in_any_order_are_answered(order: list[int]) -> None:
    lines = VALID.splitlines()
    check("\n".join(lines[n] for n in order).encode())


def shuffled(value: object, chance: random.Random) -> object:
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: shuffled(value[key], chance) for key in keys}
    return [shuffled(each, chance) for each in value] if isinstance(value, list) else value


@given(st.randoms(use_true_random=False), st.booleans(), st.sampled_from(["", "# c\n", "---\n"]))
def test_order_style_and_comments_change_nothing(
    chance: random.Random, flow: bool, before: str
) -> None:
    written = yaml.safe_dump(
        shuffled(yaml.safe_load(VALID), chance), default_flow_style=flow, sort_keys=False
    )
    (((plain,), _), ((other,), problems)) = (
        parse("f", VALID.encode()),
        parse("f", (before + written).encode()),
    )
    assert (other.cluster, problems) == (plain.cluster, ())
