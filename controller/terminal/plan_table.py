"""Plan as a table.  Pure."""

from collections.abc import Sequence
from typing import get_args

from controller.core.model.plan import (
    BuilderAction,
    Intent,
    JobAction,
    Plan,
    RemoveEnvironment,
    RemoveFolder,
    RemoveLauncher,
    Step,
    WriteBuilder,
    WriteLauncher,
)
from controller.core.model.reasons import Outlook
from controller.core.spec.text import counted
from controller.core.status.plan_text import (
    environment_counts,
    folder_count,
    footer,
    launcher_counts,
    plan_lines,
    shared_memory_steps,
)
from controller.printable import one_line
from controller.terminal.columns import aligned


def plan_text(plan: Plan, *, verbose: bool = False) -> str:
    """All steps and waits of the plan, without a final line end."""
    lines = aligned([line.cells() for line in plan_lines(plan)], gap=" ")
    refused = [f"Refused: it would break a law: {one_line(str(r))}" for r in plan.refusals]
    launchers = _launchers(plan.steps, verbose=verbose)
    folders = _folders(plan.steps, verbose=verbose)
    built = _environments(plan.steps, verbose=verbose)
    parts = (lines, refused, _shared_memory(plan.steps), launchers, built, folders, [footer(plan)])
    return "\n".join("\n".join(part) for part in parts if part)


def _shared_memory(steps: Sequence[Step]) -> list[str]:
    return [
        one_line(f"Project {step.project}: {', '.join(map(str, step.changes))}: {step.message}.")
        for step in shared_memory_steps(steps)
    ]


def _launchers(steps: Sequence[Step], *, verbose: bool) -> list[str]:
    if verbose:
        return [
            f"  launcher {step.name.partition('_')[0]} {step.action.path}"
            for step in steps
            if isinstance(step.action, WriteLauncher | RemoveLauncher)
        ]
    writes, removals = launcher_counts(steps)
    numbers = {"to write": writes, "to remove": removals}
    texts = [f"{number} {what}" for what, number in numbers.items() if number]
    return [f"Launchers: {', '.join(texts)}."] if texts else []


def _folders(steps: Sequence[Step], *, verbose: bool) -> list[str]:
    if verbose:
        actions = [step.action for step in steps]
        return [f"  remove folder {a.path}" for a in actions if isinstance(a, RemoveFolder)]
    number = folder_count(steps)
    return [f"Files: {counted(number, 'folder')} to remove."] if number else []


def _environments(steps: Sequence[Step], *, verbose: bool) -> list[str]:
    if verbose:
        ours = (WriteBuilder, RemoveEnvironment, *get_args(JobAction | BuilderAction))
        return [f"  {_environment(step)}" for step in steps if isinstance(step.action, ours)]
    texts = [counted_steps(number, what) for number, what in environment_counts(steps)]
    return [f"Environments: {', '.join(texts)}."] if texts else []


def _environment(step: Step) -> str:
    about = step.action.path if isinstance(step.action, WriteBuilder | RemoveEnvironment) else ""
    return f"{step.name.replace('_', ' ')} {about or step.message}"


def counted_steps(number: int, what: str) -> str:
    """`1 job to create`, `2 jobs to create`."""
    noun, _, rest = what.partition(" ")
    return f"{counted(number, noun)} {rest}"


def is_pending(plan: Plan) -> bool:
    """True if the plan changes something, now, later, or after manual action."""
    waits = [w for w in plan.waits if w.reason.outlook is not Outlook.SETTLED]
    return bool(plan.steps) or any(w.intent is not Intent.NOTHING for w in waits)


def members_away(plan: Plan) -> str:
    """Number of applications to delete, for the confirmation prompt."""
    return counted(sum(line.intent is Intent.DELETE for line in plan_lines(plan)), "application")
