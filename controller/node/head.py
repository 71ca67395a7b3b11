"""A head: starts Ray's GCS and dashboard, publishes its address, and runs the reporter.

The dashboard is the application's web page.  If a part of the head ends, the node program exits
with an error: the application fails, and the controller restarts it as a new incarnation.
"""

from __future__ import annotations

import secrets
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

from controller.node.clock import stamp
from controller.node.member_state import (
    ENDED,
    FAILED,
    JOINED,
    JOINING,
    STOPPING,
    MemberState,
)
from controller.node.pod import Settings
from controller.node.ports import Claim, answers
from controller.node.project_files import (
    HeadRecord,
    clear_drafts,
    host_port,
    read_head,
    remove_head,
    write_head,
)
from controller.node.ray.run import RayRun
from controller.node.ray.store import LOCK_WAIT_S, Store
from controller.node.reach import Reach

START_LIMIT_S = 180.0
SETTLE_S = 1.0  # a stop of the pod ends Ray's processes as well: publish it first
REPORTER_PAUSE_S = 10.0
FAILURE = 1  # exit code


class Head:
    """`launch` starts Ray with these variables and the ports of `claims`: at once, or once the
    `store` of a head that remembers can be opened.

    `report` starts the reporter, `probe` asks Ray for an answer at a host and port.  `auth_mode` is
    the one that `launch` starts Ray with.  Raises OSError if Ray cannot be started.
    """

    def __init__(  # noqa: PLR0913 - the composition fills this in, by name, once
        self,
        settings: Settings,
        state: MemberState,
        *,
        gcs_port: int,
        launch: Callable[[Mapping[str, str]], RayRun],
        report: Callable[[HeadRecord], subprocess.Popen[bytes]],
        probe: Callable[[str, int], Reach],
        claims: Mapping[str, Claim],
        auth_mode: str,
        store: Store | None = None,
    ) -> None:
        pod, self._clock = state.pod, state.clock
        self._state, self._files, self._log = state, state.files, state.log
        self._launch = launch
        self._store = store
        self._run: RayRun | None = None
        self._report = report
        self._probe = probe
        self._claims = claims
        self._started_at = 0.0
        self._ended_since: float | None = None
        self._reporter: subprocess.Popen[bytes] | None = None
        self._reporter_not_before = 0.0
        self._gcs_answers = False
        self._published = False
        self._record = HeadRecord(
            cluster=settings.cluster,
            incarnation=secrets.token_hex(8),
            engine_id=pod.engine_id,
            address=host_port(pod.ip, gcs_port),
            dashboard_port=pod.port,
            ray_version=state.versions.ray,
            python_version=state.versions.python,
            fingerprint=settings.fingerprint,
            started_at=stamp(self._clock.now()),
            auth_mode=auth_mode,
        )
        clear_drafts(self._files.head)
        state.follow(self._record.incarnation, self._record.address)
        self._begin()

    def step(self) -> int | None:
        """The exit code, once this head has ended; else None."""
        self._state.beat()
        if self._run is None:
            return self._begin_later()
        reason = self._refusal(self._run) or self._run.look()
        if reason:
            return self._settle(reason)
        self._keep_reporting()
        if self._published and self._files.head.exists():
            return None
        if self._gcs_answers and answers(self._record.dashboard_port, "/api/gcs_healthz"):
            self._publish()
        elif self._clock.monotonic() - self._started_at > START_LIMIT_S:
            return self._fail(f"Ray's head did not answer within {START_LIMIT_S:.0f} s")
        return None

    def stop(self, hurry: threading.Event) -> None:
        self._state.become(STOPPING, "stopping: Ray's head is shutting down")
        self._withdraw()
        if self._run is not None:
            self._run.end(self._clock, hurry)
        self._state.become(ENDED, "stopped")

    def _begin(self) -> None:
        """Start Ray, unless another process still has the store.  Raises OSError."""
        variables = {} if self._store is None else self._store.open()
        if variables is None:
            message = "another process, perhaps the last head, has locked the head's store"
            self._state.become(JOINING, f"{message}; waiting at most {LOCK_WAIT_S:.0f} s")
            return
        if self._store is not None:
            self._record = replace(self._record, store_generation=self._store.generation)
        self._state.become(JOINING, f"Ray's head is starting at {self._record.address}")
        self._run = self._launch(variables)
        self._started_at = self._clock.monotonic()

    def _begin_later(self) -> int | None:
        try:
            self._begin()
        except OSError as error:
            self._state.become(FAILED, f"cannot start: {error.strerror or error}")
            return FAILURE
        return None

    def _refusal(self, run: RayRun) -> str:
        """The reason why Ray cannot open the store; empty if it can, or has none."""
        if self._store is None or self._gcs_answers:
            return ""
        return self._store.refusal(run.errors_of("gcs_server"))

    def _publish(self) -> None:
        try:
            write_head(self._files, self._record)
        except OSError as error:
            self._state.become(JOINING, f"cannot write {self._files.head}: {error.strerror}")
            return
        self._published = True
        self._state.become(JOINED, f"Ray's head answers at {self._record.address}")

    def _keep_reporting(self) -> None:
        """Run the reporter once the GCS answers, which is before the dashboard does."""
        if not self._gcs_answers:
            self._gcs_answers = self._probe(*self._record.host_and_port()).ok
            if self._gcs_answers and self._store is not None:
                self._store.answered()
        now = self._clock.monotonic()
        if self._reporter is not None and self._reporter.poll() is not None:
            code = self._reporter.returncode
            self._log.write(
                f"the reporter exited with {code}; restarting in {REPORTER_PAUSE_S:g} s"
            )
            self._reporter = None
            self._reporter_not_before = now + REPORTER_PAUSE_S
        due = self._reporter is None and now >= self._reporter_not_before
        if self._gcs_answers and due and not self._is_replaced():
            self._reporter = self._report(self._record)

    def _is_replaced(self) -> bool:
        """True if another head was published after this one."""
        record = read_head(self._files)
        return (
            self._published
            and record is not None
            and record.incarnation != self._record.incarnation
        )

    def _settle(self, reason: str) -> int | None:
        now = self._clock.monotonic()
        if self._ended_since is None:
            self._ended_since = now
        return self._fail(reason) if now - self._ended_since >= SETTLE_S else None

    def _fail(self, reason: str) -> int:
        self._withdraw()
        if self._run is not None:
            self._run.end(self._clock, threading.Event(), grace_s=0.0)
        self._state.become(FAILED, reason)
        return FAILURE

    def _withdraw(self) -> None:
        try:
            remove_head(self._files, self._record.incarnation)
        except OSError as error:
            self._log.write(f"cannot remove {self._files.head}: {error.strerror}")
