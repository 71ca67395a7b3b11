"""Where a command writes: data to stdout, messages to stderr, colour only for eyes.

Everything is redacted on its way out, and cleaned of what a terminal or a CI host would obey.  A
reader that went away ends the writing and changes no exit code.
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.text import Text

from controller.core.model.json_object import JsonObject, fields_of
from controller.printable import json_text, lines
from controller.process.system import System

_MARKS = {
    "+": "green",
    "~": "yellow",
    "!": "magenta",
    "-": "red",
    ".": "blue",
    ">": "green",
    "?": "bold yellow",
}
_WORDS = {
    "Ready": "green",
    "Reconciling": "yellow",
    "Stalled": "red",
    "Deleting": "red",
    "Paused": "blue",
    "Suspended": "blue",
    "good": "green",
    "warning": "yellow",
    "bad": "red",
    "Warning": "yellow",
}


class OutputError(Exception):
    """A stream of this process cannot be written, as on a full disk."""


class ReaderGoneError(Exception):
    """Whoever read the data of a command went away: it has no reason to go on."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One command's two streams.  `plain`: no colour was asked for, as by a set NO_COLOR."""

    machine: System
    plain: bool
    verbose: bool

    @property
    def colourless(self) -> bool:
        return self.plain or bool(self.machine.environ.get("NO_COLOR"))

    @property
    def live(self) -> bool:
        """Whether a person watches the messages as they come."""
        return sys.stderr.isatty() and self.machine.environ.get("TERM") != "dumb"

    @property
    def draws(self) -> bool:
        """Whether data goes to a person's eyes, so that it may be drawn anew."""
        return sys.stdout.isatty() and self.machine.environ.get("TERM") != "dumb"

    @property
    def asks(self) -> bool:
        """Whether there is somebody to answer a question."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def data(self, text: str) -> None:
        """Text that was asked for; lines with a mark or a word of status are coloured."""
        self._write(sys.stdout, text)

    def stream(self, text: str) -> None:
        """Data that goes on and on: ReaderGoneError once nobody reads it."""
        self._write(sys.stdout, text, lasting=True)

    def document(self, body: JsonObject | Mapping[str, object]) -> None:
        """One JSON document, with its fields in the order of the manual."""
        written = json.dumps(self._redacted(body), indent=2, ensure_ascii=False)
        _put(sys.stdout, json_text(written) + "\n")

    def stream_document(self, body: JsonObject | Mapping[str, object]) -> None:
        """One JSON document of several, on one line: ReaderGoneError once its reader ended."""
        written = json.dumps(self._redacted(body), ensure_ascii=False)
        _put(sys.stdout, json_text(written) + "\n", lasting=True)

    def exact(self, text: str) -> None:
        """Data that must keep each character, made and escaped by raycml itself: a program, JSON,
        workflow commands for a CI host."""
        _put(sys.stdout, self.machine.redaction(text) + "\n")

    def check_output(self) -> None:
        """OutputError where what was written by others, as a page of help, does not arrive."""
        _put(sys.stdout, "")

    def cleaned(self, text: str) -> str:
        """Text as it may be shown: redacted, and without what a terminal or a CI host obeys."""
        return lines(self.machine.redaction(text))

    def _redacted(self, body: object) -> object:
        """The same body with each text redacted, so that it stays JSON whatever a text holds."""
        if isinstance(body, JsonObject):
            body = fields_of(body)
        if isinstance(body, Mapping):
            return {key: self._redacted(value) for key, value in body.items()}
        if isinstance(body, list | tuple):
            return [self._redacted(each) for each in body]
        return self.machine.redaction(body) if isinstance(body, str) else body

    def say(self, *messages: str) -> None:
        """Messages for a person.  Further lines of one are indented: they begin no message."""
        for message in messages:
            self._write(sys.stderr, message.replace("\n", "\n  "))

    def stderr_console(self) -> Console:
        return Console(
            stderr=True, no_color=self.colourless, highlight=False, markup=False, emoji=False
        )

    def stdout_console(self) -> Console:
        return Console(no_color=self.colourless, highlight=False, markup=False, emoji=False)

    def coloured(self, text: str) -> Text:
        """Text as `data` would print it on a terminal."""
        return Text("\n").join(_coloured(self.cleaned(text).split("\n")))

    def _write(self, stream: TextIO, text: str, *, lasting: bool = False) -> None:
        if self.colourless or not stream.isatty():
            _put(stream, self.cleaned(text) + "\n", lasting=lasting)
            return
        console = Console(
            file=stream, no_color=False, highlight=False, markup=False, soft_wrap=True
        )
        with console.capture() as captured:
            console.print(self.coloured(text))
        _put(stream, captured.get(), lasting=lasting)


def _coloured(lines: Iterable[str]) -> Iterable[Text]:
    for line in lines:
        mark, word = line[:1], next(iter(line.split()[1:2]), "")
        style = _MARKS.get(mark, "") if line[1:2] == " " else _WORDS.get(word, "")
        yield Text(line, style=style)


def _put(stream: TextIO, text: str, *, lasting: bool = False) -> None:
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        # Python would complain again when it closes the stream at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if lasting:
            raise ReaderGoneError from None
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        name = "standard error" if stream is sys.stderr else "standard output"
        why = error.strerror or type(error).__name__
        raise OutputError(f"{name} cannot be written: {why}") from None
