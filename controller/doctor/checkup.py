"""The check-up: all checks in order, and the check that each needs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from controller.doctor.checks import (
    capacity,
    clusters,
    connection,
    files,
    lease,
    placement,
    project,
    ray,
    system,
)
from controller.doctor.probe import NoAnswerError, Probe, attempt
from controller.doctor.result import CheckResult, CheckStatus, skipped


@dataclass(frozen=True, slots=True)
class Check:
    """One check.  It is skipped if the check that it `needs` was bad or skipped itself.

    `obstacle`: the reason that others are then skipped; CML is asked nothing more.
    """

    name: str
    run: Callable[[Probe], Iterable[CheckResult]]
    needs: str = ""
    obstacle: str = ""


CHECKS = (
    Check("settings", system.settings),
    Check("specs", system.specs),
    Check("git", system.git),
    Check("connection", connection.connection, obstacle="no connection to CML"),
    Check("api", connection.api, "connection", obstacle="CML cannot be reached"),
    Check("version", connection.version, "api"),
    Check("clock", connection.clock, "connection"),
    Check("key", connection.key, "api", obstacle="CML does not accept the key"),
    Check("project", project.access, "key"),
    Check("pinned-keys", project.pinned_keys, "key"),
    Check("shared-memory", project.shared_memory, "key"),
    Check("variables", project.variables, "key"),
    Check("runtimes", capacity.runtimes, "key"),
    Check("quota", capacity.quota, "key"),
    Check("pods", capacity.pods, "key"),
    Check("nodes", capacity.nodes, "key"),
    Check("placement", placement.placement, "key"),
    Check("files", files.files, "key"),
    Check("python", files.python, "key"),
    Check("lease", lease.lease, "key"),
    Check("names", clusters.names, "key"),
    Check("orphans", clusters.orphans, "key"),
    Check("launchers", files.launchers, "key"),
    Check("sign-in", clusters.sign_in, "key"),
    Check("editions", clusters.editions, "key"),
    Check("applications", clusters.applications, "key"),
    Check("reports", ray.reports, "key"),
    Check("joins", ray.joins, "key"),
    Check("reach", ray.reach, "key"),
    Check("tokens", ray.tokens, "key"),
    Check("ray-version", ray.ray_version, "key"),
    Check("pauses", clusters.pauses, "key"),
)


def examine(probe: Probe) -> tuple[CheckResult, ...]:
    """The results of all checks, in order.  A check that gets no answer is skipped."""
    results: list[CheckResult] = []
    obstacles: dict[str, str] = {}
    for check in CHECKS:
        if check.needs in obstacles:
            obstacles[check.name] = obstacles[check.needs]
            results.append(replace(skipped(obstacles[check.name]), name=check.name))
            continue
        results += _results(check, probe)
        if check.obstacle and results[-1].status is CheckStatus.BAD:
            obstacles[check.name] = check.obstacle
            probe.give_up(check.obstacle)
    return tuple(results)


def _results(check: Check, probe: Probe) -> list[CheckResult]:
    answer = attempt(lambda: tuple(check.run(probe)))
    results = (skipped(answer),) if isinstance(answer, NoAnswerError) else answer
    return [replace(result, name=check.name) for result in results]
