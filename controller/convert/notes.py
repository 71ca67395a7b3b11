"""Notes of a conversion: one for each field that a spec cannot have, or that a person must decide.

A note names fields, quantities and images; it never repeats the value of a variable, a command or
an annotation, which may be a secret.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from controller.convert.field import ManifestField
from controller.printable import one_line


class NoteKind(StrEnum):
    """The fate of a field."""

    CHANGED = "changed"
    DROPPED = "dropped"
    DECIDE = "decide"


@dataclass(frozen=True, slots=True, order=True)
class ConversionNote:
    """A remark on one field of a manifest; `line` and `column` count from 1."""

    line: int
    column: int
    field: str
    kind: NoteKind
    message: str

    @property
    def text(self) -> str:
        """The remark for people."""
        verdict = "not converted: " if self.kind is NoteKind.DROPPED else ""
        return f"{self.field}: {verdict}{self.message}"


@dataclass(slots=True)
class Notes:
    """The notes so far, in the order of the manifest once they are `sorted`."""

    notes: list[ConversionNote] = field(default_factory=list)

    def dropped(self, at: ManifestField, message: str) -> None:
        """The field is not in the spec; the message says what to use instead."""
        self._add(at, NoteKind.DROPPED, message)

    def changed(self, at: ManifestField, message: str) -> None:
        """The field is in the spec in another form or to another value."""
        self._add(at, NoteKind.CHANGED, message)

    def decide(self, at: ManifestField, message: str) -> None:
        """The manifest does not say it, and the spec has a value that a person must confirm."""
        self._add(at, NoteKind.DECIDE, message)

    def sorted(self) -> tuple[ConversionNote, ...]:
        return tuple(sorted(set(self.notes)))

    def _add(self, at: ManifestField, kind: NoteKind, message: str) -> None:
        path = one_line(at.path[:200]) or "document"
        self.notes.append(ConversionNote(at.line, at.column, path, kind, one_line(message)))
