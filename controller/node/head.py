"""A head: starts Ray's GCS and dashboard, publishes its address, and runs the reporter.

The dashboard is the application's web page.  If a part of the head ends, the node program exits
with an error: the application fails, and the controller restarts it as a new incarnation.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable

from controller.node.clock import Clock, stamp
from controller.node.log import Journal
from controller.node.member_state import (
    ENDED,
    FAILED,
    JOINED,
    JOINING,
    STOPPING,
    MemberState,
)
from controller.node.pod import Pod, Settings
from controller.node.ports import Claim
from controller.node.project_files import (
    HeadNote,
    MemberFiles,
    clear_drafts,
    host_port,
    read_head,
    remove_head,
    write_head,
)
from controller.node.ray_process import RayRun

START_LIMIT_S = 180.0
SETTLE_S = 1.0  # a stop of the pod ends Ray's processes as well: publish it first
REPORTER_PAUSE_S = 10.0
FAILURE = 1  # exit code


class Head:
    """`run` is Ray's run, already started; `report` starts the reporter; `answers` probes a port.

    `reach` returns the reason of a failed connection, or nothing.  `held` are claimed ports.
    """

    def __init__(  # noqa: PLR0913 - its world, each part by name
        self,
        settings: Settings,
        place: Pod,
        papers: MemberFiles,
        standing: MemberState,
        journal: Journal,
        clock: Clock,
        *,
        incarnation: str,
        gcs_port: int,
        run: RayRun,
        report: Callable[[HeadNote], subprocess.Popen[bytes]],
        reach: Callable[[str, int], str],
        answers: Callable[[int, str], bool],
        held: tuple[Claim | None, ...],
    ) -> None:
        self._place = place
        self._papers = papers
        self._standing = standing
        self._journal = journal
        self._clock = clock
        self._run = run
        self._report = report
        self._reach = reach
        self._answers = answers
        self._held = held
        self._started_at = clock.monotonic()
        self._over_since: float | None = None
        self._reporter: subprocess.Popen[bytes] | None = None
        self._reporter_not_before = 0.0
        self._gcs_answers = False
        self._published = False
        versions = standing.view().versions
        self._note = HeadNote(
            cluster=settings.cluster,
            incarnation=incarnation,
            engine_id=place.engine_id,
            address=host_port(place.ip, gcs_port),
            dashboard_port=place.port,
            ray_version=versions.ray,
            python_version=versions.python,
            fingerprint=settings.fingerprint,
            started_at=stamp(clock.now()),
        )
        clear_drafts(papers.head)
        standing.follow(incarnation, self._note.address)
        standing.become(JOINING, f"Ray's head is starting at {self._note.address}")

    def step(self) -> int | None:
        """The exit code, once this head has ended; else None."""
        self._standing.beat()
        over = self._run.look()
        if over:
            return self._settle(over)
        self._keep_reporting()
        if self._published and self._papers.head.exists():
            return None
        if self._gcs_answers and self._answers(self._place.port, "/api/gcs_healthz"):
            self._publish()
        elif self._clock.monotonic() - self._started_at > START_LIMIT_S:
            return self._fail(f"Ray's head did not answer within {START_LIMIT_S:.0f} s")
        return None

    def stop(self, hurry: threading.Event) -> None:
        self._standing.become(STOPPING, "stopping: Ray's head is shutting down")
        self._withdraw()
        self._run.end(self._clock, hurry)
        self._standing.become(ENDED, "stopped")

    def _publish(self) -> None:
        try:
            write_head(self._papers, self._note)
        except OSError as error:
            self._standing.become(JOINING, f"cannot write {self._papers.head}: {error.strerror}")
            return
        self._published = True
        self._standing.become(JOINED, f"Ray's head answers at {self._note.address}")

    def _keep_reporting(self) -> None:
        """Run the reporter once the GCS answers, which is before the dashboard does."""
        if not self._gcs_answers:
            self._gcs_answers = not self._reach(*self._note.host_and_port())
        now = self._clock.monotonic()
        if self._reporter is not None and self._reporter.poll() is not None:
            code = self._reporter.returncode
            self._journal.say(
                f"the reporter exited with {code}; restarting in {REPORTER_PAUSE_S:g} s"
            )
            self._reporter = None
            self._reporter_not_before = now + REPORTER_PAUSE_S
        due = self._reporter is None and now >= self._reporter_not_before
        if self._gcs_answers and due and not self._is_replaced():
            self._reporter = self._report(self._note)

    def _is_replaced(self) -> bool:
        """True if another head was published after this one."""
        note = read_head(self._papers)
        return self._published and note is not None and note.incarnation != self._note.incarnation

    def _settle(self, over: str) -> int | None:
        now = self._clock.monotonic()
        if self._over_since is None:
            self._over_since = now
        return self._fail(over) if now - self._over_since >= SETTLE_S else None

    def _fail(self, why: str) -> int:
        self._withdraw()
        self._run.end(self._clock, threading.Event(), grace_s=0.0)
        self._standing.become(FAILED, why)
        return FAILURE

    def _withdraw(self) -> None:
        try:
            remove_head(self._papers, self._note.incarnation)
        except OSError as error:
            self._journal.say(f"cannot remove {self._papers.head}: {error.strerror}")
