"""Streams of a command: data on stdout, messages on stderr, color only on a terminal.

All output is redacted, and cleaned of control sequences for terminals and CI hosts.  If the reader
of a stream has gone, writing stops and the exit code stays the same.
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
    """A stream cannot be written, for example on a full disk."""


class ReaderGoneError(Exception):
    """The reader of a stream has gone, so the command can end."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The two streams of a command.  `plain`: no color, as with NO_COLOR."""

    system: System
    plain: bool
    verbose: bool

    @property
    def colourless(self) -> bool:
        return self.plain or bool(self.system.environ.get("NO_COLOR"))

    @property
    def live(self) -> bool:
        """True if messages go to a terminal."""
        return sys.stderr.isatty() and self.system.environ.get("TERM") != "dumb"

    @property
    def draws(self) -> bool:
        """True if data goes to a terminal, so that it can be redrawn."""
        return sys.stdout.isatty() and self.system.environ.get("TERM") != "dumb"

    @property
    def asks(self) -> bool:
        """True if a question can be answered."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def data(self, text: str) -> None:
        """Print data; lines with a plan mark or a status are colored."""
        self._write(sys.stdout, text)

    def stream(self, text: str) -> None:
        """Print streamed data: ReaderGoneError once its reader has gone."""
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
        """Print data unchanged: programs, JSON and workflow commands, already escaped by raycml."""
        _put(sys.stdout, self.system.redaction(text) + "\n")

    def check_output(self) -> None:
        """OutputError if stdout cannot be written, for text that others wrote, such as help."""
        _put(sys.stdout, "")

    def cleaned(self, text: str) -> str:
        """The text, redacted, and without control sequences for terminals and CI hosts."""
        return lines(self.system.redaction(text))

    def _redacted(self, body: object) -> object:
        """The body with each text redacted by itself, so that it stays valid JSON."""
        if isinstance(body, JsonObject):
            body = fields_of(body)
        if isinstance(body, Mapping):
            return {key: self._redacted(value) for key, value in body.items()}
        if isinstance(body, list | tuple):
            return [self._redacted(each) for each in body]
        return self.system.redaction(body) if isinstance(body, str) else body

    def say(self, *messages: str) -> None:
        """Print messages; further lines of a message are indented."""
        for message in messages:
            self._write(sys.stderr, message.replace("\n", "\n  "))

    def console(self, stream: TextIO, *, soft_wrap: bool = False) -> Console:
        """A console that shows texts as they are."""
        return Console(
            file=stream,
            no_color=self.colourless,
            soft_wrap=soft_wrap,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def coloured(self, text: str) -> Text:
        """The text as `data` prints it on a terminal."""
        return Text("\n").join(_coloured(self.cleaned(text).split("\n")))

    def _write(self, stream: TextIO, text: str, *, lasting: bool = False) -> None:
        if self.colourless or not stream.isatty():
            _put(stream, self.cleaned(text) + "\n", lasting=lasting)
            return
        console = self.console(stream, soft_wrap=True)
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
    except OSError as error:
        # Python would report the error again when it closes the stream at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            name = "standard error" if stream is sys.stderr else "standard output"
            why = error.strerror or type(error).__name__
            raise OutputError(f"{name} cannot be written: {why}") from None
        if lasting:
            raise ReaderGoneError from None
