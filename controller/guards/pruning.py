"""Checks before clusters without a spec are deleted.

The user confirms names.  `reconcile` deletes only these, even if others lose their spec meanwhile.
"""

from controller.core.model.plan import Plan
from controller.core.model.reasons import Reason
from controller.core.spec.text import counted
from controller.guards.pauses import check_pauses
from controller.reconcile import Pass
from controller.terminal.confirm import confirm
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen


def to_prune(done: Pass) -> frozenset[str]:
    """The clusters that a plan with prune would delete.  CommandError if they are too many."""
    guarded = [wait for wait in done.plan.waits if wait.reason is Reason.PRUNE_LIMIT]
    if guarded:
        message = f"nothing is pruned: {guarded[0].message}"
        raise CommandError(message, Exit.REFUSED, "list them: `raycml plan --prune`")
    declared = {cluster.name for cluster in done.desired.clusters} | set(done.desired.frozen)
    names = _clusters(done.plan) - declared
    check_pauses(names, done)
    return frozenset(names)


def _clusters(plan: Plan) -> set[str]:
    """Clusters with a member to delete, now or later, for example after a pause."""
    leaving = {step.cluster for step in plan.steps if step.member is not None}
    waiting = {w.cluster for w in plan.waits if w.member is not None or w.reason is Reason.PAUSED}
    return leaving | waiting


def agree(screen: Screen, names: frozenset[str], what: str, *, yes: bool) -> None:
    """Ask for confirmation, unless `--yes` is given.  CommandError without it."""
    if names:
        clusters = "cluster" if len(names) == 1 else counted(len(names), "cluster")
        message = f"This permanently deletes {clusters} {', '.join(sorted(names))} ({what})"
        confirm(screen, message, "Delete?", yes=yes)
