"""The check of the lease: a controller that holds it shows signs of life."""

from collections.abc import Iterator

from controller.core.model.lease import Lease
from controller.doctor import state
from controller.doctor.probe import Probe
from controller.doctor.result import CheckResult, good, warning
from controller.files.leases import read_lease
from controller.files.port import ProjectFiles
from controller.process.identity import is_dead

_READINGS = 10  # of a held lease, within its duration


def lease(probe: Probe) -> Iterator[CheckResult]:
    owner = probe.ask(state.policy).owner
    files = probe.connection.files(probe.ask(state.home_project))
    current = read_lease(files, owner)
    if current is not None and not current.released:
        if is_dead(current.place):
            yield good(f"{current.who} held it, but that process has ended; it is free")
            return
        limit = f"up to {current.duration_s:.0f} s"
        probe.screen.say(f"{current.who} holds the lease; watching {limit} for a sign of life")
        later, silent_s = _watch(probe, files, current)
        if later == current:
            holder = f"held by {current.who} since {current.since}"
            fix = "if that controller died, run `raycml reconcile` to take the lease over"
            yield warning(f"{holder}, silent for {silent_s:.0f} s", fix)
            return
        current = later
    if current is None or current.released:
        yield good("no controller holds it")
    else:
        yield good(f"held by {current.who} since {current.since}, which is alive")


def _watch(probe: Probe, files: ProjectFiles, before: Lease) -> tuple[Lease | None, float]:
    """The lease after its next change, or after its duration without one; seconds of silence."""
    clock = probe.screen.system.clock
    started = clock.monotonic()
    later: Lease | None = before
    for _ in range(_READINGS):
        clock.wait(before.duration_s / _READINGS)
        later = read_lease(files, before.owner)
        if later != before:
            break
    return later, clock.monotonic() - started
