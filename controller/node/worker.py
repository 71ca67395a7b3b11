"""A worker: waits for a live head, joins it, and follows it to its next incarnation.

`step` checks once, acts at most once, and never waits long.  The application outlives Ray: after
the restart of a head or the end of a raylet, Ray is restarted in the same application.  With a head
that remembers, Ray outlives the head as well: its relay is pointed at the next incarnation, unless
that one lost its store.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from controller.node.clock import Clock, parse_stamp
from controller.node.member_state import (
    DRAINED,
    ENDED,
    FAILED,
    JOINED,
    JOINING,
    RETRYING,
    STOPPING,
    WAITING,
    MemberState,
)
from controller.node.pod import HEAD
from controller.node.project_files import HeadRecord, MemberFiles, read_head, read_json
from controller.node.ray import tokens
from controller.node.ray.relay import Relay
from controller.node.ray.run import RayRun
from controller.node.ray.turn import Turn
from controller.node.ray.versions import MATCH_LEVEL, habits, python_agrees
from controller.node.reach import Reach
from controller.node.requests.absence import Absence

FRESH_S = 30.0  # maximal age of a head's last update, by this pod's clock
JOIN_LIMIT_S = 120.0
DRAIN_PAUSE_S = 30.0  # after a drain without a request: such a node is usually stopped
SETTLE_S = 2.5  # `ray start` checks its children each second, and ends after that
QUIET_S = 300.0
MOST_FAILURES = 10
LONGEST_DELAY_S = 30.0
REMIND_S = 15.0
FAILURE = 1  # exit code


class HeadLiveness:
    """Check if the head in `head.json` is alive, by its state file, which it updates.

    A recent time counts immediately.  If clocks differ between pods, a changing time counts.
    """

    def __init__(self, files: MemberFiles, clock: Clock) -> None:
        self._path = files.member(HEAD)
        self._clock = clock
        self._last_sign: tuple[str, object] | None = None
        self._moved_at = -math.inf

    def is_alive(self, record: HeadRecord) -> bool:
        values = read_json(self._path) or {}
        if values.get("engine_id") != record.engine_id:
            return False
        sign = (record.engine_id, values.get("observed_at"))
        last, self._last_sign = self._last_sign, sign
        now = self._clock.monotonic()
        if last is not None and last[0] == sign[0] and last != sign:
            self._moved_at = now
        observed = parse_stamp(values.get("observed_at"))
        is_fresh = observed is not None and abs(self._clock.now() - observed) <= FRESH_S
        return is_fresh or now - self._moved_at <= FRESH_S


class Worker:
    """A worker; `launch` starts Ray, `probe` asks Ray for an answer at a host and port.

    `python_level`: see `python_agrees`.  `relay`: through which Ray reaches a head that remembers.
    """

    def __init__(
        self,
        state: MemberState,
        launch: Callable[[HeadRecord], RayRun],
        probe: Callable[[str, int], Reach],
        python_level: str,
        turn: Turn,
        relay: Relay | None = None,
    ) -> None:
        self._state, self._files = state, state.files
        self._log, self._clock = state.log, state.clock
        self._launch = launch
        self._probe = probe
        self._python_level = python_level
        self._turn = turn
        self._relay = relay
        self._liveness = HeadLiveness(state.files, state.clock)
        pod = state.pod
        self._absence = Absence(state.files, pod.member, pod.engine_id, state.clock)
        self._run: RayRun | None = None
        self._head: HeadRecord | None = None
        self._shown = (tokens.DISABLED, b"")
        self._launched_at = 0.0
        self._ended_since: float | None = None
        self._not_before = 0.0
        self._waiting_since: float | None = None
        self._reminded_at = 0.0
        self._failures = 0
        self._never = threading.Event()

    def step(self) -> int | None:
        """The exit code, once this member has ended; else None."""
        self._state.beat()
        if self._run is None:
            return self._seek()
        record, head = read_head(self._files), self._head
        if (
            record is not None
            and head is not None
            and record.incarnation != head.incarnation
            and self._liveness.is_alive(record)  # a restored old file does not count
        ):
            if self._is_remembered_by(record, head):
                self._follow(record)
            else:
                self._leave(self._run, record)
            return None
        return self._watch(self._run)

    def stop(self, hurry: threading.Event) -> None:
        self._state.become(STOPPING, "stopping: Ray is draining this node")
        if self._run is not None:
            self._run.end(self._clock, hurry)
            self._run = None
            self._turn.release()
        if self._relay is not None:
            self._relay.close()
        self._state.become(ENDED, "stopped")

    def _is_remembered_by(self, record: HeadRecord, head: HeadRecord) -> bool:
        """True if the new head knows this node, since it has the store of the last one.

        Processes of Ray show the token that they were started with, so another one ends them.
        """
        generation = record.store_generation
        knows = self._relay is not None and generation == head.store_generation != ""
        return knows and self._credentials(record) == self._shown

    def _credentials(self, record: HeadRecord) -> tuple[str, bytes]:
        """The mode of this head, and the token that Ray would show to it now."""
        if record.auth_mode != tokens.TOKEN:
            return tokens.DISABLED, b""
        return tokens.TOKEN, tokens.content(self._files)

    def _follow(self, record: HeadRecord) -> None:
        """Let Ray, which is left running, find the new head."""
        self._log.write(f"the head was restarted at {record.address} with its store: Ray stays")
        self._point_at(record)

    def _point_at(self, record: HeadRecord) -> None:
        self._head = record
        if self._relay is not None:
            self._relay.point(*record.host_and_port())
        self._state.follow(record.incarnation, record.address)

    def _leave(self, run: RayRun, record: HeadRecord) -> None:
        """End Ray without a drain, since the old cluster has ended."""
        self._log.write(f"the head was restarted at {record.address}: leaving the old cluster")
        run.end(self._clock, self._never, grace_s=0.0)
        self._run = None
        self._turn.release()
        self._state.become(WAITING, "the head was restarted")

    # Without Ray: wait for the head.

    def _seek(self) -> int | None:
        if self._clock.monotonic() < self._not_before:
            return None
        record = read_head(self._files)
        if record is None:
            return self._wait("no head has published its address yet")
        absence = self._absence.reason(record.incarnation)
        if absence:
            self._waiting_since = None
            self._state.become(DRAINED, absence)
            return None
        obstacle = self._obstacle(record)
        if obstacle:
            return self._wait(obstacle)
        if not self._turn.take(record.address):
            return self._wait("another member of this host is starting Ray")
        self._join(record)
        return None

    def _obstacle(self, record: HeadRecord) -> str:
        """The reason why this head cannot be joined now; empty if it can."""
        differing = self._other_versions(record)
        if differing:
            return differing
        if record.auth_mode == tokens.TOKEN and (fault := tokens.obstacle(self._files)):
            return fault
        if not self._liveness.is_alive(record):
            return f"head.json names {record.address}, but that head is not alive"
        reach = self._probe(*record.host_and_port())
        self._state.note_reach(reach)
        if reach.ok:
            return ""
        return f"cannot reach the head at {record.address}: {reach.message}"

    def _other_versions(self, record: HeadRecord) -> str:
        """The reason why Ray would refuse to join by its version or Python's; empty if it joins."""
        own, level = self._state.versions, self._python_level
        same_ray = record.ray_version == own.ray
        if same_ray and python_agrees(own.python, record.python_version, level):
            return ""
        remedy = "waiting for a head with the same versions"
        patch_only = same_ray and python_agrees(own.python, record.python_version, "minor")
        if patch_only and habits(own.ray).match_level:
            remedy += f", or set {MATCH_LEVEL}: minor in the spec's environment"
        return (
            f"the head at {record.address} runs Ray {record.ray_version} on Python "
            f"{record.python_version}, this member Ray {own.ray} on Python {own.python}: {remedy}"
        )

    def _wait(self, reason: str) -> int | None:
        now = self._clock.monotonic()
        if self._waiting_since is None:
            self._waiting_since = self._reminded_at = now
        waited = now - self._waiting_since
        if waited > self._state.pod.head_wait_s:
            return self._give_up(f"waited {waited:.0f} s for the head; {reason}")
        self._state.become(WAITING, reason)
        if now - self._reminded_at >= REMIND_S:
            self._reminded_at = now
            self._log.write(f"still waiting after {waited:.0f} s: {reason}")
        return None

    def _join(self, record: HeadRecord) -> None:
        self._waiting_since = self._ended_since = None
        self._point_at(record)
        self._state.become(JOINING, f"joining the head at {record.address}")
        self._shown = self._credentials(record)
        self._run = self._launch(record)
        self._launched_at = self._clock.monotonic()

    # With Ray: observe it.

    def _watch(self, run: RayRun) -> int | None:
        reason = run.look()
        if reason:
            return self._settle(run, reason)
        age = self._clock.monotonic() - self._launched_at
        if run.is_up:
            self._turn.release()
            address = self._state.view().head_address
            self._state.become(JOINED, f"joined the cluster at {address}")
            self._absence.forget(self._state.view().head_incarnation)
            if age >= QUIET_S:
                self._failures = 0
        elif age > JOIN_LIMIT_S:
            return self._fail(run, f"Ray did not join within {JOIN_LIMIT_S:.0f} s")
        return None

    def _settle(self, run: RayRun, reason: str) -> int | None:
        """Wait until the reason for Ray's end is known; it may be a stop of the pod."""
        now = self._clock.monotonic()
        if self._ended_since is None:
            self._ended_since = now
        absence = self._absence.reason(self._state.view().head_incarnation)
        if absence:
            run.end(self._clock, self._never, grace_s=0.0)
            self._retry_in(0.0, absence, DRAINED)
            return None
        if now - self._ended_since < SETTLE_S:
            return None
        if not run.was_drained():
            return self._fail(run, reason)
        run.end(self._clock, self._never, grace_s=0.0)
        message = f"Ray drained this node; joining again in {DRAIN_PAUSE_S:g} s"
        self._retry_in(DRAIN_PAUSE_S, message)
        return None

    def _fail(self, run: RayRun, reason: str) -> int | None:
        run.end(self._clock, self._never, grace_s=0.0)
        self._failures += 1
        if self._failures >= MOST_FAILURES:
            self._run = None
            self._turn.release()
            return self._give_up(f"{reason}; {self._failures} failures in a row")
        delay = min(2.0 ** (self._failures - 1), LONGEST_DELAY_S)
        self._retry_in(delay, f"{reason}; attempt {self._failures + 1} in {delay:g} s")
        return None

    def _retry_in(self, delay: float, message: str, state: str = RETRYING) -> None:
        self._run = self._ended_since = None
        self._turn.release()
        self._not_before = self._clock.monotonic() + delay
        self._state.become(state, message)

    def _give_up(self, reason: str) -> int:
        self._state.become(FAILED, reason)
        return FAILURE
