"""A check-up: every check, in a fixed order, over facts that were gathered before.

Each check judges by itself; what one needs and nobody could find out makes it a note.
"""

from collections.abc import Callable, Iterable

from controller.doctor.checks import cluster, connection, project, ray
from controller.doctor.facts import Facts
from controller.doctor.finding import Finding

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
    cluster.lease,
    cluster.names,
    cluster.orphans,
    cluster.launchers,
    cluster.sign_in,
    cluster.editions,
    cluster.applications,
    ray.reports,
    ray.joins,
    ray.ray_versions,
    cluster.pauses,
)


def examine(facts: Facts) -> tuple[Finding, ...]:
    """All findings, in the order of the checks."""
    return tuple(finding for check in CHECKS for finding in check(facts))
