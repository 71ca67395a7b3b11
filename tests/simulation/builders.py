"""Applications that build an environment where jobs of the API do not run: their marks and laws."""

from collections.abc import Iterable, Mapping

from tests.simulation.asked import Ask, Asked
from tests.simulation.documents import Document
from tests.simulation.ledger import Ledger
from tests.simulation.oracle import OURS
from tests.simulation.world import Site


def builds(environment: Mapping[str, str]) -> bool:
    return f"{OURS}BUILDER" in environment


def builder_fault(
    name: str,
    mark: Mapping[str, str],
    what: Asked,
    ledger: Ledger,
    owner: str,
    declared: Iterable[Document],
) -> str | None:
    """The law that a write about this builder breaks, if any."""
    if mark[f"{OURS}BUILDER"] != owner:
        return "law 1: a write to somebody else's builder"
    if not ledger.whole_list:
        return "law 4: a write to a builder on a list that was not whole"
    if what.ask is Ask.CREATE:
        return _create_fault(name, ledger, declared)
    if what.ask is not Ask.DELETE:
        return f"{what.ask.value} of a builder, which is only created and deleted"
    if what.subject not in ledger.listed or ledger.got.pop(what.subject, None) is None:
        return "law 2: a delete of a builder that was not looked at in this pass"
    return None


def _create_fault(name: str, ledger: Ledger, declared: Iterable[Document]) -> str | None:
    if not any("pythonEnvironment" in doc["spec"] for doc in declared):
        return "law 4: a builder of an environment that no document asks for"
    listed = {str(row["subdomain"]) for row in ledger.listed.values()}
    if name in ledger.created | listed:
        return "law 6: a builder created again"
    ledger.created.add(name)
    return None


def left_building(site: Site, owner: str) -> list[str]:
    """Builders of this owner; where all is settled there are none."""
    rows = (app for app in site.rows() if app.environment.get(f"{OURS}BUILDER") == owner)
    return [f"{app.subdomain} is still there" for app in rows]
