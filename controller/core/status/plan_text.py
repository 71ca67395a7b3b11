"""Plan as text: one line for each member, however many calls its change takes.

Values that an action sends (fields, variables, configurations) are left out: they may be secret.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from controller.core.model.member import Member
from controller.core.model.plan import (
    Change,
    CreateBuilder,
    CreateJob,
    Delete,
    DeleteBuilder,
    DeleteJob,
    Intent,
    Plan,
    RemoveEnvironment,
    RemoveFolder,
    RemoveLauncher,
    RequireSignIn,
    Restart,
    StartRun,
    Step,
    StopRun,
    Update,
    Wait,
    WriteLauncher,
)
from controller.core.model.project import RaiseSharedMemory
from controller.core.model.ray.requests import Drain, Withdraw
from controller.core.model.reasons import Outlook, Reason

_WORDS = {intent: intent.word for intent in Intent} | {
    Intent.UPDATE: "update and restart",
    Intent.NOTHING: "wait",
}
_COUNTED = ("create", "update", "restart", "start", "stop", "delete")


@dataclass(frozen=True, slots=True)
class PlanLine:
    """The change of one member, now or later."""

    cluster: str
    member: Member | None
    intent: Intent
    what: str
    why: str
    settled: bool = False

    def order(self) -> tuple[object, ...]:
        rank = () if self.member is None else self.member.rank()
        return self.cluster, rank, self.intent.value, self.what, self.why

    def cells(self) -> tuple[str, ...]:
        member = "-" if self.member is None else str(self.member)
        return self.intent.value, self.cluster, member, self.what, self.why


def plan_lines(plan: Plan) -> list[PlanLine]:
    """Steps and waits of the plan, in the order of members."""
    lines = [*_step_lines(plan.steps), *map(_wait_line, plan.waits)]
    return sorted(lines, key=PlanLine.order)


def step_text(step: Step) -> str:
    """Reason, message, changes and impact of a step."""
    return _why(step.reason, step.message, step.changes, step.impact)


def _step_lines(steps: Sequence[Step]) -> Iterable[PlanLine]:
    """One line for all steps of one intent on one application."""
    groups: dict[object, list[Step]] = {}
    for step in steps:
        if step.member is not None:
            groups.setdefault((step.key, step.intent, step.application_id), []).append(step)
    return [_step_line(group) for group in groups.values()]


def _step_line(steps: Sequence[Step]) -> PlanLine:
    first = steps[0]
    changes = tuple(change for step in steps for change in step.changes)
    impact = next((step.impact for step in steps if step.impact), "")
    what = _WORDS[first.intent]
    if first.intent is Intent.UPDATE and isinstance(first.action, Delete):
        what = "delete and create"
    if isinstance(first.action, RequireSignIn):
        what = "require sign-in"
    if isinstance(first.action, Drain):
        what = f"drain, then {what}"
    if isinstance(first.action, Withdraw):
        what = "withdraw drain"
    why = _why(first.reason, first.message, changes, impact)
    return PlanLine(first.cluster, first.member, first.intent, what, why)


def _wait_line(wait: Wait) -> PlanLine:
    later = wait.intent not in (Intent.BLOCKED, Intent.NOTHING)
    what = _WORDS[wait.intent] + (", later" if later else "")
    why = _why(wait.reason, wait.message, wait.changes)
    settled = wait.reason.outlook is Outlook.SETTLED
    if settled and wait.intent is Intent.BLOCKED:
        what = "unchanged"
    return PlanLine(wait.cluster, wait.member, wait.intent, what, why, settled)


def _why(reason: Reason, message: str, changes: Sequence[Change], impact: str = "") -> str:
    parts = [message] if message else []
    if changes:
        parts.append(", ".join(map(str, changes)))
    if impact:
        parts.append(impact)
    meaning = reason.meaning.rstrip(".")
    return f"{reason}: {'; '.join(parts) or meaning[:1].lower() + meaning[1:]}"


def launcher_counts(steps: Sequence[Step]) -> tuple[int, int]:
    """Numbers of launchers to write and to remove."""
    writes = sum(isinstance(step.action, WriteLauncher) for step in steps)
    removals = sum(isinstance(step.action, RemoveLauncher) for step in steps)
    return writes, removals


def folder_count(steps: Sequence[Step]) -> int:
    """Number of folders of deleted clusters to remove."""
    return sum(isinstance(step.action, RemoveFolder) for step in steps)


_OF_ENVIRONMENTS = (
    (CreateJob, "job to create"),
    (StartRun, "run to start"),
    (StopRun, "run to stop"),
    (DeleteJob, "job to delete"),
    (CreateBuilder, "builder to create"),
    (DeleteBuilder, "builder to delete"),
    (RemoveEnvironment, "path to remove"),
)


def environment_counts(steps: Sequence[Step]) -> list[tuple[int, str]]:
    """Number of steps of each kind for Python environments, without zeros."""
    counts = Counter(type(step.action) for step in steps)
    return [(counts[kind], what) for kind, what in _OF_ENVIRONMENTS if counts[kind]]


def shared_memory_steps(steps: Sequence[Step]) -> list[Step]:
    """Steps that raise the shared memory limit of a project."""
    return [s for s in steps if isinstance(s.action, RaiseSharedMemory) and s.member is None]


def footer(plan: Plan) -> str:
    """The last line: counts of members, or "No changes."."""
    if plan.refusals and not plan.steps:
        return "Nothing was done."
    if plan.complete:
        # Settled waits are listed above: an orphan, a cluster held at an older spec.
        return "No changes." if plan.waits else "No changes. Everything is in sync."
    counts = summary(plan)
    parts = [f"{counts[word]} to {word}" for word in _COUNTED if counts[word]]
    if counts["blocked"]:
        parts.append(f"{counts['blocked']} blocked")
    if counts["waiting"]:
        parts.append(f"{counts['waiting']} pending")
    only = "environments" if environment_counts(plan.steps) else "launchers"
    only = "files of deleted clusters" if folder_count(plan.steps) else only
    only = "shared memory" if shared_memory_steps(plan.steps) else only
    return f"Plan: {', '.join(parts)}." if parts else f"Plan: only {only}."


def summary(plan: Plan) -> dict[str, int]:
    """Numbers of members by change, later ones included; then of launchers."""
    intents = Counter(line.intent.word for line in plan_lines(plan) if not line.settled)
    writes, removals = launcher_counts(plan.steps)
    return {
        **{word: intents[word] for word in _COUNTED},
        "blocked": intents[Intent.BLOCKED.word],
        "waiting": intents[Intent.NOTHING.word],
        "launchers_to_write": writes,
        "launchers_to_remove": removals,
    }


def outcome_words(step: Step) -> str:
    """The result of a completed step, in a word or two."""
    match step.action:
        case Update():
            return "updated"
        case Restart() if step.intent is Intent.START:
            return "started"
        case _:
            return _DONE.get(step.name, step.name)


_DONE = {
    "create": "created",
    "require_sign_in": "sign-in required",
    "restart": "restarted",
    "stop": "stopping",
    "delete": "deleting",
    "drain": "draining",
    "withdraw": "drain withdrawn",
    "write_launcher": "launcher written",
    "remove_launcher": "launcher removed",
    "write_builder": "build script written",
    "create_job": "job created",
    "start_run": "build started",
    "stop_run": "build stopping",
    "delete_job": "job deleted",
    "create_builder": "build started by an application",
    "delete_builder": "builder deleted",
    "remove_environment": "environment removed",
    "remove_folder": "files removed",
    "create_project": "created",
    "raise_shared_memory": "shared memory raised",
    "delete_project": "deleting",
    "write_file": "written",
    "remove_file": "removed",
}
