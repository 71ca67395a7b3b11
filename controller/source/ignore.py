"""The rules of `.raycmlignore`: files that are no specs, in the syntax of `.gitignore`.

Each folder is judged once, in time in proportion to pattern and name, whatever the pattern, because
the writer of specs is not trusted with the time of a controller.  The last rule that matches a path
decides, and nothing below an ignored folder can be taken back, as in git.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

IGNORE_FILE = ".raycmlignore"
MAX_IGNORE_BYTES = 64 * 1024
MAX_RULES = 100
_ANY = "**"


class IgnoreRulesError(ValueError):
    """The rules cannot be used; the message has the line and ends in a remedy."""


class _Wild(Enum):
    """`?` and `*`."""

    ONE = "?"
    ANY = "*"


@dataclass(frozen=True, slots=True)
class _Set:
    """One character of these ranges, or of none of them."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool

    def __contains__(self, character: str) -> bool:
        return self.negated != any(low <= character <= high for low, high in self.ranges)


_Piece = str | _Wild | _Set
_At = frozenset[int]  # places in the segments of a rule


@dataclass(frozen=True, slots=True)
class _Rule:
    """`segments` are the parts between slashes; None is `**`, which stands for whole folders."""

    segments: tuple[tuple[_Piece, ...] | None, ...]
    takes_back: bool
    folders_only: bool

    def start(self) -> _At:
        return self._opened({0})

    def step(self, at: _At, name: str) -> _At:
        """The places after one more name of a path."""
        last = len(self.segments) - 1
        following: set[int] = set()
        for index in at:
            if index > last:
                continue
            segment = self.segments[index]
            if segment is None:
                following |= {index, index + 1} if index == last else {index}
            elif _fits(segment, name):
                following.add(index + 1)
        return self._opened(following)

    def matches(self, at: _At, *, is_folder: bool) -> bool:
        return len(self.segments) in at and (is_folder or not self.folders_only)

    def _opened(self, at: set[int]) -> _At:
        """With the places after each `**` that may stand for no folder at all; the last may not."""
        last, reached = len(self.segments) - 1, list(at)
        for index in reached:
            follows = index < last and self.segments[index] is None and index + 1 not in at
            if follows:
                at.add(index + 1)
                reached.append(index + 1)
        return frozenset(at)


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder that is ignored, or how far each rule has come with its path."""

    ignored: bool
    at: tuple[_At, ...] = ()


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """Rules in their order; without any, nothing is ignored."""

    rules: tuple[_Rule, ...] = ()
    _folders: dict[str, _Folder] = field(default_factory=dict, compare=False, repr=False)

    def ignores(self, path: str) -> bool:
        """True for a file, by its path from the root with `/` between the parts."""
        if not self.rules:
            return False
        folder, _, name = path.rpartition("/")
        return self._below(self._folder(folder), name, is_folder=False).ignored

    def ignores_folder(self, path: str) -> bool:
        """True for a folder below the root that is ignored, or lies in one that is."""
        return bool(path and self.rules) and self._folder(path).ignored

    def _folder(self, path: str) -> _Folder:
        """Each folder is judged once, from the one that it lies in."""
        unknown = []
        while path and path not in self._folders:
            unknown.append(path)
            path = path.rpartition("/")[0]
        found = self._folders.get(path) or _Folder(False, tuple(r.start() for r in self.rules))
        for each in reversed(unknown):
            found = self._below(found, each.rpartition("/")[2], is_folder=True)
            self._folders[each] = found
        return found

    def _below(self, folder: _Folder, name: str, *, is_folder: bool) -> _Folder:
        """A file, or a folder, of this name in the folder."""
        if folder.ignored:
            return folder
        at = tuple(rule.step(at, name) for rule, at in zip(self.rules, folder.at, strict=True))
        for rule, places in zip(reversed(self.rules), reversed(at), strict=True):
            if rule.matches(places, is_folder=is_folder):
                return _Folder(not rule.takes_back, at)
        return _Folder(False, at)


def ignore_rules(name: str, data: bytes) -> IgnoreRules:
    """The rules of a file; `name` is for messages.  IgnoreRulesError where they cannot be used."""
    if len(data) > MAX_IGNORE_BYTES:
        raise IgnoreRulesError(f"{name}: more than {MAX_IGNORE_BYTES // 1024} KiB; shorten it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise IgnoreRulesError(f"{name}: not UTF-8; save the file as UTF-8") from None
    rules = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            rule = _rule(line.removesuffix("\r"))
        except IgnoreRulesError as error:
            raise IgnoreRulesError(f"{name}:{number}: {error}") from None
        if rule is not None:
            rules.append(rule)
    if len(rules) > MAX_RULES:
        message = f"more than {MAX_RULES} patterns; ignore folders instead of files"
        raise IgnoreRulesError(f"{name}: {message}")
    return IgnoreRules(tuple(rules))


def _rule(line: str) -> _Rule | None:
    """The rule of a line; None for an empty one and for a comment."""
    text = _without_trailing_spaces(line)
    if not text or text.startswith("#"):
        return None
    if "\0" in text:
        raise IgnoreRulesError("holds a character that no name has; remove it")
    takes_back = text.startswith("!")
    text = text.removeprefix("!")
    folders_only = text.endswith("/")
    text = text.removesuffix("/")
    anchored = "/" in text
    parts = text.removeprefix("/").split("/")
    if not text.removeprefix("/") or "" in parts:
        raise IgnoreRulesError("a pattern needs a name between two slashes; correct or remove it")
    segments = tuple(None if part == _ANY and anchored else tuple(_pieces(part)) for part in parts)
    if not anchored:
        segments = (None, *segments)
    return _Rule(segments, takes_back, folders_only)


def _without_trailing_spaces(line: str) -> str:
    """The line as git reads it: spaces at its end count only behind a backslash."""
    text = line.rstrip(" ")
    escaped = (len(text) - len(text.rstrip("\\"))) % 2 == 1
    return f"{text} " if escaped and len(text) < len(line) else text


def _pieces(part: str) -> Iterator[_Piece]:
    at = 0
    while at < len(part):
        character = part[at]
        at += 1
        if character == "*":
            yield _Wild.ANY
        elif character == "?":
            yield _Wild.ONE
        elif character == "\\":
            if at == len(part):
                raise IgnoreRulesError("ends in a backslash; write two of them, or remove it")
            yield part[at]
            at += 1
        elif character == "[":
            end = _end_of_set(part, at)
            yield _set(part[at:end])
            at = end + 1
        else:
            yield character


def _end_of_set(part: str, start: int) -> int:
    """The place of the bracket that ends a set; one that comes first belongs to it."""
    at = start + 1 if part[start : start + 1] in ("!", "^") else start
    at += 2 if part[at : at + 1] == "\\" else 1
    while at < len(part) and part[at] != "]":
        at += 2 if part[at] == "\\" else 1
    if at >= len(part):
        raise IgnoreRulesError("`[` without `]`; close it, or write \\[ for the character")
    return at


def _set(text: str) -> "_Set":
    """One character of a set such as `a-z` or `!0-9`."""
    if "[:" in text:
        raise IgnoreRulesError("classes such as [:alpha:] are not supported; write a-zA-Z")
    negated = text[:1] in ("!", "^")
    characters = [*_unescaped(text[1:] if negated else text)]
    ranges = []
    at = 0
    while at < len(characters):
        low, high = characters[at][0], characters[at][0]
        is_range = at + 2 < len(characters) and characters[at + 1] == ("-", False)
        if is_range:
            high = characters[at + 2][0]
            at += 2
        if low > high:
            raise IgnoreRulesError(f"`{low}-{high}` is no range of characters; swap them")
        ranges.append((low, high))
        at += 1
    return _Set(tuple(ranges), negated)


def _unescaped(text: str) -> Iterator[tuple[str, bool]]:
    """Each character, and True where a backslash was before it."""
    characters = iter(text)
    for character in characters:
        if character == "\\":
            yield next(characters, character), True
        else:
            yield character, False


def _fits(pieces: tuple[_Piece, ...], name: str) -> bool:
    """Glob of one name, with one place to go back to: the last star."""
    at = place = 0
    star, resume = -1, 0
    while place < len(name):
        piece = pieces[at] if at < len(pieces) else ""
        if piece is _Wild.ANY:
            star, resume = at, place
            at += 1
        elif piece != "" and _takes(piece, name[place]):
            at, place = at + 1, place + 1
        elif star >= 0:
            resume += 1
            at, place = star + 1, resume
        else:
            return False
    return all(piece is _Wild.ANY for piece in pieces[at:])


def _takes(piece: _Piece, character: str) -> bool:
    if isinstance(piece, _Set):
        return character in piece
    return piece is _Wild.ONE or piece == character
