"""An adoption as text for people and as JSON (`raycml.adopt/v1`), before and after.  Pure."""

from collections.abc import Sequence

from controller.adoption.adoption import Adoption, Offer
from controller.core.model.plan import Result
from controller.core.status.documents import plan_json
from controller.printable import one_line
from controller.terminal.columns import aligned
from controller.terminal.plan_table import is_pending, plan_text
from controller.workspace.write_mark import Written

SCHEMA = "raycml.adopt/v1"


def preview_text(offer: Offer) -> str:
    """The applications, how each differs from its member, and what a reconcile does about it."""
    rows: list[tuple[str, ...]] = [("MEMBER", "APPLICATION", "ID", "STATE", "DIFFERENCES")]
    rows += [_preview(made) for made in offer.adoptions]
    notes = [f"note: {one_line(note)}" for note in offer.notes]
    then = "`raycml reconcile` will then change nothing."
    if is_pending(offer.plan):
        then = f"`raycml reconcile` will then:\n{plan_text(offer.plan)}"
    return "\n".join([*aligned(rows), *notes, then])


def _preview(made: Adoption) -> tuple[str, ...]:
    app = made.app
    differences = ", ".join(map(str, made.changes)) or "none: it runs on as it is"
    taken = f"; taken from {made.previous}" if made.previous else ""
    name, differs = one_line(app.subdomain), one_line(differences + taken)
    return str(made.member), name, app.id, str(app.phase), differs


def adopted_text(offer: Offer, written: Sequence[Written]) -> str:
    """A line for each application."""
    cluster = offer.cluster.name
    rows = [(cluster, str(p.member), p.app.id, "was adopted already") for p in offer.already]
    for made, one in zip(offer.adoptions, written, strict=True):
        said = "adopted" if one.done else f"{one.result.value}: {one_line(one.message)}"
        rows.append((cluster, str(made.member), made.app.id, said))
    nothing = f"{cluster}  every member has its application; there is nothing to adopt"
    return "\n".join(aligned(rows)) if rows else nothing


def adopt_json(offer: Offer, revision: str, written: Sequence[Written] | None) -> dict[str, object]:
    """The document; `written` is None for a proposal that nobody agreed to."""
    plan = plan_json(offer.plan, revision)
    results = [None] * len(offer.adoptions) if written is None else written
    return {
        "schema": SCHEMA,
        "revision": revision,
        "cluster": offer.cluster.name,
        "project": offer.cluster.project,
        "applications": [
            _application_json(made, one) for made, one in zip(offer.adoptions, results, strict=True)
        ],
        "already": [{"member": str(p.member), "application_id": p.app.id} for p in offer.already],
        "notes": list(offer.notes),
        "reconcile": {key: plan[key] for key in ("steps", "waits", "summary")},
    }


def _application_json(made: Adoption, written: Written | None) -> dict[str, object]:
    return {
        "member": str(made.member),
        "application_id": made.app.id,
        "name": made.app.name,
        "subdomain": made.app.subdomain,
        "state": str(made.app.phase),
        "from_owner": made.previous or None,
        "equal": not made.changes,
        "changes": [{"field": c.field, "was": c.was, "wants": c.wants} for c in made.changes],
        "result": _word(written),
        "message": "" if written is None else written.message,
        "unapplied": [] if written is None else list(written.unapplied),
    }


def _word(written: Written | None) -> str:
    if written is None:
        return "proposed"
    return "adopted" if written.result is Result.DONE else written.result.value
