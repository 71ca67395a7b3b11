"""`raycml orphans`: managed applications that no spec declares."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from controller.core.model.desired import DesiredState
from controller.core.model.history import History
from controller.core.model.observed import ObservedApplication, ObservedState, key_of
from controller.core.model.policy import Policy
from controller.core.status.documents import OrphanJson, OrphansJson, unreadable_json
from controller.reconcile import look_and_plan
from controller.terminal.columns import aligned
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, Output, Specs
from controller.terminal.specs import label, load
from controller.terminal.status_text import unreadable_text
from controller.workspace.session import open_session, with_permissions


@with_common_options
def orphans(
    common: CommonOptions,
    *,
    specs: Specs = None,
    output: Output = Form.TEXT,
) -> Exit:
    """Example: raycml orphans --specs specs/

    List managed applications that no spec declares.
    """
    screen = common.screen
    _check_whole(specs)
    revision = load(specs)
    with open_session(common) as session:
        policy = with_permissions(session.policy)
        seen = look_and_plan(revision, session.world, History(), policy)
    found = _orphans(seen.desired, seen.observed, policy)
    unreadable = seen.observed.unreadable(policy.owner)
    whole = seen.observed.complete()
    if output is Form.JSON:
        screen.document(_document(found, unreadable, seen.observed, label(revision)))
    else:
        screen.data("\n\n".join([_text(found), *unreadable_text(unreadable)]))
        screen.say(*_remedies(found))
    if not whole:
        screen.say("a list of applications was incomplete; there may be more")
    return Exit.DONE


def _check_whole(specs: Sequence[Path] | None) -> None:
    """CommandError for a single file, since other files may declare the other clusters."""
    files = [path for path in specs or () if path.is_file()]
    if files:
        raise CommandError(
            f"orphans needs the whole folder of specs, and {files[0]} is a single file",
            Exit.USAGE,
            f"`raycml orphans --specs {files[0].parent}`",
        )


def _orphans(
    desired: DesiredState, observed: ObservedState, policy: Policy
) -> list[ObservedApplication]:
    held = {cluster.name for cluster in desired.clusters} | set(desired.frozen)
    found = [app for app in observed.owned(policy.owner) if key_of(app).cluster not in held]
    return sorted(found, key=lambda app: (key_of(app), app.id))


def _since(app: ObservedApplication) -> datetime | None:
    """Start of the application's state, if CML reports it; else its creation."""
    return app.in_phase_since or app.created_at


def _text(found: Sequence[ObservedApplication]) -> str:
    rows: list[tuple[str, ...]] = [("CLUSTER", "MEMBER", "APPLICATION", "STATE", "SINCE")]
    rows += [_row(app) for app in found]
    return "\n".join(aligned(rows)) if found else "no orphans: every managed application has a spec"


def _row(app: ObservedApplication) -> tuple[str, ...]:
    key, since = key_of(app), _since(app)
    told = "-" if since is None else f"{since:%Y-%m-%d %H:%M} UTC"
    return key.cluster, str(key.member), app.id, str(app.phase), told


def _remedies(found: Sequence[ObservedApplication]) -> list[str]:
    """Possible actions for each cluster."""
    names = sorted({key_of(app).cluster for app in found})
    ways = "delete it: `raycml delete {0}`; stop managing it: `raycml release {0}`"
    said = [f"{name}: {ways.format(name)}" for name in names]
    return [*said, "to keep a cluster, add a spec that declares it"] if said else []


def _document(
    orphans: Sequence[ObservedApplication],
    unreadable: Sequence[ObservedApplication],
    observed: ObservedState,
    revision: str,
) -> OrphansJson:
    return OrphansJson(
        revision=revision,
        as_of=observed.as_of,
        complete=observed.complete(),
        orphans=tuple(map(_orphan, orphans)),
        unreadable=tuple(map(unreadable_json, unreadable)),
    )


def _orphan(app: ObservedApplication) -> OrphanJson:
    key = key_of(app)
    return OrphanJson(
        key.cluster, str(key.member), app.id, app.project, str(app.phase), _since(app)
    )
