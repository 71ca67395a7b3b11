"""Reasons of events; a wait's reason is an event reason as well."""

from enum import Enum

from controller.core.status.events import Event, Kind


class EventReason(Enum):
    """Title, kind, and one sentence for the reference."""

    # What the controller did.
    CREATED = ("Created", Kind.NORMAL, "An application was created.")
    UPDATED = ("Updated", Kind.NORMAL, "The configuration of an application was updated.")
    SIGN_IN_REQUIRED = (
        "SignInRequired",
        Kind.NORMAL,
        "An application that was open without a sign-in requires one again.",
    )
    STARTED = ("Started", Kind.NORMAL, "A stopped application was started.")
    RESTARTED = ("Restarted", Kind.NORMAL, "An application was restarted.")
    FILES_REMOVED = ("FilesRemoved", Kind.NORMAL, "Files of a deleted cluster were removed.")
    STOPPING = ("Stopping", Kind.NORMAL, "An application is being stopped.")
    DELETING = ("Deleting", Kind.NORMAL, "An application is being deleted.")
    LAUNCHER_WRITTEN = ("LauncherWritten", Kind.NORMAL, "A launcher was written.")
    LAUNCHER_REMOVED = (
        "LauncherRemoved",
        Kind.NORMAL,
        "An unused launcher was removed.",
    )
    BUILDER_WRITTEN = (
        "BuilderWritten",
        Kind.NORMAL,
        "The build script of a Python environment was written.",
    )
    JOB_CREATED = ("JobCreated", Kind.NORMAL, "A job for a Python environment was created.")
    RUN_STARTED = ("RunStarted", Kind.NORMAL, "The build of a Python environment started.")
    RUN_STOPPING = ("RunStopping", Kind.NORMAL, "A build that took too long is being stopped.")
    JOB_DELETED = ("JobDeleted", Kind.NORMAL, "A job of a Python environment was deleted.")
    ENVIRONMENT_REMOVED = (
        "EnvironmentRemoved",
        Kind.NORMAL,
        "An unused Python environment was removed.",
    )
    STEP_FAILED = ("StepFailed", Kind.WARNING, "A step failed; it is retried.")
    STEP_REJECTED = ("StepRejected", Kind.WARNING, "CML rejected a step.")
    STEP_UNKNOWN = (
        "StepUnknown",
        Kind.WARNING,
        "The answer to a step was lost; it may have taken effect.",
    )
    PLAN_REFUSED = ("PlanRefused", Kind.WARNING, "A plan would break a law; nothing was done.")
    PASS_FAILED = ("PassFailed", Kind.WARNING, "A pass failed; it is retried.")
    # State of clusters.
    CLUSTER_ADDED = ("ClusterAdded", Kind.NORMAL, "A spec declares a cluster.")
    CLUSTER_FOUND = (
        "ClusterFound",
        Kind.NORMAL,
        "Managed applications that no spec declares.",
    )
    SPEC_REMOVED = ("SpecRemoved", Kind.NORMAL, "No spec declares the cluster any more.")
    PRUNE_CANCELLED = (
        "PruneCancelled",
        Kind.NORMAL,
        "The spec was restored before the cluster's grace period ended.",
    )
    CLUSTER_DELETED = ("ClusterDeleted", Kind.NORMAL, "The cluster has been deleted.")
    READY = ("Ready", Kind.NORMAL, "All nodes are alive in Ray.")
    NOT_READY = ("NotReady", Kind.WARNING, "A node is no longer alive in Ray.")
    STALLED = ("Stalled", Kind.WARNING, "The cluster needs attention.")
    STALL_RESOLVED = ("StallResolved", Kind.NORMAL, "The cluster no longer needs attention.")
    RESOLVED = ("Resolved", Kind.NORMAL, "An issue that needed attention is resolved.")
    SUSPENDING = (
        "Suspending",
        Kind.NORMAL,
        "The spec suspends a cluster; its members are being stopped.",
    )
    SUSPENDED = ("Suspended", Kind.NORMAL, "Every member of a suspended cluster is stopped.")
    RESUMED = ("Resumed", Kind.NORMAL, "The spec no longer suspends a cluster.")
    PAUSED = (
        "Paused",
        Kind.NORMAL,
        "A cluster was paused; the message names the user and the reason.",
    )
    UNPAUSED = ("Unpaused", Kind.NORMAL, "A cluster was unpaused.")
    # The source of the specs.
    NEW_REVISION = ("NewRevision", Kind.NORMAL, "A new revision is in force.")
    APPROVAL_NEEDED = ("ApprovalNeeded", Kind.WARNING, "A newer revision needs approval.")
    HOLD_ENDED = ("HoldEnded", Kind.NORMAL, "A revision no longer needs approval.")
    SOURCE_FAILING = ("SourceFailing", Kind.WARNING, "The source of the specs cannot be read.")
    SOURCE_RECOVERED = ("SourceRecovered", Kind.NORMAL, "The source can be read again.")
    SPEC_PROBLEM = ("SpecProblem", Kind.WARNING, "A spec cannot be used.")
    SPEC_FIXED = ("SpecFixed", Kind.NORMAL, "A problem in a spec is fixed.")

    def __init__(self, title: str, kind: Kind, meaning: str) -> None:
        self.title = title
        self.kind = kind
        self.meaning = meaning

    def event(self, message: str, cluster: str = "", member: str = "") -> Event:
        """A new event of this kind: without times, counted once."""
        return Event(self.kind, self.title, message, cluster, member)
