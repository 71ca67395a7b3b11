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
    held = read_lease(files, owner)
    if held is not None and not held.released and is_dead(held.place):
        yield good("lease", f"{held.who} held it, but that process has ended; it is free")
        return
    if held is not None and not held.released:
        limit = f"up to {held.duration_s:.0f} s"
        probe.screen.say(f"{held.who} holds the lease; watching {limit} for a sign of life")
        later, silent_s = _watch(probe, files, held)
        if later == held:
            message = f"held by {held.who} since {held.since}, silent for {silent_s:.0f} s"
            fix = "if that controller died, run `raycml reconcile` to take the lease over"
            yield warning("lease", message, fix)
            return
        held = later
    if held is None or held.released:
        yield good("lease", "no controller holds it")
    else:
        yield good("lease", f"held by {held.who} since {held.since}, which is alive")


def _watch(probe: Probe, files: ProjectFiles, held: Lease) -> tuple[Lease | None, float]:
    """The lease after its next change, or after its duration without one; seconds of silence."""
    clock = probe.screen.system.clock
    started = clock.monotonic()
    later: Lease | None = held
    for _ in range(_READINGS):
        clock.wait(held.duration_s / _READINGS)
        later = read_lease(files, held.owner)
        if later != held:
            break
    return later, clock.monotonic() - started
