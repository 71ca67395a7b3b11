"""Deleting clusters that no spec holds: what must be true, and who must agree, before it begins.

A person agrees to names.  `reconcile` deletes these and no others, however the world changes while
it works.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from controller.cli.consent import consent
from controller.cli.exit_codes import Exit
from controller.cli.failure import CommandError
from controller.cli.screen import Screen
from controller.core.plan import Plan
from controller.core.policy import Policy
from controller.core.reason import Reason
from controller.core.words import counted
from controller.reconcile import Pass


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


def check_pauses(names: set[str], seen: Pass) -> None:
    """A pause is obeyed by those who delete, too.  CommandError for the first that holds."""
    pauses = {} if seen.observed.pauses is None else seen.observed.pauses.found
    for project, name in sorted(pauses):
        pause = seen.observed.pause(project, name)
        if name in names and pause is not None and project in _projects(name, seen):
            raise CommandError(
                f"{name} is paused by {pause.by}: {pause.reason}",
                Exit.REFUSED,
                f"`raycml unpause {name}`, then the same command",
            )


def _projects(name: str, seen: Pass) -> set[str]:
    """Where the cluster is declared, or has applications."""
    cluster = seen.desired.cluster(name)
    apps = (a for p in seen.observed.projects.values() for a in p.applications)
    found = {a.project for a in apps if a.mark is not None and a.mark.cluster == name}
    return found if cluster is None else {*found, cluster.project}


def agree(screen: Screen, names: frozenset[str], what: str, *, yes: bool) -> None:
    """Return only where a person agreed, now or by `--yes`.  CommandError otherwise."""
    if names:
        listed = ", ".join(sorted(names))
        said = f"this deletes {counted(len(names), 'cluster')} ({listed}): {what}"
        consent(screen, said, "Delete?", yes=yes)
