"""A check-up: every check, in a fixed order, over facts that were gathered before.

Each check judges by itself; what one needs and nobody could find out makes it a note.
"""

from collections.abc import Callable, Iterable

from controller.doctor.checks import clusters, connection, project, ray
from controller.doctor.result import Finding
from controller.doctor.state import Facts

Check = Callable[[Facts], Iterable[Finding]]

CHECKS: tuple[Check, ...] = (
    connection.settings,
    connection.specs,
    connection.git,
    connection.address,
    connection.api,
    connection.version,
    connection.clock,
    connection.key,
    project.projects,
    project.shared_memory,
    project.runtimes,
    project.quota,
    project.nodes,
    project.files,
    project.interpreters,
    clusters.lease,
    clusters.names,
    clusters.orphans,
    clusters.launchers,
    clusters.sign_in,
    clusters.editions,
    clusters.applications,
    ray.reports,
    ray.joins,
    ray.ray_versions,
    clusters.pauses,
)


def examine(facts: Facts) -> tuple[Finding, ...]:
    """All findings, in the order of the checks."""
    return tuple(finding for check in CHECKS for finding in check(facts))
