"""`raycml adopt`: take existing applications into a cluster that a spec declares.

The user maps applications to members, or confirms the mapping proposed from names.  Each
application is fetched again and gets the mark by one PATCH, without a restart.  Everything else is
left to the next reconcile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from controller.adoption.adopt import carry_out, check_once, decide_on, look_at, ordered_pairs
from controller.adoption.adoption import Offer
from controller.adoption.text import adopt_json, adopted_text, preview_text
from controller.core.model.member import Member, parse_member
from controller.core.model.orders import OrderKind
from controller.core.spec.revision import Revision
from controller.core.spec.text import counted
from controller.core.status.text import no_cluster
from controller.printable import one_line
from controller.process.interrupts import saying
from controller.run.orders.delegation import lead_or_order, new_order, writes_of
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.confirm import confirm
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, LeadTimeout, Output, Specs, Yes
from controller.terminal.plan_table import is_pending
from controller.terminal.screen import Screen
from controller.terminal.specs import label, load
from controller.workspace.session import open_session
from controller.workspace.write_mark import Written

Name = Annotated[str, typer.Argument(metavar="CLUSTER", help="A cluster that a spec declares.")]
Mapped = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="MEMBER=NAME|ID",
        help="Application of a member: head=my-head, cpu/0=my-worker-0.  Can be repeated.  "
        "Default: proposed from names",
        show_default=False,
    ),
]
FromOwner = Annotated[
    str | None,
    typer.Option(
        "--from-owner",
        metavar="OWNER",
        help="Also take applications with the mark of this other owner.",
        show_default=False,
    ),
]


@with_common_options
def adopt(
    common: CommonOptions,
    name: Name,
    *,
    mapped: Mapped = None,
    from_owner: FromOwner = None,
    specs: Specs = None,
    yes: Yes = False,
    timeout: LeadTimeout = "10m",  # type: ignore[assignment]  # its parser makes it seconds
    output: Output = Form.TEXT,
) -> Exit:
    """Example: raycml adopt analytics --map head=ray-cluster-head

    Take existing applications into a cluster, without a restart.

    Shows the differences from the spec and asks for confirmation.  The next `raycml reconcile`
        updates applications that differ; the others keep running.
    """
    screen = common.screen
    revision = load(specs)
    _check_declared(name, revision)
    order = [_mapping(text) for text in mapped or ()]
    check_once([str(member) for member, _ in order])
    with open_session(common) as session:
        ground = look_at(session, revision, name, from_owner)
        pairs = ordered_pairs(order, ground) if order else None
        found = decide_on(ground, pairs)
        shown = AdoptionDialog(screen, output, label(revision), found)
        if found.adoptions:
            shown.preview()
            shown.ask(yes=yes)
        elif not found.already and found.notes:
            message = f"nothing was adopted: {'; '.join(found.notes)}"
            raise CommandError(message, Exit.REFUSED, f"`raycml adopt {name} --map MEMBER=NAME`")
        answer = None
        if found.adoptions:  # without changes, no lease is needed
            wish = new_order(
                session,
                screen.system,
                OrderKind.ADOPT,
                (name,),
                timeout,
                pairs=tuple((str(made.member), made.app.id) for made in found.adoptions),
                from_owner=from_owner or "",
            )
            answer = lead_or_order(session, wish, screen.say)
        if answer is None:
            with saying(f"run `raycml adopt {name}` to continue"):
                written = carry_out(session, ground, found)
            return shown.conclude(written)
        return shown.conclude(writes_of(answer, [made.app.id for made in found.adoptions]))


def _check_declared(name: str, revision: Revision) -> None:
    known = [holder.cluster.name for holder in revision.clusters]
    if name not in known:
        message = no_cluster(name, known, "no spec declares a cluster")
        raise CommandError(message, Exit.USAGE, "`raycml validate` lists them")


def _mapping(text: str) -> tuple[Member, str]:
    written, equals, named = text.partition("=")
    member = parse_member(written.strip())
    if not equals or not named.strip() or member is None:
        raise CommandError(
            f"`--map {one_line(text[:60])}` is not MEMBER=NAME or MEMBER=ID",
            Exit.USAGE,
            "`--map head=my-head --map cpu/0=my-worker-0`",
        )
    return member, named.strip()


@dataclass(frozen=True, slots=True)
class AdoptionDialog:
    """Output of an offer, before and after the confirmation."""

    screen: Screen
    form: Form
    revision: str
    offer: Offer

    def preview(self) -> None:
        say = self.screen.say if self.form is Form.JSON else self.screen.data
        say(preview_text(self.offer))

    def ask(self, *, yes: bool) -> None:
        name = self.offer.cluster.name
        said = f"this takes {counted(len(self.offer.adoptions), 'application')} into {name}"
        if self.form is Form.JSON and not yes and not self.screen.asks:
            self.screen.document(adopt_json(self.offer, self.revision, None))
        confirm(self.screen, said, "Adopt?", yes=yes)

    def conclude(self, written: Sequence[Written]) -> Exit:
        if self.form is Form.JSON:
            self.screen.document(adopt_json(self.offer, self.revision, written))
        else:
            self.screen.data(adopted_text(self.offer, written))
        if not all(one.done for one in written):
            self.screen.say("not all applications were adopted; run the command again to continue")
            return Exit.NOT_CONVERGED
        if written and is_pending(self.offer.plan):
            self.screen.say("next: raycml reconcile")
        return Exit.DONE
