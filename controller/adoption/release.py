"""Release in a workspace: read, and one write for each application of the cluster."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from controller.adoption.adoption import release as unmarked
from controller.core.model.history import History
from controller.core.model.observed import ObservedApplication, is_ours, key_of
from controller.core.spec.revision import SpecDocument
from controller.core.spec.suggestions import did_you_mean
from controller.guards.pauses import check_pauses
from controller.guards.protection import check_specs
from controller.printable import one_line
from controller.reconcile import look_and_plan
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.specs import NO_SPECS
from controller.workspace.session import Session
from controller.workspace.write_mark import Fields, Written, write


def releasable(
    session: Session, name: str, document: SpecDocument | None
) -> Sequence[ObservedApplication]:
    """All applications of the cluster.  CommandError if they must not be released."""
    policy = replace(session.policy, look_at_pauses=True)
    done = look_and_plan(NO_SPECS, session.world, History(), policy)
    clusters: dict[str, list[ObservedApplication]] = {}
    for app in done.observed.owned(session.owner):
        clusters.setdefault(key_of(app).cluster, []).append(app)
    if name not in clusters:
        hint = did_you_mean(name, clusters)
        hint = hint or f"there are: {', '.join(sorted(clusters)) or 'none'}"
        message = f"no managed cluster `{one_line(name[:60])}` in this project; {hint}"
        raise CommandError(message, Exit.USAGE, "`raycml status`")
    if not done.observed.complete():
        message = "the list of applications was incomplete; no action was taken"
        raise CommandError(message, Exit.UNEXPECTED, "run the command again")
    check_specs(() if document is None else (document,), loses=False)
    check_pauses({name}, done)
    return sorted(clusters[name], key=lambda app: (key_of(app), app.id))


def release_all(session: Session, name: str, apps: Sequence[ObservedApplication]) -> list[Written]:
    """Write each application."""
    decide = partial(_decided, session.owner, name)
    return [write(session.world, app, decide) for app in apps]


def _decided(owner: str, name: str, fresh: ObservedApplication) -> Fields | str:
    """The PATCH for an application as it is now, or the reason for none."""
    mark = fresh.mark
    if mark is None or not is_ours(fresh, owner):
        return {}  # released by another process meanwhile
    if mark.cluster != name:
        return f"it is now {mark.key}"
    return unmarked(fresh, mark)
