"""Regular expressions whose matching takes more than linear time, found without running them.

A backtracking matcher needs more than linear time exactly where the pattern, read as an automaton,
can read one text in many ways and then fail: two ways round a loop (exponential), or a loop from
which the same text leads into a second loop (polynomial).  Where matching may begin anywhere, the
beginning is a loop too.  The automaton is Glushkov's: one state for each character of the pattern.
Where this reading is inexact (look-around, anchors, large counts) it errs towards a finding.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]

ANYWHERE = frozenset({"search", "sub", "subn", "split", "findall", "finditer"})
_UNROLLED = 12  # repeats up to this count are written out; larger ones count as endless
_END, _BEGIN = -1, -2  # the ends of the text, as characters
_START = 0
_ALPHABET = (*range(0x100), 0x130, 0x178, 0x2028, 0x3A9, 0x4E00, 0xE000, 0x1F600)

Test = Callable[[int], bool]


class NotReadError(Exception):
    """The pattern uses something whose cost this page cannot judge."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a pattern: where its match begins and ends, and the number of empty matches."""

    empty: int
    first: Mapping[int, int]
    last: frozenset[int]


@dataclass(slots=True)
class _Automaton:
    """States from 1 on with the characters that lead into them; edges with their multiplicity."""

    flags: int
    tests: list[Test] = field(default_factory=lambda: [lambda _: False])
    edges: dict[int, dict[int, int]] = field(default_factory=dict)
    empty_loop: bool = False
    may_fail: bool = False  # a negative look-around can undo a match at any place

    def state(self, test: Test) -> _Part:
        self.tests.append(test)
        state = len(self.tests) - 1
        return _Part(0, {state: 1}, frozenset({state}))

    def connect(self, sources: Iterable[int], targets: Mapping[int, int]) -> None:
        for source in sources:
            edges = self.edges.setdefault(source, {})
            for target, ways in targets.items():
                edges[target] = edges.get(target, 0) + ways

    def sequence(self, parts: Iterable[_Part]) -> _Part:
        whole = _Part(1, {}, frozenset())
        for part in parts:
            self.connect(whole.last, part.first)
            first = dict(whole.first)
            if whole.empty:
                for state, ways in part.first.items():
                    first[state] = first.get(state, 0) + ways * whole.empty
            last = part.last | (whole.last if part.empty else frozenset())
            whole = _Part(min(whole.empty * part.empty, 2), first, last)
        return whole

    def choice(self, parts: Sequence[_Part]) -> _Part:
        first = {state: ways for part in parts for state, ways in part.first.items()}
        last = frozenset(state for part in parts for state in part.last)
        return _Part(min(sum(part.empty for part in parts), 2), first, last)

    def loop(self, part: _Part) -> _Part:
        self.empty_loop |= part.empty > 0
        self.connect(part.last, part.first)
        return _Part(1, part.first, part.last)

    def read(self, items: Iterable[tuple[object, object]]) -> _Part:
        return self.sequence(self.piece(code, value) for code, value in items)

    def piece(self, code: object, value: object) -> _Part:  # noqa: PLR0911  one way for each kind
        if code is op.SUBPATTERN:
            return self.read(value[3])  # type: ignore[index]
        if code is op.BRANCH:
            return self.choice([self.read(one) for one in value[1]])  # type: ignore[index]
        if code in (op.MAX_REPEAT, op.MIN_REPEAT):
            return self.repeat(*value)  # type: ignore[misc]
        if code is op.ASSERT_NOT:
            self.may_fail = True
            return _Part(1, {}, frozenset())
        if code is op.ASSERT:
            return self.read(value[1])  # type: ignore[index]
        if code is op.AT:
            if value in (op.AT_END, op.AT_END_STRING):
                return self.state(lambda character: character == _END)
            if value in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
                starts = self.starts(value)
                return self.state(lambda character: character in starts)
            return _Part(1, {}, frozenset())
        return self.state(self.test(code, value))

    def starts(self, value: object) -> set[int]:
        """The characters after which a match may begin, read as a part of it."""
        lines = value is op.AT_BEGINNING and self.flags & re.MULTILINE
        return {_BEGIN, 0x0A} if lines else {_BEGIN}

    def repeat(self, low: int, high: int, items: Sequence[tuple[object, object]]) -> _Part:
        if high <= _UNROLLED:
            parts = [self.read(items) for _ in range(high)]
            return self.sequence(
                part if number < low else _optional(part) for number, part in enumerate(parts)
            )
        looped = self.loop(self.read(items))
        return looped if low == 0 else _Part(0, looped.first, looped.last)

    def test(self, code: object, value: object) -> Test:
        if code is op.ANY:
            return lambda character: (
                character >= 0 and (bool(self.flags & re.DOTALL) or character != 0x0A)
            )
        if code is op.LITERAL:
            return lambda character: self.same(character, value)
        if code is op.NOT_LITERAL:
            return lambda character: character >= 0 and not self.same(character, value)
        if code is op.RANGE:
            return lambda character: any(
                value[0] <= one <= value[1] for one in self.cases(character)
            )  # type: ignore[index]
        if code is op.CATEGORY:
            return _category(value, self.flags)
        if code is op.IN:
            return self.members(value)  # type: ignore[arg-type]
        raise NotReadError(str(code))

    def members(self, items: Sequence[tuple[object, object]]) -> Test:
        negated = items[0][0] is op.NEGATE
        tests = [self.test(*item) for item in items[negated:]]
        return lambda character: (
            character >= 0 and any(test(character) for test in tests) is not negated
        )

    def same(self, character: int, value: object) -> bool:
        return value in self.cases(character)

    def cases(self, character: int) -> set[int]:
        if character < 0 or not self.flags & re.IGNORECASE:
            return {character}
        both = (chr(character).lower(), chr(character).upper())
        return {character, *(ord(one) for one in both if len(one) == 1)}


