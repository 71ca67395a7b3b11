"""What people do to applications and files by hand, in CML's own user interface.

Whatever CML refuses them simply does not happen.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from controller.emulator.api.errors import ApiError
from controller.emulator.options import User
from controller.emulator.state.records import Application
from tests.simulation.world import HOME, Site

PAUSES = (".raycml", "pauses")
KEPT = ".raycml-kept"  # ends the name of what a file held, while it is replaced from outside


class People:
    """The people of one site.  `foreign` holds what every application not ours looked like."""

    def __init__(self, site: Site, owner: str = "") -> None:
        self.site = site
        self.owner = owner or site.project
        self.foreign: dict[str, dict[str, object]] = {}

    def reset(self) -> None:
        self.foreign.clear()

    def _do(self, name: str, act: Callable[[Application], object]) -> None:
        app = self.site.at(name)
        if app is not None:
            with suppress(ApiError):
                act(app)
            self.site.cml.tick()
            if self.foreign.pop(app.id, None) is not None:
                self.remember()  # what they did to their own is no harm

    def delete(self, name: str) -> None:
        self._do(name, lambda app: self.site.cml.applications.delete(app, self.site.cml.tick()))

    def stop(self, name: str) -> None:
        self._do(name, lambda app: self.site.cml.applications.stop(app, self.site.cml.tick()))

    def restart(self, name: str) -> None:
        self._do(name, lambda app: self.site.cml.applications.restart(app, self.site.cml.tick()))

    def edit(self, name: str, **fields: object) -> None:
        """Fields as a PATCH has them; what runs goes on as it is."""
        apps = self.site.cml.applications
        self._do(name, lambda app: apps.patch(app, fields, self.site.cml.tick()))

    def annotate(self, name: str) -> None:
        """A variable of their own, which is theirs to keep."""
        self._variables(name, {"NOTE": "mine"})

    def garble(self, name: str) -> None:
        """One of our variables is overwritten."""
        app = self.site.at(name)
        if app is not None and "OMP_NUM_THREADS" in app.environment:
            self._variables(name, {"OMP_NUM_THREADS": "64"})

    def misdate(self, name: str) -> None:
        """The mark claims another fingerprint."""
        self._variables(name, {"RAYCML_FINGERPRINT": "v1:0000000000000000"})

    def copy_settings(self, name: str) -> None:
        """They bring a running application up to date by hand, after another of its group."""
        app = self.site.at(name)
        if app is None:
            return
        for other in self.site.rows():
            if _group(other) == _group(app) and other.script != app.script:
                own = {"RAYCML_MEMBER", "RAYCML_SUBDOMAIN"}
                mine = {k: v for k, v in app.environment.items() if k in own}
                text = json.dumps({**other.environment, **mine})
                self.edit(
                    name, environment=text, cpu=other.cpu, memory=other.memory, script=other.script
                )
                return

    def disown(self, name: str) -> None:
        """The application is theirs from now on."""
        self.take_mark_off(name)
        self.remember()

    def take_mark_off(self, name: str) -> None:
        """As `disown`, where a call that is on its way already is nobody's fault."""
        self._variables(name, {"RAYCML_OWNER": "somebody-else"})

    def _variables(self, name: str, added: dict[str, str]) -> None:
        app = self.site.at(name)
        if app is not None:
            self.edit(name, environment=json.dumps({**app.environment, **added}))

    def clone(self, name: str, copy: str, *, with_care: bool = False) -> None:
        """A copy under another subdomain, mark and all; with care the mark says so."""
        app = self.site.at(name)
        if app is None or self.site.at(copy) is not None:
            return
        marked = {"RAYCML_SUBDOMAIN": copy} if with_care else {}
        self._create(copy, app, {**app.environment, **marked})
        self.remember()

    def occupy(self, name: str) -> None:
        """Somebody's application on a name that would be ours."""
        rows = self.site.rows()
        if self.site.at(name) is None and rows:
            self._create(name, rows[0], {"THEIRS": "yes"})
            self.remember()

    def _create(self, name: str, like: Application, environment: dict[str, str]) -> None:
        cml = self.site.cml
        body = {
            "name": name,
            "subdomain": name,
            "script": like.script,
            "cpu": 1,
            "memory": 1,
            "runtime_identifier": like.runtime_identifier,
            "environment": environment,
        }
        with suppress(ApiError):
            cml.applications.create(cml.project(self.site.project), User(), body, cml.tick())
        cml.tick()

    def lose_launcher(self, name: str) -> None:
        """The file that an application names is removed."""
        app = self.site.at(name)
        if app is not None:
            self.site.tree.contents.pop(tuple(app.script.removeprefix(HOME).split("/")), None)

    def pause(self, cluster: str, days: float = 30.0) -> None:
        since = self.site.cml.tick()
        body = {
            "schema": "raycml.pause/v1",
            "cluster": cluster,
            "reason": "hands off",
            "by": "somebody",
            "since": since.isoformat(),
            "until": (since + timedelta(days=days)).isoformat(),
        }
        self.site.tree.write((*PAUSES, f"{cluster}.json"), json.dumps(body).encode())

    def unpause(self, cluster: str) -> None:
        for name in (f"{cluster}.json", f".{cluster}.json{KEPT}"):
            self.site.tree.contents.pop((*PAUSES, name), None)

    def paused(self) -> frozenset[str]:
        files = [path for path in self.site.tree.contents if path[:2] == PAUSES]
        return frozenset(_paused(path[2]) for path in files if self._holds(path))

    def _holds(self, path: tuple[str, ...]) -> bool:
        until = json.loads(self.site.tree.contents[path]).get("until")
        return until is None or datetime.fromisoformat(until) > self.site.cml.clock.now()

    def pauses(self) -> frozenset[str]:
        """Those that are over too."""
        files = [path for path in self.site.tree.contents if path[:2] == PAUSES]
        return frozenset(_paused(path[2]) for path in files)

    # what is theirs

    def remember(self) -> None:
        """Note how everything that is not ours looks now."""
        for app in self.site.rows():
            if self._is_foreign(app) and not app.deleting:
                self.foreign.setdefault(app.id, _bytes(app))

    def _is_foreign(self, app: Application) -> bool:
        environment = app.environment
        ours = environment.get("RAYCML_OWNER") == self.owner
        return not ours or environment.get("RAYCML_SUBDOMAIN") != app.subdomain

    def harmed(self) -> list[str]:
        """Applications of theirs that are gone or changed."""
        apps = {app.id: app for app in self.site.rows()}
        return [
            str(was["subdomain"])
            for key, was in self.foreign.items()
            if key not in apps or _bytes(apps[key]) != was or apps[key].deleting
        ]

    def tidy(self) -> None:
        """They take their applications away, and their brakes off."""
        self.foreign.clear()
        for app in self.site.rows():
            if self._is_foreign(app):
                self.delete(app.subdomain)
        for cluster in self.pauses():
            self.unpause(cluster)


def _paused(file: str) -> str:
    """The cluster that a file pauses, whole or while it is replaced."""
    return file.removeprefix(".").removesuffix(KEPT).removesuffix(".json")


def _group(app: Application) -> str:
    return app.environment.get("RAYCML_MEMBER", app.id).partition("/")[0]


def _bytes(app: Application) -> dict[str, object]:
    """Everything but what time does to it by itself."""
    moving = {"status", "updated_at", "starting_at", "running_at", "stopped_at"}
    return {name: value for name, value in app.wire().items() if name not in moving}
