"""The laws over a project that several controllers and revisions write to.

A request is lawful when it is so under a version of its cluster's document that people have
declared for this project, or under its absence where a person took it away.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import httpx

from tests.simulation.asked import CHANGES, WRITES, Ask, Asked
from tests.simulation.builders import builder_fault, builds
from tests.simulation.documents import Document
from tests.simulation.laws import Laws
from tests.simulation.ledger import LawBrokenError, Ledger, Order
from tests.simulation.oracle import OURS, variables
from tests.simulation.sky import LAG_S
from tests.simulation.world import Site


@dataclass
class Declared:
    """All that people have said of clusters: versions of documents, newest last, by project's name;
    and the clusters that may go from a project.
    """

    versions: dict[tuple[str, str], list[Document]] = field(default_factory=dict)
    leaving: set[tuple[str, str]] = field(default_factory=set)

    def declare(self, site: str, cluster: str, doc: Document) -> None:
        """A person writes this document for the project."""
        said = self.versions.setdefault((site, cluster), [])
        if not said or said[-1] != doc:
            said.append(doc)
        self.leaving.discard((site, cluster))

    def withdraw(self, site: str, cluster: str) -> None:
        """A person takes it away, or orders its deletion."""
        self.leaving.add((site, cluster))

    def copy(self) -> "Declared":
        return Declared({k: list(v) for k, v in self.versions.items()}, set(self.leaving))


class Judge:
    """The judge of one project."""

    def __init__(self, site: Site, owner: str, declared: Declared) -> None:
        self.site = site
        self.declared = declared
        self.laws = Laws(site, owner)
        self.creates: dict[tuple[str, str], float] = {}  # (process, name): when it was sent

    def begin(self, declared: Declared) -> None:
        """Another history."""
        self.declared = declared
        self.laws.taken.clear()
        self.laws.ignored.clear()
        self.creates.clear()

    def judge(self, request: httpx.Request, what: Asked, ledger: Ledger) -> str:
        """LawBrokenError for a write that may not be sent now; else the name it is about."""
        name, mark = self._about(request, what, ledger)
        if what.ask is Ask.CREATE:
            self._not_again(name, ledger)
        if builds(mark):
            documents = (doc for said in self.declared.versions.values() for doc in said)
            fault = builder_fault(name, mark, what, ledger, self.laws.owner, documents)
            if fault is not None:
                raise LawBrokenError(f"{fault}: {name}")
            return name
        cluster = mark.get(f"{OURS}CLUSTER", "?") if what.ask in WRITES else ""
        first: LawBrokenError | None = None
        for doc in self._candidates(cluster):
            ledger.docs = {} if doc is None else {cluster: doc}
            ledger.order = Order(delete=frozenset({cluster})) if doc is None else Order()
            try:
                self.laws.judge(request, what, ledger)
            except LawBrokenError as error:
                first = first or error
            else:
                return name
        raise first or LawBrokenError(f"law 4: {what.ask.value} of {name}, never declared here")

    def _candidates(self, cluster: str) -> Iterator[Document | None]:
        place = (self.site.name, cluster)
        if not cluster:
            yield None
            return
        yield from reversed(self.declared.versions.get(place, []))
        if place in self.declared.leaving:
            yield None

    def _about(
        self, request: httpx.Request, what: Asked, ledger: Ledger
    ) -> tuple[str, Mapping[str, str]]:
        """The application's name and environment; a subject alone that is none."""
        if what.ask is Ask.CREATE:
            body = json.loads(request.read())
            return str(body["subdomain"]), body["environment"]
        if what.ask in CHANGES:
            row = ledger.got.get(what.subject)
            if row is None:
                app = self.site.cml.state.applications.get(what.subject)
                return ("?", {}) if app is None else (app.subdomain, app.environment)
            return str(row["subdomain"]), variables(row)
        return what.subject, {}

    def _not_again(self, name: str, ledger: Ledger) -> None:
        """A create whose answer was lost is looked for as long as a list may lag."""
        key, now = (ledger.who, name), self.site.time.passed
        there = self.site.at(name)
        recently = now - self.creates.get(key, -1e9) < LAG_S
        if recently and there is not None and there.project_id == self.site.project:
            raise LawBrokenError(f"law 6: a create repeated before a list had to show it: {name}")
        self.creates[key] = now
