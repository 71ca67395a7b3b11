"""Documents as their parts: headings, links, blocks of code and command lines."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
REFERENCE = DOCS / "reference"
SCRIPTS = sorted(p for p in (DOCS / "deploy").rglob("*") if p.is_file() and p.suffix != ".pyc")
_FENCE = re.compile(
    r"^( *)```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL
)
_INLINE = re.compile(r"`(raycml(?: [^`\n]+)?)`")
_SHELL = re.compile(r"^\s*(?:\$ |- |run: )?(raycml .*)$", re.MULTILINE)
_END = re.compile(r"\s(?:\|\||\||>|2>|#)|;")


@dataclass(frozen=True)
class Block:
    """A fenced block of code; `start` and `end` bound its text in the document."""

    language: str
    title: str
    text: str
    start: int
    end: int


def documents() -> list[Path]:
    """Every document in Markdown, README first."""
    return [README, *sorted(ROOT.glob("C*.md")), *sorted(DOCS.rglob("*.md"))]


def manuals() -> list[Path]:
    """The documents that tell how things are now: neither the changelog nor decisions."""
    return [d for d in documents() if d.name != "CHANGELOG.md" and d.parent.name != "decisions"]


def name_of(document: Path) -> str:
    return str(document.relative_to(ROOT))


def blocks(text: str) -> list[Block]:
    return [Block(m[2], m[3] or "", m[4], m.start(4), m.end(4)) for m in _FENCE.finditer(text)]


def prose(text: str) -> str:
    """The text without its blocks of code."""
    return _FENCE.sub("", text)


def anchors(text: str) -> set[str]:
    """What a link may name after `#`: the headings, as the site and code hosts spell them."""
    titles = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def links(text: str) -> list[str]:
    """Targets of links and pictures, wherever they lead."""
    text = prose(text)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'<img src="([^"]+)"', text)


def command_lines(document: Path) -> Iterator[list[str]]:
    """Every raycml command: named as code in a sentence, or a line of a block or of a script."""
    text = document.read_text(encoding="utf-8")
    if document.suffix == ".md":
        yield from commands_in_prose(text)
        text = "\n".join(f"{block.text}\n" for block in blocks(text))
    yield from commands_in_code(text)


def commands_in_prose(text: str) -> Iterator[list[str]]:
    yield from filter(None, map(_words, _INLINE.findall(prose(text))))


def commands_in_code(text: str) -> Iterator[list[str]]:
    yield from filter(None, map(_words, _SHELL.findall(re.sub(r"\\\n\s*", "", text))))


def _words(line: str) -> list[str]:
    return shlex.split(_END.split(line)[0])[1:]
