"""Recorded sessions of documents: blocks of `console`, each command with what it printed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.documents.markdown import Block, blocks

_NOISE = (
    (re.compile(r"\b[a-z0-9]{4}(-[a-z0-9]{4}){3}\b"), "ID"),
    (re.compile(r"-[0-9a-f]{16}-[0-9a-f]{10}\.py"), "-LAUNCHER.py"),
    (re.compile(r"\b\d+(\.\d+)?(d\d+h|h\d+m|m\d+s|ms|s|m|h)\b"), "TIME"),
    (re.compile(r"\b\d+ passes"), "PASSES"),
    (re.compile(r"\d+\.\d+\.\d+\.\d+:\d+"), "ADDRESS"),
    (re.compile(r"(cml\.localhost|127\.0\.0\.1)(:\d+)?"), "HOST"),
    (re.compile(r"Python \d+\.\d+\.\d+"), "PYTHON"),
    (re.compile(r"^\s+TIME \S+ \S+  .*$", re.MULTILINE), ""),  # how members come up
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"\s*\n\s*"), "\n"),
)


@dataclass(frozen=True)
class Entry:
    """One command, and the output that follows it."""

    command: str
    output: str


def steps(text: str) -> list[Block]:
    """The parts of a document that a reader carries out: files to write, and sessions."""
    return [b for b in blocks(text) if b.language == "console" or b.title]


def entries(block: Block) -> Iterator[Entry]:
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield Entry(command, output)


def written(found: list[Entry]) -> str:
    return "".join(f"$ {each.command}\n{each.output}" for each in found)


def normal(text: str) -> str:
    """The text without ids, times and addresses, which differ from run to run."""
    for pattern, instead in _NOISE:
        text = pattern.sub(instead, text)
    return text.strip()
