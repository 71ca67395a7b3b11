"""The plan of one pass.  Pure: the same inputs give the same plan, in whatever order they come.

Emits only steps that are safe now; everything else becomes a wait with a reason.  Clusters are
planned one by one: a problem of one never shows in the steps of another.
"""

from collections.abc import Set as AbstractSet

from controller.core.model.plan import (
    Intent,
    Plan,
    RemoveEnvironment,
    RemoveFolder,
    RemoveLauncher,
    Step,
    Wait,
    WriteBuilder,
    WriteLauncher,
    merge,
)
from controller.core.model.ray.requests import Drain, Withdraw
from controller.core.model.reasons import Reason
from controller.core.planner.cluster import plan_cluster
from controller.core.planner.files.cluster_folders import unused_folders
from controller.core.planner.files.launchers import needed, unused
from controller.core.planner.projects.shared_memory import shared_memory
from controller.core.planner.projects.unlisted import unlisted_projects
from controller.core.planner.prune import clusters_without_spec
from controller.core.planner.python_environments.cleanup import (
    unneeded_builders,
    unused_environments,
)
from controller.core.planner.waits import blocked_cluster
from controller.core.situation.situation import Situation


def plan(situation: Situation, refused: AbstractSet[str] = frozenset()) -> Plan:
    """The steps allowed now and the waits.  Clusters that are `refused` have no steps.

    The situation's history must include its observations (see `memory.remember`).  Where files were
    not read, the plan writes launchers that may exist already: read files, then plan again.  Linear
    in members and applications.
    """
    desired = situation.desired
    parts = [plan_cluster(cluster) for cluster in situation.clusters]
    parts += [blocked_cluster(n, why.reason, why.message) for n, why in desired.frozen.items()]
    parts += [
        blocked_cluster(c.desired.name, Reason.HELD_AT_OLDER_REVISION, why)
        for c in situation.clusters
        if (why := desired.kept.get(c.desired.name))
    ]
    parts += [clusters_without_spec(situation), *unlisted_projects(situation)]
    whole = _without(refused, merge(parts))
    whole += shared_memory(situation, refused)
    steps = needed(whole.steps, situation)
    steps = (*steps, *unused(situation, steps), *unneeded_builders(situation, steps))
    steps = (*steps, *unused_environments(situation), *unused_folders(situation))
    steps = tuple(step for step in steps if step.cluster not in refused)
    return Plan(tuple(sorted(steps, key=_step_order)), tuple(sorted(whole.waits, key=_wait_order)))


def _without(refused: AbstractSet[str], whole: Plan) -> Plan:
    """Before steps are shared between clusters, so that no cluster relies on a refused step."""
    steps = tuple(step for step in whole.steps if step.cluster not in refused)
    message = "its plan would break a law, so none of its steps is executed"
    waits = (
        Wait(name, None, Reason.PLAN_REFUSED, message, Intent.BLOCKED)
        for name in sorted(refused - {""})
    )
    return Plan(steps, (*whole.waits, *waits))


def _step_order(step: Step) -> tuple[object, ...]:
    """Launchers are written first and removed last; the head comes before its workers."""
    turn = 0 if isinstance(step.action, _Write) else 1
    turn = 2 if isinstance(step.action, _Removal) else turn
    path = step.action.path if isinstance(step.action, _Write | _Removal) else ""
    member = (step.member is not None, *(step.member.rank() if step.member else ()))
    build = step.build or ("", "")
    identity = (step.application_id or step.builder_id or "", path, build)
    return (step.cluster, turn, member, _CALLS.index(step.name), *identity)


_Write = WriteLauncher | WriteBuilder | Drain
_Removal = RemoveLauncher | RemoveEnvironment | RemoveFolder | Withdraw
_CALLS = (
    *("raise_shared_memory", "write_launcher", "write_builder", "drain"),
    *("stop_run", "delete_job", "create_job", "start_run"),
    *("delete_builder", "create_builder"),
    *("delete", "stop", "require_sign_in", "create", "update", "restart"),
    *("withdraw", "remove_launcher", "remove_environment", "remove_folder"),
)


def _wait_order(wait: Wait) -> tuple[object, ...]:
    member = wait.member.rank() if wait.member else ()
    return (wait.cluster, member, wait.reason.title, wait.message)
