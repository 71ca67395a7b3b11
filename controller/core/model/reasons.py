"""Reasons of steps, waits and conditions, each with its outlook.

One table drives retry, status, exit code and metrics, so that they cannot disagree: a reason whose
outlook is PERSON makes a cluster Stalled, ends a one-shot `reconcile` with exit code 5, and is
retried at most once per resync.
"""

from enum import Enum


class Outlook(Enum):
    """The next thing that has to happen."""

    SETTLED = "settled"  # nothing: in sync, or only a note
    MOVING = "moving"  # time, or the next pass
    PERSON = "person"  # manual action: a change of the spec, the workspace or a decision


class Reason(Enum):
    """Title, outlook, and one sentence for the reference."""

    # Reasons of steps.
    MISSING = ("Missing", Outlook.MOVING, "The member is not created yet.")
    OUTDATED = (
        "Outdated",
        Outlook.MOVING,
        "The application's configuration differs from the spec.",
    )
    PUBLIC_ACCESS = (
        "PublicAccess",
        Outlook.MOVING,
        "The application requires no sign-in, so anyone who can reach it can run code.",
    )
    STALE = ("Stale", Outlook.MOVING, "The process still runs with an older configuration.")
    DOWN = ("Down", Outlook.MOVING, "The application failed, or was stopped outside raycml.")
    NOT_JOINED = (
        "NotJoined",
        Outlook.MOVING,
        "The application is running, but its Ray node never joined.",
    )
    SCALED_DOWN = ("ScaledDown", Outlook.MOVING, "The group has fewer replicas now.")
    GROUP_REMOVED = ("GroupRemoved", Outlook.MOVING, "The spec no longer has this group.")
    SURPLUS = ("Duplicate", Outlook.MOVING, "The member has a second application.")
    MOVED = ("Moved", Outlook.MOVING, "The spec names another project now.")
    PRUNE_GRACE = (
        "PruneGrace",
        Outlook.MOVING,
        "No spec declares the cluster any more; it is deleted when its grace period ends.",
    )
    KEPT = (
        "HeldAtOlderRevision",
        Outlook.SETTLED,
        "The newest spec of the cluster cannot be used; its last valid spec stays in force.",
    )
    PROJECT_UNSEEN = (
        "ProjectNotListed",
        Outlook.SETTLED,
        "The cluster's previous project cannot be listed; applications may still run there.",
    )
    PRUNED = ("Pruned", Outlook.MOVING, "No spec declares the cluster, and pruning is on.")
    REQUESTED = ("Requested", Outlook.MOVING, "A user requested the deletion of the cluster.")
    SUSPENDED = ("Suspended", Outlook.SETTLED, "The spec suspends the cluster or the group.")
    RESUMED = ("Resumed", Outlook.MOVING, "The application is stopped and should run.")
    REPLACED = (
        "Replaced",
        Outlook.MOVING,
        "CML cannot update a field in place; the application is deleted and created again.",
    )
    LAUNCHER_MISSING = (
        "LauncherMissing",
        Outlook.MOVING,
        "The launcher is missing from the project's files.",
    )
    LAUNCHER_UNUSED = (
        "LauncherUnused",
        Outlook.MOVING,
        "No application has used the launcher for an hour.",
    )
    ENVIRONMENT_UNUSED = (
        "EnvironmentUnused",
        Outlook.MOVING,
        "No spec has used the Python environment for a day.",
    )
    FILES_UNUSED = (
        "FilesUnused",
        Outlook.MOVING,
        "The cluster of these files was deleted, or has had no application for a day.",
    )
    # Reasons of waits that end by themselves.
    ENVIRONMENT_BUILDING = (
        "EnvironmentBuilding",
        Outlook.MOVING,
        "The member's Python environment is not built yet.",
    )
    STARTING = ("Starting", Outlook.MOVING, "The application is starting.")
    STOPPING = ("Stopping", Outlook.MOVING, "The application is stopping.")
    DELETING = ("Deleting", Outlook.MOVING, "The application is being deleted.")
    JOINING = (
        "Joining",
        Outlook.MOVING,
        "The application is running; its Ray node is not in the cluster yet.",
    )
    SETTLING = (
        "Settling",
        Outlook.MOVING,
        "A recent call has no visible effect yet.",
    )
    BACKOFF = ("Backoff", Outlook.MOVING, "The last attempt failed; the next one is delayed.")
    ROLLING = (
        "RollingUpdate",
        Outlook.MOVING,
        "Other members of the group are updating; this one waits its turn.",
    )
    NAME_HELD = (
        "NameInUse",
        Outlook.MOVING,
        "A managed application that is being deleted still has the name.",
    )
    PLATFORM_FAULT = (
        "PlatformFault",
        Outlook.MOVING,
        "Too many members failed at once; this looks like a platform problem.",
    )
    UNKNOWN_STATUS = (
        "UnknownStatus",
        Outlook.MOVING,
        "CML reports a status that raycml does not know.",
    )
    INCOMPLETE_LIST = (
        "IncompleteList",
        Outlook.MOVING,
        "The list of applications was incomplete; no action was taken.",
    )
    # Reasons of waits that need manual action.
    PAUSED = ("Paused", Outlook.PERSON, "The cluster is paused; raycml only observes it.")
    PROTECTED = (
        "Protected",
        Outlook.PERSON,
        "The spec protects the cluster; nothing in it is deleted or restarted.",
    )
    UPGRADES_OFF = (
        "UpgradesOff",
        Outlook.PERSON,
        "`upgradeStrategy.type: None` reports changes without applying them.",
    )
    CRASH_LOOPING = ("CrashLooping", Outlook.PERSON, "The member keeps crashing.")
    START_TIMED_OUT = (
        "StartTimedOut",
        Outlook.PERSON,
        "The application did not start within its deadline.",
    )
    STOP_TIMED_OUT = (
        "StopTimedOut",
        Outlook.PERSON,
        "The application did not stop within its deadline.",
    )
    STATUS_TIMED_OUT = (
        "StatusTimedOut",
        Outlook.PERSON,
        "CML keeps reporting a status that raycml does not know.",
    )
    DELETE_TIMED_OUT = (
        "DeleteTimedOut",
        Outlook.PERSON,
        "The application was not deleted within its deadline.",
    )
    JOIN_TIMED_OUT = (
        "JoinTimedOut",
        Outlook.PERSON,
        "The Ray node did not join within its deadline.",
    )
    FIELD_NOT_APPLIED = ("FieldNotApplied", Outlook.PERSON, "CML accepts a field but ignores it.")
    NAME_CONFLICT = (
        "NameConflict",
        Outlook.PERSON,
        "An application that raycml does not manage has the name.",
    )
    ENVIRONMENT_FAILED = (
        "EnvironmentFailed",
        Outlook.PERSON,
        "The member's Python environment cannot be built.",
    )
    NOT_OFFERED = (
        "NotOffered",
        Outlook.PERSON,
        "The workspace does not offer an image or a size that the spec requests.",
    )
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        Outlook.PERSON,
        "A CML quota is used up; raycml retries later.",
    )
    REJECTED = ("Rejected", Outlook.PERSON, "CML rejected the request.")
    PROJECT_NOT_FOUND = (
        "ProjectNotFound",
        Outlook.PERSON,
        "The project does not exist, or is not visible to the API key.",
    )
    PROJECT_NOT_ALLOWED = (
        "ProjectNotAllowed",
        Outlook.PERSON,
        "The spec names a project that `RAYCML_PROJECTS` does not list.",
    )
    PRUNE_GUARDED = (
        "PruneLimit",
        Outlook.PERSON,
        "More clusters would be deleted than allowed without approval.",
    )
    SPEC_UNREADABLE = (
        "SpecUnreadable",
        Outlook.PERSON,
        "A spec cannot be read; the clusters it declared are left unchanged.",
    )
    PLAN_REFUSED = (
        "PlanRefused",
        Outlook.PERSON,
        "The plan of the cluster would break a law; nothing was done.",
    )
    # Notes.
    ORPHAN = ("Orphan", Outlook.SETTLED, "Managed applications that no spec declares.")
    READY = ("AllNodesAlive", Outlook.SETTLED, "All nodes are alive in Ray.")
    UP_TO_DATE = ("UpToDate", Outlook.SETTLED, "Every application is in sync with the spec.")

    def __init__(self, title: str, outlook: Outlook, meaning: str) -> None:
        self.title = title
        self.outlook = outlook
        self.meaning = meaning

    def __str__(self) -> str:
        return self.title
