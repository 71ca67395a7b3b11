"""What a person is told of an old Ray, and of one that raycml was not tried with."""

import json

from tests.cli.stage import Stage

LACKS = "analytics.yaml:1: Ray 2.44.1: it does not drain a node that is stopped"


def old(stage: Stage, version: str = "2.44.1") -> None:
    path = stage.spec()
    path.write_text(path.read_text().replace("2.60.0", version))


def test_validate_plan_and_status_say_once_what_an_old_ray_lacks(stage: Stage) -> None:
    old(stage)
    for words in (["validate"], ["plan"], ["status"], ["status", "analytics"]):
        said = stage.run(*words)
        assert said.code == 0, said.err
        assert said.err.count(LACKS) == 1
        assert LACKS not in said.out


def test_the_documents_of_plan_and_status_say_what_an_old_ray_lacks(stage: Stage) -> None:
    old(stage)
    stage.spec("training")
    plan = json.loads(stage.run("plan", "-o", "json").out)
    (limit,) = plan["limits"].pop("analytics")
    assert f"analytics.yaml:1: {limit}".startswith(LACKS)
    assert plan["limits"] == {}
    clusters = json.loads(stage.run("status", "-o", "json").out)["clusters"]
    assert {c["name"]: c["limits"] for c in clusters} == {"analytics": [limit], "training": []}


def test_a_status_of_another_cluster_says_nothing_of_it(stage: Stage) -> None:
    old(stage)
    stage.spec("training")
    assert stage.run("reconcile").code == 0
    assert LACKS not in stage.run("status", "training").err
    assert LACKS in stage.run("status").err


def test_the_newest_ray_lacks_nothing(stage: Stage) -> None:
    stage.spec()
    assert "Ray 2.60.0:" not in stage.run("plan").err


def test_a_ray_outside_the_range_is_refused_with_the_range(stage: Stage) -> None:
    old(stage, "2.61.0")
    said = stage.run("validate")
    assert said.code == 3
    assert "specs/analytics.yaml:5:" in said.err
    assert "outside the range that raycml was tried with, 2.10 to 2.60" in said.err
