"""Law 13, judged from the truth: the work on a living node may end before its member is taken away.

Shares no code with the controller: it knows requests from their contract alone.
"""

import hashlib
import re

import httpx

from controller.emulator.pods.lifecycle import Status
from controller.emulator.state.records import Application
from tests.simulation.asked import Ask, Asked
from tests.simulation.documents import Document
from tests.simulation.ledger import LawBrokenError, Ledger
from tests.simulation.oracle import Place, place_of
from tests.simulation.world import Site

TIMEOUT_S = 300.0  # the default of a spec, and for clusters without one
SETTLED_S = 60.0  # a node that is younger may not have been reported yet
ACTIONS = ("drain", "drain_if_idle")
_REQUEST = re.compile(rb'"schema":"raycml.request/v1","id":"([0-9a-f]{16})"')


class DrainLaw:
    """The requests that controllers wrote in one project, and what they may end."""

    def __init__(self, site: Site, owner: str) -> None:
        self.site = site
        self.owner = owner
        self.asked: dict[str, float] = {}  # the first attempt to write a request, by its id

    def note(self, request: httpx.Request, what: Asked) -> None:
        """Take note of an attempt to write a request, whether or not it arrives."""
        if what.ask is Ask.UPLOAD and (written := _REQUEST.search(request.read())):
            self.asked.setdefault(written.group(1).decode(), self.site.time.passed)

    def judge(self, what: Asked, place: Place, doc: Document | None, ledger: Ledger) -> None:
        """LawBrokenError for the end of a node that was not drained, and whose time is not over."""
        app = self.site.cml.state.applications.get(what.subject)
        ends = what.ask in (Ask.STOP, Ask.RESTART, Ask.DELETE)
        if not ends or app is None or app.subdomain != place.name or not ledger.clear:
            return
        head = self.site.at(f"ray-{place.cluster}-head")
        if head is None or not self._settled(head) or not self._is_heard(place.cluster, head):
            return
        for other in self._of(place.cluster) if place.group == "head" else [app]:
            if self._lives(other) and not self._may_end(other, doc):
                raise LawBrokenError(f"law 13: {what.ask.value} before a drain: {other.subdomain}")

    def _of(self, cluster: str) -> list[Application]:
        """The workers of a cluster, each under its own name."""
        places = (
            (app, place_of(app.environment, app.subdomain, self.owner)) for app in self.site.rows()
        )
        return [
            app
            for app, place in places
            if place is not None
            and (place.cluster, place.name) == (cluster, app.subdomain)
            and place.group != "head"
        ]

    def _settled(self, app: Application) -> bool:
        if app.status is not Status.RUNNING or app.running_at is None:
            return False
        age_s = (self.site.cml.clock.now() - app.running_at).total_seconds()
        return age_s >= SETTLED_S

    def _is_heard(self, cluster: str, head: Application) -> bool:
        """Whether the head reported to somebody, not long ago."""
        reported = self.site.reported.get(cluster)
        unheard = self.site.mute | self.site.world.unread
        quiet = cluster in unheard or head.engine_id in self.site.broken
        return reported is not None and not quiet and self.site.time.passed - reported < SETTLED_S

    def _lives(self, app: Application) -> bool:
        world, heads = self.site.world, self.site.heads
        gone = world.broken | world.zombies.keys() | heads.ended.keys()
        return self._settled(app) and app.engine_id not in gone

    def _may_end(self, app: Application, doc: Document | None) -> bool:
        timeout = TIMEOUT_S
        if doc is not None:
            timeout = float(doc["spec"].get("drainTimeoutSeconds", TIMEOUT_S))
        member = app.environment["RAYCML_MEMBER"]
        times = [self.asked.get(_request(action, member, app.engine_id)) for action in ACTIONS]
        begun = min((time for time in times if time is not None), default=None)
        return timeout <= 0 or (
            begun is not None and self.site.time.passed - begun >= timeout - 1.0
        )


def _request(action: str, member: str, engine: str) -> str:
    return hashlib.sha256(f"{action}\n{member}\n{engine}".encode()).hexdigest()[:16]
