"""Small worlds for tests of the core: specs from text, applications as CML would list them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import yaml

from controller.core.model.configuration import configuration
from controller.core.model.desired import DesiredState, Group, desire
from controller.core.model.history import History
from controller.core.model.member import Member, parse_member
from controller.core.model.observed import (
    LauncherFile,
    Listed,
    ObservedApplication,
    ObservedFiles,
    ObservedProject,
    ObservedState,
    Phase,
)
from controller.core.model.plan import Plan
from controller.core.model.policy import Policy
from controller.core.model.ray.report import HeadReport, MemberReport
from controller.core.model.ray.requests import AnswerState, HeadAnswer, RequestAction, request_id
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.spec.ray.versions import has_tokens
from controller.core.spec.revision import Problem, Revision, SpecDocument
from controller.core.spec.spec import RayCluster

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
PROJECT = "aaaa-bbbb-cccc-dddd"
EDITION = "0123456789"
POLICY = Policy(owner="team", edition=EDITION)
RUNTIME = "repo.example.com/cdsw/ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b5"

SPEC = f"""
apiVersion: raycml/v1
kind: RayCluster
metadata: {{name: analytics}}
spec:
  rayVersion: "2.60.0"
  runtimeIdentifier: {RUNTIME}
  environment: {{OMP_NUM_THREADS: "2"}}
  headGroupSpec:
    resources: {{cpu: 2, memory: 8Gi}}
    rayStartParams: {{num-cpus: "0"}}
  workerGroupSpecs:
    - groupName: cpu
      replicas: 2
      resources: {{cpu: 4, memory: 16Gi}}
