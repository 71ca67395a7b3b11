"""Which specs of several may be acted on together."""

from itertools import permutations, product

from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.member import Member, application_name
from controller.core.spec.groups import HeadGroup, Resources, WorkerGroup
from controller.core.spec.revision import Problem, Revision, SpecDocument, assemble
from controller.core.spec.spec import ClusterSpec, Metadata, RayCluster

SIZE = Resources(cpu=1, memory=2)


def holder(name: str, *groups: str, file: str = "a.yaml", line: int = 1) -> SpecDocument:
    spec = ClusterSpec(
        ray_version="2.60.0",
        runtime_identifier="registry.example.com/ray:1",
        head_group_spec=HeadGroup(resources=SIZE),
        worker_group_specs=tuple(WorkerGroup(group_name=g, resources=SIZE) for g in groups),
    )
    cluster = RayCluster(
        api_version="raycml/v1", kind="RayCluster", metadata=Metadata(name=name), spec=spec
    )
    return SpecDocument(cluster, file, line)


def assembled(*holders: SpecDocument) -> Revision:
    return assemble(holders, (), origin="here")


def names(revision: Revision) -> list[str]:
    return [held.cluster.name for held in revision.clusters]


def test_clusters_come_sorted_by_name_in_whatever_order_they_were_read() -> None:
    read = [holder("b", line=2), holder("a", line=9), holder("c", file="0.yaml")]
    for order in permutations(read):
        assert names(assembled(*order)) == ["a", "b", "c"]


def test_a_name_declared_twice_is_refused_everywhere_with_each_place() -> None:
    revision = assembled(
        holder("a", file="x.yaml", line=3), holder("b"), holder("a", file="y.yaml", line=8)
    )
    assert names(revision) == ["b"]
    remedy = "keep one of them, or rename one"
    assert [str(problem) for problem in revision.problems] == [
        f"x.yaml:3:1: cluster `a` is also declared at y.yaml:8 (cluster `a`); {remedy}",
        f"y.yaml:8:1: cluster `a` is also declared at x.yaml:3 (cluster `a`); {remedy}",
    ]


def test_application_names_that_two_clusters_would_share_are_refused_in_both() -> None:
    revision = assembled(
        holder("a", "b-c", "d", file="x.yaml"), holder("a-b", "c", file="y.yaml"), holder("z", "c")
    )
    assert names(revision) == ["z"]
    assert [problem.file for problem in revision.problems] == ["x.yaml", "y.yaml"]
    assert "`ray-a-b-c-<ordinal>`" in revision.problems[0].message
    assert "y.yaml:1 (cluster `a-b`)" in revision.problems[0].message


def test_groups_that_only_look_alike_may_live_together() -> None:
    revision = assembled(
        holder("a", "b", "b-1", "1", "b-1-0", "head-0"),
        holder("a-b", "x", line=2),
        holder("a-head", "x", line=3),
    )
    assert names(revision) == ["a", "a-b", "a-head"]
    assert revision.problems == ()


def test_what_was_wrong_before_is_kept_and_sorted() -> None:
    late, early = Problem("b.yaml", 1, 1, "x"), Problem("a.yaml", 9, 1, "y")
    revision = assemble([holder("a")], [late, early, late], origin="git", commit="c0ffee")
    assert revision.problems == (early, late)
    assert (names(revision), revision.origin, revision.commit) == (["a"], "git", "c0ffee")


LABELS = st.from_regex(r"[ab](-[ab0]){0,3}", fullmatch=True)


@given(st.dictionaries(LABELS, st.lists(LABELS, unique=True, max_size=4), max_size=5))
def test_no_two_members_of_a_revision_share_an_application(clusters: dict[str, list[str]]) -> None:
    holders = [holder(name, *groups, file=name) for name, groups in clusters.items()]
    revision = assembled(*holders)
    taken = [applications(held) for held in revision.clusters]
    assert len(set().union(*taken)) == sum(map(len, taken))
    for refused in (h for h in holders if h not in revision.clusters):
        rivals = set().union(*(applications(h) for h in holders if h is not refused))
        assert applications(refused) & rivals, "nothing is refused without a reason"


def applications(held: SpecDocument) -> set[str]:
    """Equal ordinals alone can collide, so a few stand for all of them."""
    groups = [group.group_name for group in held.cluster.spec.worker_group_specs]
    members = [Member("head"), *(Member(g, n) for g, n in product(groups, (0, 1, 10, 9999)))]
    return {application_name(held.cluster.name, member) for member in members}
