"""`raycml orphans`: managed applications that no spec declares."""

from collections.abc import Sequence
from datetime import datetime

from controller.core.model.history import History
from controller.core.model.observed import ObservedApplication, ObservedState, key_of
from controller.core.status.documents import OrphanJson, OrphansJson, unreadable_json
from controller.reconcile import look_and_plan
from controller.terminal.columns import table
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, Output, Specs
from controller.terminal.specs import check_whole, label, load
from controller.terminal.status_text import unreadable_text
from controller.workspace.session import open_session


@with_common_options
def orphans(common: CommonOptions, *, specs: Specs = None, output: Output = Form.TEXT) -> Exit:
    """Example: raycml orphans --specs specs/

    List managed applications that no spec declares.
    """
    screen = common.screen
    check_whole(specs, "orphans", "raycml orphans --specs {}")
    revision = load(specs)
    with open_session(common) as session:
        policy = session.policy
        done = look_and_plan(revision, session.world, History(), policy)
    observed = done.observed
    declared = {cluster.name for cluster in done.desired.clusters} | set(done.desired.frozen)
    apps = [app for app in observed.owned(policy.owner) if key_of(app).cluster not in declared]
    apps.sort(key=lambda app: (key_of(app), app.id))
    unreadable = observed.unreadable(policy.owner)
    if output is Form.JSON:
        screen.document(_document(apps, unreadable, observed, label(revision)))
    else:
        screen.data("\n\n".join([_text(apps), *unreadable_text(unreadable)]))
        screen.say(*_remedies(apps))
    if not observed.complete():
        screen.say("a list of applications was incomplete; there may be more")
    return Exit.DONE


def _since(app: ObservedApplication) -> datetime | None:
    """Start of the application's state, if CML reports it; else its creation."""
    return app.in_phase_since or app.created_at


def _text(apps: Sequence[ObservedApplication]) -> str:
    header = ("CLUSTER", "MEMBER", "APPLICATION", "STATE", "SINCE")
    nothing = "no orphans: every managed application has a spec"
    return table(header, *map(_row, apps)) if apps else nothing


def _row(app: ObservedApplication) -> tuple[str, ...]:
    key, since = key_of(app), _since(app)
    start = "-" if since is None else f"{since:%Y-%m-%d %H:%M} UTC"
    return key.cluster, str(key.member), app.id, str(app.phase), start


def _remedies(apps: Sequence[ObservedApplication]) -> list[str]:
    """Possible actions for each cluster."""
    names = sorted({key_of(app).cluster for app in apps})
    ways = "delete it: `raycml delete {0}`; stop managing it: `raycml release {0}`"
    lines = [f"{name}: {ways.format(name)}" for name in names]
    return [*lines, "to keep a cluster, add a spec that declares it"] if lines else []


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
