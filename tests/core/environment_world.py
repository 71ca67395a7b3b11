"""Worlds with environments: what a look tells of them, and the plans that follow."""

from dataclasses import replace
from datetime import datetime

from controller.core.model.history import History
from controller.core.model.jobs import ObservedEnvironment, ObservedJob, ObservedRun, RunPhase
from controller.core.model.member import ENVIRONMENT, OWNER
from controller.core.model.observed import ObservedApplication, ObservedState
from controller.core.model.plan import Plan
from controller.core.model.policy import Policy
from controller.core.spec.python_environment import (
    Environment,
    builder_path,
    environment_folder,
    job_name,
)
from controller.core.spec.spec import RayCluster
from tests.worlds import NOW, POLICY, PROJECT, RUNTIME, all_files, decide, desired, observed, spec

BUILDER = "bbbbbbbbbb"
OURS = replace(POLICY, builder=BUILDER)
ASKS = {"python": "3.11", "packages": ["ray[default]", "pandas==2.2.3"]}


def asking(**changes: object) -> RayCluster:
    return spec(**{"pythonEnvironment": dict(ASKS), **changes})


def wanted(cluster: RayCluster) -> Environment:
    environment = desired(cluster).clusters[0].groups[0].environment
    assert environment is not None
    return environment


def job(digest: str, **changes: object) -> ObservedJob:
    made = ObservedJob(
        id=f"job-{digest}",
        project=PROJECT,
        name=job_name(digest),
        script=builder_path(digest, BUILDER),
        runtime=RUNTIME,
        environment={OWNER: POLICY.owner, ENVIRONMENT: digest},
    )
    return replace(made, **changes)


def run(
    digest: str, phase: RunPhase, created: datetime = NOW, finished: datetime | None = None
) -> ObservedRun:
    return ObservedRun(
        "run-1", PROJECT, f"job-{digest}", phase, created_at=created, finished_at=finished
    )


def ready(digest: str) -> ObservedEnvironment:
    return ObservedEnvironment(ready=True, files=(environment_folder(digest),))


def written(digest: str, **parts: object) -> ObservedEnvironment:
    """One whose script is there, with its job."""
    made = ObservedEnvironment(files=(builder_path(digest, BUILDER),), job=job(digest))
    return replace(made, **parts)


def world(
    environments: dict[str, ObservedEnvironment],
    *apps: ObservedApplication,
    now: datetime = NOW,
    **parts: object,
) -> ObservedState:
    files = replace(all_files(*apps), environments={PROJECT: environments})
    return observed(*apps, files=files, now=now, **parts)


def plan_for(
    cluster: RayCluster,
    seen: ObservedState,
    history: History | None = None,
    policy: Policy = OURS,
) -> Plan:
    return decide(desired(cluster), seen, history, policy)
