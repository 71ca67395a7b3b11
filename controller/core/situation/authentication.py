"""Authentication of a cluster: the mode that its spec names, or the one that all members can join.

An edition of raycml before tokens starts each node without one, whatever the head says, so a head
with a token would lose such members.  The default therefore changes only together with what all
nodes must agree on (Ray and Python), when no older member can join before it is updated itself.
"""

from collections.abc import Iterable

from controller.core.model.desired import DesiredCluster
from controller.core.model.observed import ObservedApplication
from controller.core.spec.ray.auth import DISABLED, TOKEN, AuthMode
from controller.core.spec.ray.versions import has_tokens


def auth_mode(cluster: DesiredCluster, applications: Iterable[ObservedApplication]) -> AuthMode:
    """The mode of members that are created or updated now.

    `applications`: all that carry the owner's mark of this cluster.  One of another Ray or Python
    than the spec asks for, or in another project, cannot join and does not count.
    """
    head, *_ = cluster.groups
    inputs = head.inputs
    if inputs.auth_mode:
        return TOKEN if inputs.auth_mode == TOKEN else DISABLED
    if not has_tokens(inputs.ray_version):
        return DISABLED
    agreements = {group.name: group.agreement for group in cluster.groups}
    marks = (app.mark for app in applications if app.project == cluster.project)
    joinable = (
        mark
        for mark in marks
        if mark is not None
        and mark.agreement in ("", agreements.get(mark.member.group, head.agreement))
    )
    return TOKEN if all(mark.auth_mode == TOKEN for mark in joinable) else DISABLED
