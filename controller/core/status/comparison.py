"""Status of a cluster that is only compared with its spec, without a controller.  Pure."""

from dataclasses import replace

from controller.core.status.status import ClusterStatus, Condition

NO_CONTROLLER = "NoController"
_ACTED_ON = frozenset({"Reconciling", "Suspending"})


def compared_only(cluster: ClusterStatus) -> ClusterStatus:
    """The cluster's difference from its spec, while no controller is running."""
    conditions = tuple(_idle(condition) for condition in cluster.conditions)
    if cluster.word not in _ACTED_ON:
        return replace(cluster, conditions=conditions)
    return replace(cluster, word=_word(cluster), conditions=conditions)


def _idle(condition: Condition) -> Condition:
    if condition.type != "Reconciling":
        return condition
    return replace(condition, status="False", reason=NO_CONTROLLER)


def _word(cluster: ClusterStatus) -> str:
    if not any(member.application_id for member in cluster.members):
        return "NotCreated"
    synced = cluster.condition("Synced")
    if cluster.word == "Suspending" or synced is None or synced.status != "True":
        return "OutOfSync"
    return "NotReady"