"""


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def spec(text: str = SPEC, **changes: object) -> RayCluster:
    """The cluster of a document; `changes` by dotted path with `__`, lists by number."""
    document = yaml.safe_load(text)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = document["spec"]
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        place[last] = value
    return RayCluster.model_validate_json(json.dumps(document))


def named(name: str, **changes: object) -> RayCluster:
    """The cluster of `spec` under another name."""
    cluster = spec(**changes)
    metadata = cluster.metadata.model_copy(update={"name": name})
    return cluster.model_copy(update={"metadata": metadata})


def revision(*clusters: RayCluster, problems: tuple[Problem, ...] = ()) -> Revision:
    holders = tuple(SpecDocument(c, "specs/test.yaml", 1) for c in clusters)
    return Revision(holders, problems, None, "specs")


def desired(*clusters: RayCluster, whole: bool = True) -> DesiredState:
    named = {c.spec.project for c in clusters}
    projects = {name: name or PROJECT for name in {None, *named}}
    problems = () if whole else (Problem("specs/broken.yaml", 1, 1, "it is broken"),)
    return desire(revision(*clusters, problems=problems), projects, {})


def application(
    cluster: RayCluster, member: str, phase: Phase = Phase.RUNNING, **overrides: object
) -> ObservedApplication:
    """The application that a controller would have made for the member."""
    place = parse_member(member)
    assert place is not None
    state = desired(cluster)
    group = state.clusters[0].group(place.group)
    assert group is not None, f"{member} has no group in the spec it is made from"
    project = state.clusters[0].project
    return replace(application_of(group, place, project, phase), **overrides)


def application_of(
    group: Group, member: Member, project: str = PROJECT, phase: Phase = Phase.RUNNING
) -> ObservedApplication:
    """The application that a controller would have made for the member of the group."""
    default = "token" if has_tokens(group.inputs.ray_version) else "disabled"
    mode = group.inputs.auth_mode or default
    wanted = configuration(group, member, POLICY, auth_mode=mode)
    return ObservedApplication(
        id=f"id-{wanted.name}",
        project=project,
        name=wanted.name,
        subdomain=wanted.subdomain,
        phase=phase,
        script=wanted.script,
        cpu=wanted.cpu,
        memory=wanted.memory,
        gpu=wanted.gpu,
        runtime=wanted.runtime,
        environment=wanted.environment,
        status=f"APPLICATION_{phase}",
        created_at=at(-3600),
        starting_at=at(-3600),
        running_at=at(-3500),
    )


def foreign(subdomain: str, phase: Phase = Phase.RUNNING) -> ObservedApplication:
    return ObservedApplication(f"foreign-{subdomain}", PROJECT, subdomain, subdomain, phase)


def report(
    cluster: RayCluster, *alive: str, at_: datetime = NOW, **fingerprints: str
) -> HeadReport:
    """A head report in which these members are alive, each with the fingerprint of its spec."""
    state = desired(cluster).clusters[0]
    members = {}
    for name in alive:
        place = parse_member(name)
        assert place is not None
        group = state.group(place.group)
        known = "" if group is None else group.fingerprint
        known = fingerprints.get(name.replace("/", "_"), known)
        members[name] = MemberReport(alive=True, state="joined", fingerprint=known, node_id="n")
    head = ("10.0.0.1:6379", "i1", at_, "2.60.0", "3.11.9")
    return HeadReport(*head, cluster=cluster.name, members=members, auth_mode="token")


def taking_requests(
    told: HeadReport, idle: Mapping[str, float] | None = None, *answers: HeadAnswer
) -> HeadReport:
    """The report of a head that takes requests; members are busy unless they are `idle`, in s."""
    members = {
        name: replace(
            row,
            engine_id=f"engine-{name}",
            idle_s=(idle or {}).get(name, 0.0),
            used={} if name in (idle or {}) else {"CPU": 2.0},
        )
        for name, row in told.members.items()
    }
    by_id = {request_id(a.action, a.member, a.engine_id): a for a in answers}
    return replace(told, members=members, answers=by_id)


def answered(
    member: str,
    state: AnswerState = AnswerState.DRAINING,
    remaining_s: float = 100.0,
    action: RequestAction = RequestAction.DRAIN,
) -> HeadAnswer:
    """An answer to a request for the node of a member in such a report."""
    return HeadAnswer(action, member, f"engine-{member}", state, "", remaining_s)


def observed(
    *apps: ObservedApplication,
    reports: tuple[HeadReport, ...] = (),
    complete: bool = True,
    files: ObservedFiles | None = None,
    now: datetime = NOW,
) -> ObservedState:
    by_project = {PROJECT: [], **{a.project: [] for a in apps}}
    for app in apps:
        by_project[app.project].append(app)
    projects = {
        p: ObservedProject(p, tuple(a), Listed.WHOLE if complete else Listed.TORN)
        for p, a in by_project.items()
    }
    return ObservedState(now, projects, {r.cluster: r for r in reports}, files)


def all_files(*apps: ObservedApplication, project: str = PROJECT) -> ObservedFiles:
    """Files in which every application's launcher is there, freshly written."""
    paths = sorted({a.script for a in apps if a.script})
    launchers = {project: tuple(LauncherFile(p, NOW) for p in paths)}
    return ObservedFiles(launchers, environments={})


def whole_cluster(cluster: RayCluster, phase: Phase = Phase.RUNNING) -> list[ObservedApplication]:
    state = desired(cluster).clusters[0]
    members = [g.member(n) for g in state.groups for n in range(g.replicas)]
    return [application(cluster, str(m), phase) for m in members]


def converged(cluster: RayCluster) -> ObservedState:
    """A world that is as the spec says."""
    apps = whole_cluster(cluster)
    members = [str(Member(a.mark.member.group, a.mark.member.ordinal)) for a in apps if a.mark]
    return observed(*apps, reports=(report(cluster, *members),))


def decide(
    state: DesiredState,
    world: ObservedState,
    history: History | None = None,
    policy: Policy = POLICY,
) -> Plan:
    """One decision, with the history taking note of the world first."""
    known = remember(situate(state, world, history or History(), policy)).history
    return plan(situate(state, world, known, policy))


def said(decision: Plan) -> list[str]:
    """The plan as short lines: action, member, reason; waits after steps."""
    steps = [f"{s.name} {s.member or s.cluster} {s.reason}" for s in decision.steps]
    return steps + [f"wait {w.member or w.cluster} {w.reason}" for w in decision.waits]
