"""Every reason of an event, besides those of waits, which are events by their own name."""

from enum import Enum

from controller.core.status.events import Event, Kind


class EventReason(Enum):
    """Name, kind, and one sentence for the manual."""

    # What the controller did.
    CREATED = ("Created", Kind.NORMAL, "An application was created.")
    UPDATED = ("Updated", Kind.NORMAL, "An application was configured anew.")
    SIGN_IN_REQUIRED = (
        "SignInRequired",
        Kind.NORMAL,
        "An application that was open without a sign-in asks for one again.",
    )
    STARTED = ("Started", Kind.NORMAL, "A stopped application was started.")
    RESTARTED = ("Restarted", Kind.NORMAL, "An application was restarted.")
    FILES_REMOVED = ("FilesRemoved", Kind.NORMAL, "Files of a cluster that is gone were removed.")
    STOPPING = ("Stopping", Kind.NORMAL, "An application was told to stop.")
    DELETING = ("Deleting", Kind.NORMAL, "An application was told to go.")
    LAUNCHER_WRITTEN = ("LauncherWritten", Kind.NORMAL, "A launcher was written.")
    LAUNCHER_REMOVED = (
        "LauncherRemoved",
        Kind.NORMAL,
        "A launcher that nothing names was removed.",
    )
    BUILDER_WRITTEN = ("BuilderWritten", Kind.NORMAL, "The script of an environment was written.")
    JOB_CREATED = ("JobCreated", Kind.NORMAL, "A job that builds an environment was created.")
    RUN_STARTED = ("RunStarted", Kind.NORMAL, "A job began to build an environment.")
    RUN_STOPPING = ("RunStopping", Kind.NORMAL, "A job that took too long was told to stop.")
    JOB_DELETED = ("JobDeleted", Kind.NORMAL, "A job that built an environment was deleted.")
    ENVIRONMENT_REMOVED = (
        "EnvironmentRemoved",
        Kind.NORMAL,
        "An environment that nothing names was removed.",
    )
    STEP_FAILED = ("StepFailed", Kind.WARNING, "A step had no effect; it is tried again.")
    STEP_REJECTED = ("StepRejected", Kind.WARNING, "CML understood a step and refused it.")
    STEP_UNKNOWN = ("StepUnknown", Kind.WARNING, "The answer to a step was lost: look first.")
    PLAN_REFUSED = ("PlanRefused", Kind.WARNING, "A plan would break a law; nothing was done.")
    PASS_FAILED = ("PassFailed", Kind.WARNING, "A whole pass came to nothing; it is tried again.")
    # How clusters are.
    CLUSTER_ADDED = ("ClusterAdded", Kind.NORMAL, "A spec declares a cluster.")
    CLUSTER_FOUND = ("ClusterFound", Kind.NORMAL, "Applications of ours that no spec holds.")
    SPEC_REMOVED = ("SpecRemoved", Kind.NORMAL, "No spec holds the cluster any more.")
    PRUNE_CANCELLED = ("PruneCancelled", Kind.NORMAL, "The spec came back before its grace ended.")
    CLUSTER_GONE = ("ClusterGone", Kind.NORMAL, "Nothing of a cluster is left.")
    READY = ("Ready", Kind.NORMAL, "Ray says that every wanted node is alive.")
    NOT_READY = ("NotReady", Kind.WARNING, "Ray no longer says so of every wanted node.")
    STALLED = ("Stalled", Kind.WARNING, "What is left to do in a cluster waits for a person.")
    UNSTALLED = ("Unstalled", Kind.NORMAL, "Nothing in a cluster waits for a person any more.")
    CLEARED = ("Cleared", Kind.NORMAL, "A matter that waited for a person is over.")
    SUSPENDING = ("Suspending", Kind.NORMAL, "The spec suspends a cluster; its members stop.")
    SUSPENDED = ("Suspended", Kind.NORMAL, "Every member of a cluster is stopped and kept.")
    RESUMED = ("Resumed", Kind.NORMAL, "The spec no longer suspends a cluster.")
    PAUSED = ("Paused", Kind.NORMAL, "A cluster is only watched, by whose order and why.")
    UNPAUSED = ("Unpaused", Kind.NORMAL, "A cluster is worked on again.")
    # Where specs come from.
    NEW_REVISION = ("NewRevision", Kind.NORMAL, "Another revision is in force.")
    APPROVAL_NEEDED = ("ApprovalNeeded", Kind.WARNING, "A newer revision waits for a person.")
    HOLD_ENDED = ("HoldEnded", Kind.NORMAL, "A revision that waited for a person no longer does.")
    SOURCE_FAILING = ("SourceFailing", Kind.WARNING, "The source of the specs cannot be read.")
    SOURCE_RECOVERED = ("SourceRecovered", Kind.NORMAL, "The source can be read again.")
    SPEC_PROBLEM = ("SpecProblem", Kind.WARNING, "A spec cannot be used.")
    SPEC_MENDED = ("SpecMended", Kind.NORMAL, "A problem of a spec is gone.")

    def __init__(self, title: str, kind: Kind, meaning: str) -> None:
        self.title = title
        self.kind = kind
        self.meaning = meaning

    def event(self, message: str, cluster: str = "", member: str = "") -> Event:
        """An event of this kind that has just been noticed: no times, once."""
        return Event(self.kind, self.title, message, cluster, member)
