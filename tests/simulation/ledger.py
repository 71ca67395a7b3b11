"""What one controller was allowed, was told and did in one pass; what the laws judge by."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.simulation.asked import Ask, Asked
from tests.simulation.documents import Document
from tests.simulation.sky import Row


class LawBrokenError(AssertionError):
    """A request that no controller of ours may send."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a person allowed this controller to delete."""

    prune: bool = False
    allow_prune: int = 0
    delete: frozenset[str] = frozenset()


@dataclass
class Ledger:
    """What one controller wanted, was told and did in one pass.  `alone`: nobody else wrote."""

    who: str
    docs: Mapping[str, Document]
    whole: bool = True
    order: Order = Order()
    paused: frozenset[str] = frozenset()
    clear: bool = True  # every answer was true
    alone: bool = True
    listed: dict[str, Row] = field(default_factory=dict)
    torn: bool = False
    finished: bool = False
    tokens: set[str] = field(default_factory=set)
    got: dict[str, Row] = field(default_factory=dict)
    created: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    writes: dict[str, int] = field(default_factory=dict)

    def told(self, what: Asked, token: str, body: Mapping[str, object]) -> None:
        """Take note of an answer that reached the controller."""
        if what.ask is Ask.GET and "id" in body:
            self.got[what.subject] = body
        if what.ask is Ask.LIST and isinstance(rows := body.get("applications"), list):
            self._page(token, rows, str(body.get("next_page_token", "")))

    def _page(self, token: str, rows: list[Row], more: str) -> None:
        if not token:
            self.listed, self.tokens, self.torn = {}, set(), False
        for row in rows:
            self.torn = self.torn or str(row["id"]) in self.listed
            self.listed.setdefault(str(row["id"]), row)
        self.torn = self.torn or more in self.tokens
        self.tokens.add(more)
        self.finished = not more

    def copy(self) -> "Ledger":
        """One that goes on by itself."""
        return replace(
            self,
            listed=dict(self.listed),
            tokens=set(self.tokens),
            got=dict(self.got),
            created=set(self.created),
            deleted=set(self.deleted),
            writes=dict(self.writes),
        )

    @property
    def whole_list(self) -> bool:
        return self.finished and not self.torn
