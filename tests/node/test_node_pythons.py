"""Nodes on Pythons of two patch versions, with real Ray: they join where the spec says so."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_world import Project, wait_for

from controller.node.ray.versions import MATCH_LEVEL
from tests.matrix.installs import UnavailableError, with_another_patch

pytestmark = [pytest.mark.ray, pytest.mark.timeout(1200)]
MINOR = {MATCH_LEVEL: "minor"}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    pytest.importorskip("ray")
    project = Project(tmp_path)
    yield project
    project.end()


def test_a_worker_of_another_patch_joins_where_the_minor_counts_and_waits_elsewhere(
    project: Project,
) -> None:
    try:
        other = str(with_another_patch().python)
    except UnavailableError as error:
        pytest.skip(str(error))
    own = {"python": sys.executable, "ray_start_params": {"num-cpus": "0"}}
    project.start("head", environ=MINOR, **own).wait("joined", 240)
    strict = project.start("cpu/0", python=other)
    project.start("cpu/1", python=other, environ=MINOR).wait("joined", 240)
    assert strict.is_("waiting-for-head")
    wait_for(
        lambda: f"set {MATCH_LEVEL}: minor" in str(strict.member_document()["message"]), "a remedy"
    )
