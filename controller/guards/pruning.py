"""Deleting clusters that no spec holds: what must be true, and who must agree, before it begins.

A person agrees to names.  `reconcile` deletes these and no others, however the world changes while
it works.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from controller.core.model.plan import Plan
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason
from controller.core.spec.text import counted
from controller.guards.pauses import check_pauses
from controller.reconcile import Pass
from controller.terminal.consent import consent
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen


def check_whole(paths: Sequence[Path] | None, *, prune: bool) -> None:
    """A single file says nothing of the clusters that other files hold."""
    files = [path for path in paths or () if path.is_file()]
    if prune and files:
        raise CommandError(
            f"--prune needs the whole folder of specs, and {files[0]} is a single file",
            Exit.USAGE,
            f"`raycml reconcile {files[0].parent} --prune`",
        )


def with_prune(policy: Policy, *, prune: bool, allow_prune: int) -> Policy:
    return replace(policy, prune=prune, allow_prune=allow_prune)


def to_prune(seen: Pass) -> frozenset[str]:
    """The clusters that a plan with prune would delete.  CommandError where the guard holds it."""
    guarded = [wait for wait in seen.plan.waits if wait.reason is Reason.PRUNE_GUARDED]
    if guarded:
        message = f"nothing is pruned: {guarded[0].message}"
        raise CommandError(message, Exit.REFUSED, "`raycml plan --prune` shows which")
    held = {cluster.name for cluster in seen.desired.clusters} | set(seen.desired.frozen)
    named = _clusters(seen.plan) - held
    check_pauses(named, seen)
    return frozenset(named)


def _clusters(plan: Plan) -> set[str]:
    """Those with a member that leaves, or whose leaving has to wait, for a pause too."""
    leaving = {step.cluster for step in plan.steps if step.member is not None}
    held = {w.cluster for w in plan.waits if w.member is not None or w.reason is Reason.PAUSED}
    return leaving | held


def agree(screen: Screen, names: frozenset[str], what: str, *, yes: bool) -> None:
    """Return only where a person agreed, now or by `--yes`.  CommandError otherwise."""
    if names:
        listed = ", ".join(sorted(names))
        said = f"this deletes {counted(len(names), 'cluster')} ({listed}): {what}"
        consent(screen, said, "Delete?", yes=yes)
