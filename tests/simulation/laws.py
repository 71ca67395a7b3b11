"""The laws, judged at every single request from what the controller was told in this pass, from
the emulator's truth, and from the raw documents.

Shares no code with the controller's core.  A request that breaks a law fails the test where it is
sent, whether or not it would have arrived.
"""

import json
from collections.abc import Mapping
from typing import NoReturn

import httpx

from controller.emulator.pods.lifecycle import Status
from tests.simulation.asked import CHANGES, FILE_WRITES, WRITES, Ask, Asked
from tests.simulation.documents import Document
from tests.simulation.drains import DrainLaw
from tests.simulation.ledger import LawBrokenError, Ledger
from tests.simulation.oracle import (
    OURS,
    Place,
    Wanted,
    budget,
    faults,
    groups,
    launcher_faults,
    place_of,
    runs_otherwise,
    variables,
)
from tests.simulation.sky import Row
from tests.simulation.world import HOME, Site

KNOWN = frozenset(status.value for status in Status)
LAUNCHERS = ".raycml/launchers/"
UPDATE_TRIES = 3  # so often a field is tried before an application is replaced
RANK = {Status.RUNNING.value: 0, Status.STARTING.value: 1}


class Laws:
    """The judge of one world and of all controllers in it."""

    def __init__(self, site: Site, owner: str) -> None:
        self.site = site
        self.owner = owner
        self.taken: dict[str, Place] = {}  # members taken away for our own reasons, by name
        self.ignored: dict[tuple[str, str], int] = {}  # (who, name): updates that did not take
        self.drains = DrainLaw(site, owner)

    def judge(self, request: httpx.Request, what: Asked, ledger: Ledger) -> None:
        """LawBrokenError for a write that may not be sent now."""
        if what.ask is Ask.CREATE:
            self._create(json.loads(request.read()), ledger)
        elif what.ask in CHANGES:
            self._change(request, what, ledger)
        elif what.ask is Ask.REMOVE:
            self._remove(what.subject)
        self.drains.note(request, what)
        if what.ask in WRITES or what.ask in FILE_WRITES:
            ledger.writes[what.subject] = ledger.writes.get(what.subject, 0) + 1

    # creates

    def _create(self, body: Mapping[str, object], ledger: Ledger) -> None:
        name, environment = str(body["subdomain"]), body["environment"]
        assert isinstance(environment, dict)
        place = place_of(environment, name, self.owner)
        if place is None or place.name != name:
            _broken("law 1: a create without a right mark", name)
        doc = ledger.docs.get(place.cluster)
        if doc is None or place.group not in groups(doc):
            _broken("law 4: a create that no document asks for", name)
        if not ledger.whole_list:
            _broken("law 4: a create on a list that was not whole", name)
        if any(row["subdomain"] == name for row in ledger.listed.values()):
            _broken("law 3: a create of what was listed", name)
        if name in ledger.created:
            _broken("law 6: a create repeated without looking", name)
        self._at_rest(place, doc, ledger, Ask.CREATE)
        wanted = groups(doc)[place.group]
        script = str(body["script"])
        wrong = launcher_faults(script, environment, wanted, self.site.file(script))
        # A rival who was told to delete the cluster may have taken the launcher away meanwhile;
        # CML then refuses the create.
        if wrong and ledger.alone:
            _broken(f"law 5: {wrong}", name)
        self._body(body, environment, wanted, name)
        ledger.created.add(name)

    def _body(
        self, body: Mapping[str, object], environment: dict[str, str], wanted: Wanted, name: str
    ) -> None:
        have = (body["cpu"], body["memory"], body["nvidia_gpu"], body["runtime_identifier"])
        if have != (wanted.cpu, wanted.memory, wanted.gpu, wanted.runtime):
            _broken(f"a create with {have}", name)
        plain = {k: v for k, v in environment.items() if not k.startswith(OURS)}
        if plain != wanted.environment:
            _broken("a create with another environment", name)

    # changes

    def _change(self, request: httpx.Request, what: Asked, ledger: Ledger) -> None:
        seen = ledger.got.get(what.subject)
        if seen is None or what.subject not in ledger.listed:
            _broken("law 2: a change of what was not looked at in this pass", what.subject)
        name, status = str(seen["subdomain"]), str(seen["status"])
        place = place_of(variables(seen), name, self.owner)
        if place is None:
            _broken("law 1: a change of somebody else's application", name)
        if status not in KNOWN:
            _broken(f"a change on the status {status}", name)
        if not ledger.whole_list:
            _broken("law 4: a change on a list that was not whole", name)
        doc = ledger.docs.get(place.cluster)
        self._paused(place, doc, ledger)
        self.drains.judge(what, place, doc, ledger)
        if doc is None:
            self._of_nobody(place, what, ledger)
        else:
            self._of_document(request, what, doc, place, seen, ledger)
        del ledger.got[what.subject]  # each change needs its own look

    def _paused(self, place: Place, doc: Document | None, ledger: Ledger) -> None:
        if place.cluster in ledger.paused or (doc is not None and doc["spec"].get("paused")):
            _broken("law 10: a write in a paused cluster", place.name)

    def _at_rest(self, place: Place, doc: Document, ledger: Ledger, ask: Ask) -> None:
        self._paused(place, doc, ledger)
        group = groups(doc).get(place.group)
        if doc["spec"].get("suspend") and ask is not Ask.STOP:
            _broken(f"law 10: {ask.value} in a suspended cluster", place.name)
        if group is not None and group.suspended and ask not in (Ask.STOP, Ask.DELETE):
            _broken(f"law 10: {ask.value} in a suspended group", place.name)

    def _of_nobody(self, place: Place, what: Asked, ledger: Ledger) -> None:
        """A cluster without a document is only ever deleted, and only when a person allowed it."""
        if what.ask is not Ask.DELETE:
            _broken(f"{what.ask.value} in a cluster without a document", place.name)
        if place.cluster in ledger.order.delete:
            return
        if not ledger.order.prune or not ledger.whole:
            _broken("law 4: a cluster leaves on an absence that nobody understands", place.name)
        there = {p.cluster for p in self._places(ledger)}
        gone = there - ledger.docs.keys() - ledger.order.delete
        every = len(gone) + len(ledger.docs)
        if len(gone) > max(ledger.order.allow_prune, every // 2):
            _broken(f"law 4: {len(gone)} of {every} clusters leave unasked", place.name)

    def _places(self, ledger: Ledger) -> list[Place]:
        rows = ledger.listed.values()
        found = [place_of(variables(r), str(r["subdomain"]), self.owner) for r in rows]
        return [place for place in found if place is not None]

    def _of_document(
        self,
        request: httpx.Request,
        what: Asked,
        doc: Document,
        place: Place,
        seen: Row,
        ledger: Ledger,
    ) -> None:
        self._at_rest(place, doc, ledger, what.ask)
        status = str(seen["status"])
        live = status in (Status.RUNNING.value, Status.STARTING.value)
        if doc["spec"].get("protect"):
            self._protected(place, what, live=live)
        if what.ask is Ask.DELETE:
            self._delete(what, doc, place, ledger)
        if what.ask is Ask.PATCH:
            self._patch(json.loads(request.read()), seen, place, live=live)
        if what.ask is Ask.RESTART and status == Status.STARTING.value:
            _broken("a restart while it starts, which may leave an orphan", place.name)
        if what.ask in (Ask.STOP, Ask.RESTART, Ask.DELETE):
            self._take_away(what, doc, place, ledger)

    def _protected(self, place: Place, what: Asked, *, live: bool) -> None:
        if what.ask is Ask.DELETE:
            _broken("law 10: a delete in a protected cluster", place.name)
        if place.group == "head" and live and what.ask in (Ask.STOP, Ask.RESTART):
            _broken("law 10: the head of a protected cluster is taken away", place.name)

    def _patch(self, body: Mapping[str, object], seen: Row, place: Place, *, live: bool) -> None:
        if live:
            _broken("a change of what runs, so that a restart could run half of it", place.name)
        script = str(body.get("script", seen["script"])).removeprefix(HOME)
        if self.site.file(script) is None:
            _broken(f"law 5: an update names {script}, which is not there", place.name)
        if "environment" not in body:
            return
        had, sets = variables(seen), json.loads(str(body["environment"]))
        set_by_us = had.get(f"{OURS}VARIABLES", "").split(",")
        for name, value in had.items():
            ours = name.startswith(OURS) or name in set_by_us
            if not ours and name not in sets:
                _broken(f"an update drops {name}={value}, which is not ours", place.name)

    def patched(self, request: httpx.Request, what: Asked, ledger: Ledger) -> None:
        """Count an accepted update that the workspace did not take."""
        app = self.site.cml.state.applications.get(what.subject)
        if app is None:
            return
        body = json.loads(request.read())
        body["environment"] = json.loads(body.get("environment") or "{}") or app.environment
        if any(getattr(app, name) != value for name, value in body.items()):
            key = (ledger.who, app.subdomain)
            self.ignored[key] = self.ignored.get(key, 0) + 1

    # losses

    def _delete(self, what: Asked, doc: Document, place: Place, ledger: Ledger) -> None:
        wanted = groups(doc).get(place.group)
        row = ledger.listed[what.subject]
        surplus = wanted is None or str(row["subdomain"]) != place.name
        if surplus or self.ignored.get((ledger.who, place.name), 0) >= UPDATE_TRIES:
            ledger.deleted.add(what.subject)
            return
        assert wanted is not None
        if self._made_anew(what, wanted, row):
            return
        mine = [r for r in ledger.listed.values() if self._sits(r, place)]
        left = [r for r in mine if str(r["id"]) not in ledger.deleted]
        if len(left) <= wanted.replicas:
            _broken("law 3: a delete of a wanted member", place.name)
        better = [r for r in left if _rank(r) <= _rank(row)]
        if len(better) <= wanted.replicas:
            _broken("law 3: a delete of a member better than one that stays", place.name)
        ledger.deleted.add(what.subject)

    def _made_anew(self, what: Asked, wanted: Wanted, row: Row) -> bool:
        """Whether a wanted member may be deleted, to be created again: it does not run or is not
        as wanted, and this workspace restarts only what runs."""
        app = self.site.cml.state.applications.get(what.subject)
        if not self.site.cml.options.restart_needs_live_run or app is None:
            return False
        at_rest = str(row["status"]) in (Status.STOPPED.value, Status.FAILED.value)
        return at_rest or bool(faults(app, wanted, self.site))

    def _sits(self, row: Row, place: Place) -> bool:
        other = place_of(variables(row), str(row["subdomain"]), self.owner)
        same = other is not None and (other.cluster, other.group) == (place.cluster, place.group)
        return same and other is not None and other.name == row["subdomain"]

    def _take_away(self, what: Asked, doc: Document, place: Place, ledger: Ledger) -> None:
        """A member that serves is taken away only for a reason, and only so many at once."""
        app = self.site.cml.state.applications.get(what.subject)
        wanted = groups(doc).get(place.group)
        if app is None or wanted is None or wanted.suspended or not (ledger.alone and ledger.clear):
            return
        serves = app.status is Status.RUNNING and not self._missing_in_ray(place)
        scaled_down = what.ask is Ask.DELETE and what.subject in ledger.deleted
        if not serves or scaled_down:
            return
        if not faults(app, wanted, self.site) and not runs_otherwise(app, self.site):
            _broken(f"{what.ask.value} of a member that is as wanted and serves", place.name)
        away = [p for name, p in self.taken.items() if self._is_away(name, place)]
        left = self._running(place) - 1
        too_few = left < wanted.replicas - budget(doc)  # a group that shrinks counts what stays
        if not self._all_at_once(doc) and len(away) >= budget(doc) and too_few:
            _broken(f"law 8: taken away while {away} are", place.name)
        self.taken[place.name] = place

    def _missing_in_ray(self, place: Place) -> bool:
        apps = (self.site.at(place.name), self.site.at(f"ray-{place.cluster}-head"))
        world = self.site.world
        gone = world.broken | world.zombies.keys()
        lost = any(app is not None and app.engine_id in gone for app in apps)
        # A lost report proves nothing about workers; a head may end that cannot read Ray's state.
        deaf = place.group == "head" and place.cluster in world.unread
        return lost or deaf or place.cluster in world.mislabelled

    def _running(self, place: Place) -> int:
        places = (
            place_of(app.environment, app.subdomain, self.owner)
            for app in self.site.rows()
            if app.status is Status.RUNNING
        )
        same = (place.cluster, place.group)
        return sum(1 for p in places if p is not None and (p.cluster, p.group) == same)

    def _is_away(self, name: str, place: Place) -> bool:
        other = self.taken[name]
        app = self.site.at(name)
        running = app is not None and app.status is Status.RUNNING
        return not running and (other.cluster, other.group) == (place.cluster, place.group)

    def _all_at_once(self, doc: Document) -> bool:
        """By order, or since nodes must agree on Ray: some launcher was made for another one."""
        if doc["spec"]["upgradeStrategy"]["type"] == "Recreate":
            return True
        cluster, spec = doc["metadata"]["name"], doc["spec"]
        return any(
            app.environment.get(f"{OURS}CLUSTER") == cluster
            and "Ray" in " ".join(faults(app, groups(doc)[place.group], self.site))
            for app in self.site.rows()
            if (place := place_of(app.environment, app.subdomain, self.owner)) is not None
            and place.group in groups(doc)
            and spec["rayVersion"]
        )

    # files

    def _remove(self, path: str) -> None:
        if not path.startswith(LAUNCHERS):
            return
        for app in self.site.rows():
            if app.script.removeprefix(HOME) == path and self._ours(app.environment, app.subdomain):
                _broken(f"law 5: removal of a launcher that {app.subdomain} names", path)

    def _ours(self, environment: Mapping[str, str], subdomain: str) -> bool:
        return place_of(environment, subdomain, self.owner) is not None


def _rank(row: Row) -> int:
    return RANK.get(str(row["status"]), 1 if str(row["status"]) not in KNOWN else 2)


def _broken(law: str, where: str) -> NoReturn:
    raise LawBrokenError(f"{law}: {where}")
