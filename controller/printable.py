"""Text that is safe for terminals and CI logs, from any source.

Terminals interpret control characters, and CI hosts interpret workflow commands (`::error`,
`##[group]`, `##vso[...]`).  Names, marks, files, git and servers may contain either.  All output
passes through here; JSON keeps its exact data, with such characters escaped.
"""

import re

# GitHub reads commands at the start of a line, and those in brackets anywhere in it.
_AT_LINE_START = re.compile(r"^([^\S\n]*)(:)(:)", re.MULTILINE)
_ANYWHERE = re.compile(r"(#)(#(?:\[|vso\[|teamcity\[))", re.IGNORECASE)
_SECTION = re.compile(r"(section_(?:start|end))(:)(?=[0-9])", re.IGNORECASE)
_IN_JSON = re.compile(
    r"#(?=#(?:\[|vso\[|teamcity\[))|section_(?:start|end)(?=:[0-9])", re.IGNORECASE
)


def one_line(text: str) -> str:
    """The text as a field of a line, with line ends and control characters escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def lines(text: str) -> str:
    """Text of several lines, without control characters except line ends and tabs.

    A workflow command gets a space inside, which keeps it readable and disables it.
    """
    text = "\n".join(_line(line) for line in text.split("\n"))
    text = _AT_LINE_START.sub(r"\1\2 \3", text)
    text = _ANYWHERE.sub(r"\1 \2", text)
    return _SECTION.sub(r"\1 \2", text)


def json_text(text: str) -> str:
    """Equivalent JSON, without anything that terminals or CI hosts interpret."""
    if not text.replace("\n", "").isprintable():
        text = "".join(e if e == "\n" or e.isprintable() else _in_json(e) for e in text)
    return _IN_JSON.sub(lambda match: f"\\u{ord(match[0][0]):04x}{match[0][1:]}", text)


def _line(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(each if each == "\t" or each.isprintable() else _escaped(each) for each in line)


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]


def _in_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
