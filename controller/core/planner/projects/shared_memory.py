"""The shared memory limit of projects: raised to what the specs need, and never lowered.

Only new pods see it, so it is raised before members are created; those that run keep their object
store until a person restarts them.  If CML refuses or ignores it, that is said, and nothing else
stops.
"""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from controller.core.model.history import History
from controller.core.model.observed import ObservedState
from controller.core.model.plan import (
    NOTHING,
    Change,
    Create,
    Intent,
    Plan,
    Restart,
    Step,
    Update,
    Wait,
    merge,
)
from controller.core.model.project import RaiseSharedMemory, SharedMemoryHistory
from controller.core.model.reasons import Reason
from controller.core.situation.cluster import ClusterSituation
from controller.core.situation.situation import Situation
from controller.core.spec.shared_memory import AUTO, KEEP, limit_for, megabytes, store_bytes

_STARTS = Create | Restart | Update
TRIES_MAX = 3  # passes for which members wait while the call fails for other reasons than a refusal


@dataclass(frozen=True, slots=True)
class Need:
    """The limit that a cluster needs, in MB, and the group that needs most; empty for the spec."""

    limit_mb: int
    cluster: str
    group: str = ""


def shared_memory(situation: Situation, refused: AbstractSet[str] = frozenset()) -> Plan:
    """A step for each project whose limit is too low, or a note where it cannot be raised."""
    return merge(_project(situation, p, n) for p, n in sorted(_needs(situation, refused).items()))


def limits_to_read(situation: Situation, plan: Plan) -> frozenset[str]:
    """Projects whose limit this pass should look at, so that a converged one costs no call.

    Before pods start; and where a report says that shared memory limits an object store, or all
    files are looked at, unless the limit is known to be enough, or given up.
    """
    starting = {step.project for step in plan.steps if isinstance(step.action, _STARTS)}
    doubtful = {
        cluster.desired.project
        for cluster in situation.clusters
        if situation.policy.look_at_files
        or any(m.report is not None and m.report.is_capped for m in cluster.members)
    }
    return frozenset(
        project
        for project, need in _needs(situation, frozenset()).items()
        if project in starting
        or (project in doubtful and _is_open(situation.history.shared_memory.get(project), need))
    )


def note_shared_memory(history: History, observed: ObservedState) -> History:
    """The history with the limits that were read."""
    limits = {
        name: replace(history.shared_memory.get(name) or SharedMemoryHistory(), limit_mb=limit)
        for name, project in observed.projects.items()
        if (limit := project.shared_memory_mb) is not None
    }
    return replace(history, shared_memory={**history.shared_memory, **limits})


def _is_open(past: SharedMemoryHistory | None, need: Need) -> bool:
    """True if the limit is unknown, or too low and not given up."""
    if past is None or past.limit_mb is None:
        return True
    return past.limit_mb < need.limit_mb and past.denied_mb < need.limit_mb


def _needs(situation: Situation, refused: AbstractSet[str]) -> Mapping[str, Need]:
    """The greatest need of each project; of equal ones that of the first cluster."""
    needs: dict[str, Need] = {}
    for cluster in situation.clusters:
        idle = cluster.paused or cluster.desired.suspended or cluster.desired.name in refused
        idle = idle or cluster.kept  # its pods do not start for raycml
        if idle or cluster.project is None or not cluster.project.complete:
            continue
        for need in _of_cluster(cluster):
            before = needs.get(cluster.desired.project)
            if before is None or before.limit_mb < need.limit_mb:
                needs[cluster.desired.project] = need
    return needs


def _of_cluster(cluster: ClusterSituation) -> Iterator[Need]:
    asked, name = cluster.desired.shared_memory, cluster.desired.name
    if asked == KEEP:
        return
    if asked != AUTO:
        yield Need(megabytes(float(asked)), name)
        return
    for group in cluster.desired.groups:
        if not group.suspended and cluster.of(group):
            inputs = group.inputs
            store = store_bytes(inputs.memory, dict(inputs.ray_start_params))
            yield Need(limit_for(store), name, group.name)


def _project(situation: Situation, project: str, need: Need) -> Plan:
    limit = situation.observed.projects[project].shared_memory_mb
    if limit is None or limit >= need.limit_mb:
        return NOTHING
    past = situation.history.shared_memory.get(project) or SharedMemoryHistory()
    whose = f"group {need.group} needs" if need.group else "the spec asks for"
    message = f"{whose} {need.limit_mb} MB for its object stores"
    if past.denied_mb >= need.limit_mb:
        note = (
            f"{message}, but the project's limit stays at {limit} MB ({past.message}): raise it in "
            "the project's settings, or set `sharedMemory: keep`"
        )
        reason = Reason.SHARED_MEMORY_NOT_RAISED
        return Plan(waits=(Wait(need.cluster, None, reason, note, Intent.BLOCKED),))
    if past.failures >= TRIES_MAX and past.failed_at is not None:
        pause = situation.policy.backoff_s(past.failures)
        if situation.past.deadline(past.failed_at, pause) is not None:
            return NOTHING
    step = Step(
        action=RaiseSharedMemory(need.limit_mb),
        cluster=need.cluster,
        project=project,
        member=None,
        reason=Reason.SHARED_MEMORY_TOO_SMALL,
        intent=Intent.NOTHING,
        changes=(Change("shared memory", f"{limit} MB", f"{need.limit_mb} MB"),),
        message=f"{message}; members that run keep theirs until they are restarted",
    )
    return Plan((step,))
