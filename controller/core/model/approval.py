"""Approval of one step of a source, from the revision in force to another."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol

from pydantic import StringConstraints

from controller.core.model.json_object import (
    JsonObject,
    Moment,
    Number,
    SomeText,
    Text,
    Texts,
)

PREFIX_MIN = 7  # characters of a revision's id that a person may give for the whole
REVISION = "[0-9a-f]{7,64}"  # a commit, the id of a folder's content, or their start


@dataclass(frozen=True, slots=True)
class Held(JsonObject):
    """A newer revision that waits for a person: `raycml approve REVISION`."""

    schema: Literal["raycml.held/v1"] = field(default="raycml.held/v1", kw_only=True, repr=False)
    """Name and version of the format."""
    revision: Annotated[Text, StringConstraints(pattern=rf"^{REVISION}$")]
    """The revision that waits."""
    reason: Text
    """Reason for the wait, in CamelCase."""
    message: Text
    """Explanation for people."""
    since: Moment
    """Start of the wait."""
    base: Text = ""
    """Revision in force."""
    number: Number = 0
    """Number of the revision in force."""
    removes: Texts = ()
    """Clusters that the revision removes."""
    origin: Text = ""
    """Source of the revision."""


@dataclass(frozen=True, slots=True)
class Approval(JsonObject):
    """A person's approval of one step.  All ids are whole."""

    schema: Literal["raycml.approval/v2"] = field(
        default="raycml.approval/v2", kw_only=True, repr=False
    )
    """Name and version of the format."""
    base: Text
    """Revision in force."""
    revision: SomeText
    """The approved revision."""
    number: Number
    """Number of the revision in force, counted over all of the source: an approval that was left
    behind fits no later step, even from and to the same revisions.
    """
    by: Text
    """Person who approved it."""
    at: Moment
    """Time of the approval."""

    def fits(self, hold: Held) -> bool:
        """True if the held revision waits for this approval."""
        step = (hold.base, hold.revision, hold.number)
        return (self.base, self.revision, self.number) == step


class HoldStore(Protocol):
    """The store of the held revision, for `raycml approve`, and of approvals."""

    def published(self) -> Held | None: ...
    def publish(self, hold: Held | None) -> None: ...
    def approval(self, hold: Held) -> Approval | None: ...
    def use_up(self) -> None:
        """Remove all approvals of this source."""


def matching(prefix: str, holds: Iterable[Held]) -> tuple[Held, ...]:
    """The held revisions that an id or its first characters match."""
    if len(prefix) < PREFIX_MIN:
        return ()
    return tuple(each for each in holds if each.revision.startswith(prefix))
