"""Adoption as text and as JSON (`raycml.adopt/v1`), before and after.  Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from controller.adoption.adoption import Adoption, Offer
from controller.core.model.json_object import Count, JsonObject
from controller.core.model.plan import Change
from controller.core.status.documents import StepJson, WaitJson, plan_json
from controller.printable import one_line
from controller.terminal.columns import table
from controller.terminal.plan_table import is_pending, plan_text
from controller.workspace.write_mark import Written


def preview_text(offer: Offer) -> str:
    """Applications, their differences from their members, and the changes of the next reconcile."""
    header = ("MEMBER", "APPLICATION", "ID", "STATE", "WHY", "DIFFERENCES")
    notes = [f"note: {one_line(note)}" for note in offer.notes]
    then = "`raycml reconcile` will then change nothing."
    if any(each.mark.kept for each in offer.adoptions):
        then += (
            "\nThe applications run as they are until their spec changes; with --update, "
            "`raycml reconcile` updates them."
        )
    if is_pending(offer.plan):
        then = f"`raycml reconcile` will then:\n{plan_text(offer.plan)}"
    return "\n".join([table(header, *map(_preview, offer.adoptions)), *notes, then])


def _preview(adoption: Adoption) -> tuple[str, ...]:
    app = adoption.app
    differences = ", ".join(map(str, adoption.changes)) or "none; it keeps running"
    previous = f"; taken from {adoption.previous}" if adoption.previous else ""
    why = one_line(adoption.why)
    member = str(adoption.member)
    return member, app.subdomain, app.id, str(app.phase), why, differences + previous


def adopted_text(offer: Offer, written: Sequence[Written]) -> str:
    """The result for each application."""
    rows = [(pair.member, pair.app, "already adopted") for pair in offer.already]
    for adoption, one in zip(offer.adoptions, written, strict=True):
        rows.append((adoption.member, adoption.app, result_text(one, "adopted")))
    cluster = offer.cluster.name
    if not rows:
        return f"{cluster}  every member has an application; nothing to adopt"
    return table(*((cluster, str(member), app.id, text) for member, app, text in rows))


def result_text(written: Written, done: str) -> str:
    """The result as a cell: a word such as `adopted`, or the fault."""
    return done if written.done else f"{written.result.value}: {written.message}"


@dataclass(frozen=True, slots=True)
class AdoptionJson(JsonObject):
    """An application that becomes a member."""

    member: str
    """Member that it becomes."""
    application_id: str
    """Id of the application."""
    name: str
    """Name of the application."""
    subdomain: str
    """Subdomain of the application."""
    state: str
    """State of the application."""
    why: str
    """Reason for which it becomes this member."""
    kept: bool
    """True if it stays as it is until its spec changes."""
    from_owner: str | None
    """Previous owner, if any."""
    equal: bool
    """True if the application is as its member should be."""
    changes: tuple[Change, ...]
    """Differences between the application and its member."""
    result: str
    """`proposed`, `adopted`, or the result of a write that did not succeed."""
    message: str
    """Explanation of the result; empty if there is none."""
    unapplied: tuple[str, ...]
    """Fields that CML did not take."""


@dataclass(frozen=True, slots=True)
class AdoptedJson(JsonObject):
    """A member that has its application already."""

    member: str
    """The member."""
    application_id: str
    """Id of its application."""


@dataclass(frozen=True, slots=True)
class NextJson(JsonObject):
    """The changes that a reconcile makes after the adoption."""

    steps: tuple[StepJson, ...]
    """Actions, in their order."""
    waits: tuple[WaitJson, ...]
    """Members that are not changed yet."""
    summary: Mapping[str, Count]
    """Number of members by kind of change, and of launchers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptJson(JsonObject):
    """The adoption of applications by a cluster."""

    schema: Literal["raycml.adopt/v1"] = "raycml.adopt/v1"
    """Name and version of the format."""
    revision: str
    """Revision of the specs."""
    cluster: str
    """Name of the cluster."""
    project: str
    """Id of its project."""
    applications: tuple[AdoptionJson, ...]
    """The applications."""
    already: tuple[AdoptedJson, ...]
    """Members that have their application already."""
    notes: tuple[str, ...]
    """Remarks for people."""
    reconcile: NextJson
    """The changes that a reconcile makes after the adoption."""


def adopt_json(offer: Offer, revision: str, written: Sequence[Written] | None) -> AdoptJson:
    """The document; `written` is None for a proposal without consent."""
    plan = plan_json(offer.plan, revision)
    results = [None] * len(offer.adoptions) if written is None else written
    return AdoptJson(
        revision=revision,
        cluster=offer.cluster.name,
        project=offer.cluster.project,
        applications=tuple(map(_adoption_json, offer.adoptions, results)),
        already=tuple(AdoptedJson(str(p.member), p.app.id) for p in offer.already),
        notes=tuple(offer.notes),
        reconcile=NextJson(plan.steps, plan.waits, plan.summary),
    )


def _adoption_json(adoption: Adoption, written: Written | None) -> AdoptionJson:
    result = "proposed"
    if written is not None:
        result = "adopted" if written.done else written.result.value
    return AdoptionJson(
        member=str(adoption.member),
        application_id=adoption.app.id,
        name=adoption.app.name,
        subdomain=adoption.app.subdomain,
        state=str(adoption.app.phase),
        why=adoption.why,
        kept=bool(adoption.mark.kept),
        from_owner=adoption.previous or None,
        equal=not adoption.changes,
        changes=tuple(adoption.changes),
        result=result,
        message="" if written is None else written.message,
        unapplied=() if written is None else tuple(written.unapplied),
    )
