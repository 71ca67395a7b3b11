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
from controller.core.spec.text import counted
from controller.printable import one_line
from controller.process.interrupts import saying
from controller.run.orders.delegation import lead_or_order, new_order, writes_of
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.confirm import confirm
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, LeadTimeout, Output, Specs, Yes, option
from controller.terminal.plan_table import is_pending
from controller.terminal.screen import Screen
from controller.terminal.specs import check_cluster, label, load
from controller.workspace.session import open_session
from controller.workspace.write_mark import Written

Name = Annotated[str, typer.Argument(metavar="CLUSTER", help="A cluster that a spec declares.")]
Mapped = Annotated[
    list[str] | None,
    option(
        "--map",
        "MEMBER=NAME|ID",
        "Application of a member: head=my-head, cpu/0=my-worker-0.  Can be repeated.  "
        "Default: proposed from names",
    ),
]
Update = Annotated[
    bool,
    typer.Option(
        "--update",
        help="Let the next reconcile update the applications, also those that are kept as adopted.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the members and differences, and write nothing.")
]
FromOwner = Annotated[
    str | None,
    option("--from-owner", "OWNER", "Also take applications with the mark of this other owner."),
]


@with_common_options
def adopt(  # noqa: PLR0913 - each is an option
    common: CommonOptions,
    name: Name,
    *,
    mapped: Mapped = None,
    from_owner: FromOwner = None,
    update: Update = False,
    dry_run: DryRun = False,
    specs: Specs = None,
    yes: Yes = False,
    timeout: LeadTimeout = "10m",  # type: ignore[assignment]  # its parser makes it seconds
    output: Output = Form.TEXT,
) -> Exit:
    """Example: raycml adopt analytics --map head=ray-cluster-head

    Take existing applications into a cluster, without a restart.

    Shows which application becomes which member, why, and how it differs, and asks for
        confirmation.  Applications that differ run as they are until their spec changes, or until
        the next `raycml reconcile` with --update.
    """
    screen = common.screen
    revision = load(specs)
    declared = [document.cluster.name for document in revision.clusters]
    check_cluster(name, declared, "no spec declares a cluster", "`raycml validate` lists them")
    mapping = [_mapping(text) for text in mapped or ()]
    check_once([str(member) for member, _ in mapping])
    with open_session(common) as session:
        context = look_at(session, revision, name, from_owner, keep=not update)
        offer = decide_on(context, ordered_pairs(mapping, context) if mapping else None)
        dialog = AdoptionDialog(screen, output, label(revision), offer)
        if not offer.adoptions:  # without changes, no lease is needed
            _check_answered(name, offer)
            return dialog.conclude([])
        if dry_run:
            return dialog.preview()
        dialog.confirm(yes=yes)
        order = new_order(
            session,
            screen.system,
            OrderKind.ADOPT,
            (name,),
            timeout,
            pairs=tuple((str(each.member), each.app.id) for each in offer.adoptions),
            from_owner=from_owner or "",
            keep=not update,
        )
        answer = lead_or_order(session, order, screen.say)
        if answer is not None:
            return dialog.conclude(writes_of(answer, [each.app.id for each in offer.adoptions]))
        with saying(f"run `raycml adopt {name}` to continue"):
            written = carry_out(session, context, offer)
        return dialog.conclude(written)


def _check_answered(name: str, offer: Offer) -> None:
    """CommandError if questions are all that is left of an adoption."""
    if offer.notes and not offer.already:
        message = f"nothing was adopted: {'; '.join(offer.notes)}"
        raise CommandError(message, Exit.REFUSED, f"`raycml adopt {name} --map MEMBER=NAME`")


def _mapping(text: str) -> tuple[Member, str]:
    written, _, name = text.partition("=")
    member = parse_member(written.strip())
    if not name.strip() or member is None:
        raise CommandError(
            f"`--map {one_line(text[:60])}` is not MEMBER=NAME or MEMBER=ID",
            Exit.USAGE,
            "`--map head=my-head --map cpu/0=my-worker-0`",
        )
    return member, name.strip()


@dataclass(frozen=True, slots=True)
class AdoptionDialog:
    """Output of an offer, before and after the confirmation."""

    screen: Screen
    form: Form
    revision: str
    offer: Offer

    def preview(self) -> Exit:
        if self.form is Form.JSON:
            self.screen.document(adopt_json(self.offer, self.revision, None))
        else:
            self.screen.data(preview_text(self.offer))
        self.screen.say("nothing was written (--dry-run)")
        return Exit.DONE

    def confirm(self, *, yes: bool) -> None:
        say = self.screen.say if self.form is Form.JSON else self.screen.data
        say(preview_text(self.offer))
        count = counted(len(self.offer.adoptions), "application")
        if self.form is Form.JSON and not yes and not self.screen.asks:
            self.screen.document(adopt_json(self.offer, self.revision, None))
        message = f"this takes {count} into {self.offer.cluster.name}"
        confirm(self.screen, message, "Adopt?", yes=yes)

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
