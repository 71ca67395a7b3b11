"""Writes of owner marks.

No step of a plan writes them, since a plan changes only managed applications.  Each write is one
PATCH, directly after fetching the application, and is read back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from controller.core.model.faults import Fault, Result
from controller.core.model.observed import ObservedApplication
from controller.workspace.workspace import Workspace

Fields = Mapping[str, object]
Decide = Callable[[ObservedApplication], Fields | str]
"""The PATCH for an application as it is now: empty where there is nothing to write, or a sentence
on why it must not be written."""


@dataclass(frozen=True, slots=True)
class Written:
    """Result of a write.  `unapplied` are fields that CML accepted and ignored."""

    result: Result
    message: str = ""
    unapplied: tuple[str, ...] = ()

    @property
    def done(self) -> bool:
        return self.result is Result.DONE


def write(world: Workspace, app: ObservedApplication, decide: Decide) -> Written:
    """Write the mark.  Fault if further writes are pointless."""
    fields: Fields = {}
    try:
        decided = decide(world.fetch(app.project, app.id))
        if isinstance(decided, str):
            return Written(Result.FAILED, decided)
        fields = decided
        return _read_back(world.update(app.project, app.id, fields) if fields else ())
    except Fault as fault:
        if fault.aborts:
            raise
        if fault.result is Result.UNKNOWN and fields:
            return _looked(world, app, fields)
        return Written(fault.result, str(fault))


def _read_back(unapplied: tuple[str, ...]) -> Written:
    if not unapplied:
        return Written(Result.DONE)
    message = f"FieldNotApplied: CML accepted but ignored {', '.join(unapplied)}"
    return Written(Result.FAILED, message, unapplied)


def _looked(world: Workspace, app: ObservedApplication, fields: Fields) -> Written:
    """The result after a lost answer, read from the application."""
    try:
        current = world.fetch(app.project, app.id)
    except Fault as fault:
        return Written(Result.UNKNOWN, f"the write may have taken effect: {fault}")
    if current.environment == fields["environment"]:
        return Written(Result.DONE)
    return Written(Result.FAILED, "the answer was lost, and the application is unchanged")
