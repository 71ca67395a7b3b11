"""Text made safe for terminals and CI logs, whoever wrote it.

A terminal obeys control characters and a CI host obeys workflow commands (`::error`, `##[group]`,
`##vso[...]`).  Names, marks, files, git and servers may hold either.  All that is printed passes
here; JSON keeps its exact data, with such characters escaped.
"""

import re

# Commands of GitHub begin a line; those in brackets are looked for anywhere in it.
_AT_LINE_START = re.compile(r"^([^\S\n]*)(:)(:)", re.MULTILINE)
_ANYWHERE = re.compile(r"(#)(#(?:\[|vso\[|teamcity\[))", re.IGNORECASE)
_SECTION = re.compile(r"(section_(?:start|end))(:)(?=[0-9])", re.IGNORECASE)
_IN_JSON = re.compile(
    r"#(?=#(?:\[|vso\[|teamcity\[))|section_(?:start|end)(?=:[0-9])", re.IGNORECASE
)


def one_line(text: str) -> str:
    """The text as one field of one line: line ends and control characters are escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def lines(text: str) -> str:
    """Text of several lines.  Line ends and tabs stay; what a terminal or a CI host obeys does not.

    A command gets a space inside: readable, and no command any more.
    """
    text = "\n".join(_line(line) for line in text.split("\n"))
    text = _AT_LINE_START.sub(r"\1\2 \3", text)
    text = _ANYWHERE.sub(r"\1 \2", text)
    return _SECTION.sub(r"\1 \2", text)


def json_text(text: str) -> str:
    """JSON that says the same and holds nothing that a terminal or a CI host obeys."""
    if not text.replace("\n", "").isprintable():
        text = "".join(e if e == "\n" or e.isprintable() else _in_json(e) for e in text)
    return _IN_JSON.sub(lambda found: f"\\u{ord(found[0][0]):04x}{found[0][1:]}", text)


def _line(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(each if each == "\t" or each.isprintable() else _escaped(each) for each in line)


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]


def _in_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
