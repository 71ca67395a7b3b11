"""Reasons of events; a wait's reason is an event reason as well."""

from enum import Enum, unique

from pydantic.alias_generators import to_pascal

from controller.core.status.events import Event, Kind


@unique
class EventReason(Enum):
    """Kind, and one sentence for the reference; the title is the name in CamelCase."""

    # What the controller did.
    CREATED = Kind.NORMAL, "An application was created."
    UPDATED = Kind.NORMAL, "The configuration of an application was updated."
    SIGN_IN_REQUIRED = (
        Kind.NORMAL,
        "An application that was open without a sign-in requires one again.",
    )
    STARTED = Kind.NORMAL, "A stopped application was started."
    RESTARTED = Kind.NORMAL, "An application was restarted."
    FILES_REMOVED = Kind.NORMAL, "Files of a deleted cluster were removed."
    DRAIN_STARTED = Kind.NORMAL, "A Ray node was asked to finish its work."
    DRAIN_CANCELLED = Kind.NORMAL, "A member that was to drain stays; its node joins again."
    STOPPING = Kind.NORMAL, "An application is being stopped."
    DELETING = Kind.NORMAL, "An application is being deleted."
    LAUNCHER_WRITTEN = Kind.NORMAL, "A launcher was written."
    LAUNCHER_REMOVED = Kind.NORMAL, "An unused launcher was removed."
    BUILDER_WRITTEN = Kind.NORMAL, "The build script of a Python environment was written."
    JOB_CREATED = Kind.NORMAL, "A job for a Python environment was created."
    RUN_STARTED = Kind.NORMAL, "The build of a Python environment started."
    RUN_STOPPING = Kind.NORMAL, "A build that took too long is being stopped."
    JOB_DELETED = Kind.NORMAL, "A job of a Python environment was deleted."
    SHARED_MEMORY_RAISED = Kind.NORMAL, "The shared memory limit of a project was raised."
    BUILDER_CREATED = Kind.NORMAL, "An application that builds a Python environment was created."
    BUILDER_DELETED = (
        Kind.NORMAL,
        "An application that built a Python environment is being deleted.",
    )
    ENVIRONMENT_REMOVED = Kind.NORMAL, "An unused Python environment was removed."
    STEP_FAILED = Kind.WARNING, "A step failed; it is retried."
    STEP_REJECTED = Kind.WARNING, "CML rejected a step."
    STEP_UNKNOWN = Kind.WARNING, "The answer to a step was lost; it may have taken effect."
    PLAN_REFUSED = Kind.WARNING, "A plan would break a law; nothing was done."
    PASS_FAILED = Kind.WARNING, "A pass failed; it is retried."
    # State of clusters.
    CLUSTER_ADDED = Kind.NORMAL, "A spec declares a cluster."
    CLUSTER_FOUND = Kind.NORMAL, "Managed applications that no spec declares."
    SPEC_REMOVED = Kind.NORMAL, "No spec declares the cluster any more."
    PRUNE_CANCELLED = Kind.NORMAL, "The spec was restored before the cluster's grace period ended."
    CLUSTER_DELETED = Kind.NORMAL, "The cluster has been deleted."
    READY = Kind.NORMAL, "All nodes are alive in Ray."
    NOT_READY = Kind.WARNING, "A node is no longer alive in Ray."
    STALLED = Kind.WARNING, "The cluster needs attention."
    STALL_RESOLVED = Kind.NORMAL, "The cluster no longer needs attention."
    RESOLVED = Kind.NORMAL, "An issue that needed attention is resolved."
    SUSPENDING = Kind.NORMAL, "The spec suspends a cluster; its members are being stopped."
    SUSPENDED = Kind.NORMAL, "Every member of a suspended cluster is stopped."
    RESUMED = Kind.NORMAL, "The spec no longer suspends a cluster."
    PAUSED = Kind.NORMAL, "A cluster was paused; the message names the user and the reason."
    UNPAUSED = Kind.NORMAL, "A cluster was unpaused."
    # The source of the specs.
    NEW_REVISION = Kind.NORMAL, "A new revision is in force."
    APPROVAL_NEEDED = Kind.WARNING, "A newer revision needs approval."
    HOLD_ENDED = Kind.NORMAL, "A revision no longer needs approval."
    SOURCE_FAILING = Kind.WARNING, "The source of the specs cannot be read."
    SOURCE_RECOVERED = Kind.NORMAL, "The source can be read again."
    SPEC_PROBLEM = Kind.WARNING, "A spec cannot be used."
    SPEC_FIXED = Kind.NORMAL, "A problem in a spec is fixed."

    def __init__(self, kind: Kind, meaning: str) -> None:
        self.title = to_pascal(self.name)
        self.kind = kind
        self.meaning = meaning

    def event(self, message: str, cluster: str = "", member: str = "") -> Event:
        """A new event of this kind: without times, counted once."""
        return Event(self.kind, self.title, message, cluster, member)