def _optional(part: _Part) -> _Part:
    return _Part(min(part.empty + 1, 2), part.first, part.last)


def _category(value: object, flags: int) -> Test:
    written = {
        op.CATEGORY_DIGIT: r"\d",
        op.CATEGORY_NOT_DIGIT: r"\D",
        op.CATEGORY_SPACE: r"\s",
        op.CATEGORY_NOT_SPACE: r"\S",
        op.CATEGORY_WORD: r"\w",
        op.CATEGORY_NOT_WORD: r"\W",
    }[value]
    one = re.compile(written, flags & re.ASCII)
    return lambda character: character >= 0 and one.match(chr(character)) is not None


def slowness(pattern: "str | bytes", flags: int = 0, *, anywhere: bool) -> str:
    """A reason why matching can take more than linear time; empty where it cannot.

    `anywhere`: the match may begin at any character (`search` and its kind), and what follows it
    does not matter; else it is `fullmatch` or `match`, of which the stricter one counts.
    """
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    read = _parser.parse(text, flags & ~re.UNICODE if isinstance(pattern, bytes) else flags)
    automaton = _Automaton(flags | read.state.flags)
    whole = automaton.read(read.data)
    if automaton.empty_loop:
        return "a loop round something that may be empty"
    automaton.connect([_START], whole.first)
    if anywhere:
        automaton.tests[_START] = lambda character: character >= 0
        automaton.connect([_START], {_START: 1})
    runs = _Runs(automaton)
    harmless = whole.last if anywhere and not automaton.may_fail else frozenset[int]()
    return runs.many_ways() or runs.two_loops(harmless)


class _Runs:
    """What several readings of one text can reach, kept in step with each other."""

    def __init__(self, automaton: _Automaton) -> None:
        self._edges = automaton.edges
        states = range(len(automaton.tests))
        classes = list(dict.fromkeys(_classes(automaton)))
        self._ahead = [
            [[one for one in automaton.edges.get(state, {}) if one in into] for into in classes]
            for state in states
        ]
        self._known: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
        self._loops = [state for state in states if (state,) in self.reached(state)]

    def reached(self, *start: int) -> set[tuple[int, ...]]:
        """Where one text, of at least a character, can lead all of them at once."""
        if start in self._known:
            return self._known[start]
        found: set[tuple[int, ...]] = set()
        ahead: list[tuple[int, ...]] = [start]
        while ahead:
            for row in zip(*(self._ahead[state] for state in ahead.pop()), strict=True):
                new = {*product(*row)} - found
                found |= new
                ahead += new
        self._known[start] = found
        return found

    def many_ways(self) -> str:
        for state in self._loops:
            for target, ways in self._edges.get(state, {}).items():
                if ways > 1 and (state == target or (state,) in self.reached(target)):
                    return "two ways round one loop"
            for one, other in self.reached(state, state):
                if one != other and (state, state) in self.reached(one, other):
                    return "two ways round one loop"
        return ""

    def two_loops(self, harmless: frozenset[int]) -> str:
        for one, other in product(self._loops, self._loops):
            if one == other or other in harmless or (other,) not in self.reached(one):
                continue
            if (one, other, other) in self.reached(one, one, other):
                return "one text leads round a loop and into the next"
        return ""


def _classes(automaton: _Automaton) -> Iterator[frozenset[int]]:
    """For each kind of character, the states that it leads into."""
    for character in (*_ALPHABET, _END, _BEGIN):
        yield frozenset(state for state, test in enumerate(automaton.tests) if test(character))
