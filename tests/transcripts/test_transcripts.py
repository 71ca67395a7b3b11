"""Spec and observed world in, printed plan out: one file for each behaviour that people ask about.

A file has a sentence, then sections: `spec` (changes of the base spec, by dotted path), `world`
(one application a line: member, phase, what Ray says, edits; or `foreign NAME PHASE`), `policy`
where a person asked for more, and the `plan`.  To accept new plans: RAYCML_ACCEPT=1 pytest ...
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from controller.core.model.observed import ObservedApplication, Phase
from controller.core.spec.spec import RayCluster
from controller.terminal.plan_table import plan_text
from tests.worlds import (
    POLICY,
    all_files,
    answered,
    application,
    decide,
    desired,
    foreign,
    observed,
    report,
    spec,
    taking_requests,
)

FILES = sorted(Path(__file__).parent.glob("*.txt"))


def sections(text: str) -> dict[str, str]:
    head, *parts = text.split("\n--- ")
    found = {"sentence": head}
    for part in parts:
        name, _, body = part.partition("\n")
        found[name.strip()] = body
    return found


def changed(text: str) -> RayCluster | None:
    if text.strip() == "none":
        return None
    changes = yaml.safe_load(text) or {}
    return spec(**{path.replace(".", "__"): value for path, value in changes.items()})


def seen(line: str, base: RayCluster) -> tuple[ObservedApplication, bool]:
    name, phase, *rest = line.split()
    if name == "foreign":
        return foreign(phase, Phase(rest[0])), False
    edits: dict[str, object] = {}
    for word in rest:
        field, equals, value = word.partition("=")
        if equals:
            edits[field] = float(value) if field in {"cpu", "memory"} else value
    return application(base, name, Phase(phase), **edits), "joined" in rest


def told(text: str) -> str:
    parts = sections(text)
    base = spec()
    wanted = changed(parts["spec"])
    lines = [line for line in parts.get("world", "").splitlines() if line.strip()]
    apps = [seen(line, base) for line in lines]
    alive = [line.split()[0] for line, (_, joined) in zip(lines, apps, strict=True) if joined]
    idle = {line.split()[0]: 60.0 for line in lines if "idle" in line.split()}
    answers = [answered(line.split()[0]) for line in lines if "draining" in line.split()]
    world = observed(
        *(app for app, _ in apps),
        reports=(taking_requests(report(base, *alive), idle, *answers),) if alive else (),
        files=all_files(*(app for app, _ in apps)),
    )
    asked = yaml.safe_load(parts.get("policy", "")) or {}
    asked |= {name: frozenset(asked[name]) for name in ("delete", "now") if name in asked}
    state = desired(*([] if wanted is None else [wanted]))
    return plan_text(decide(state, world, policy=replace(POLICY, **asked)))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_the_plan_is_as_the_transcript_says(file: Path) -> None:
    text = file.read_text()
    plan = told(text)
    if os.environ.get("RAYCML_ACCEPT"):
        file.write_text(text.partition("\n--- plan")[0] + "\n--- plan\n" + plan + "\n")
    assert sections(file.read_text())["plan"].rstrip("\n") == plan


def test_there_are_transcripts() -> None:
    assert len(FILES) >= 15
