"""Every reason that a step, a wait or a condition can have, and what each one means for going on.

One table drives retry, status, exit code and metrics, so that they cannot disagree: a reason whose
outlook is PERSON makes a cluster Stalled, ends a one-shot `reconcile` with exit code 5, and is
never tried more than once per resync.
"""

from enum import Enum


class Outlook(Enum):
    """What has to happen next for the matter to be over."""

    SETTLED = "settled"  # nothing: it is as it should be, or a note
    MOVING = "moving"  # time, or the next pass
    PERSON = "person"  # somebody changes the spec, the workspace or a decision


class Reason(Enum):
    """Name, outlook, and one sentence for the manual."""

    # Why a step is taken.
    MISSING = ("Missing", Outlook.MOVING, "The member has no application.")
    OUTDATED = (
        "Outdated",
        Outlook.MOVING,
        "The application is configured otherwise than the spec says.",
    )
    PUBLIC_ACCESS = (
        "PublicAccess",
        Outlook.MOVING,
        "The application asks nobody to sign in, so whoever reaches it may run code.",
    )
    STALE = ("Stale", Outlook.MOVING, "The process still runs an older configuration.")
    DOWN = ("Down", Outlook.MOVING, "The application failed or was stopped by somebody else.")
    NOT_JOINED = (
        "NotJoined",
        Outlook.MOVING,
        "The application runs, but its Ray node never joined.",
    )
    SCALED_DOWN = ("ScaledDown", Outlook.MOVING, "The group has fewer replicas now.")
    GROUP_REMOVED = ("GroupRemoved", Outlook.MOVING, "The spec no longer has this group.")
    SURPLUS = ("Surplus", Outlook.MOVING, "A second application of one member.")
    MOVED = ("Moved", Outlook.MOVING, "The spec names another project now.")
    PRUNE_GRACE = (
        "PruneGrace",
        Outlook.MOVING,
        "No spec declares the cluster any more; it is deleted when its grace is over.",
    )
    KEPT = (
        "HeldAtOlderRevision",
        Outlook.SETTLED,
        "The newest spec of the cluster cannot be used; its last good spec stays in force.",
    )
    PROJECT_UNSEEN = (
        "ProjectUnseen",
        Outlook.SETTLED,
        "Applications of the cluster may still run in a project that it left and that is not seen.",
    )
    PRUNED = ("Pruned", Outlook.MOVING, "No spec holds the cluster, and pruning was asked for.")
    REQUESTED = ("Requested", Outlook.MOVING, "A person asked for the cluster to be deleted.")
    SUSPENDED = ("Suspended", Outlook.SETTLED, "The spec suspends the cluster or the group.")
    RESUMED = ("Resumed", Outlook.MOVING, "The application is stopped and should run.")
    REPLACED = (
        "Replaced",
        Outlook.MOVING,
        "CML does not take a field by update: delete and create.",
    )
    LAUNCHER_MISSING = (
        "LauncherMissing",
        Outlook.MOVING,
        "The launcher is not in the project's files.",
    )
    LAUNCHER_UNUSED = (
        "LauncherUnused",
        Outlook.MOVING,
        "No application has named the launcher for an hour.",
    )
    ENVIRONMENT_UNUSED = (
        "EnvironmentUnused",
        Outlook.MOVING,
        "Nothing has named the environment for a day.",
    )
    FILES_UNUSED = (
        "FilesUnused",
        Outlook.MOVING,
        "The cluster of these files was deleted, or has been gone for a day.",
    )
    # Why a member is left alone for now.
    ENVIRONMENT_BUILDING = (
        "EnvironmentBuilding",
        Outlook.MOVING,
        "The member's environment is not built yet.",
    )
    STARTING = ("Starting", Outlook.MOVING, "The application is starting.")
    STOPPING = ("Stopping", Outlook.MOVING, "The application is stopping.")
    DELETING = ("Deleting", Outlook.MOVING, "The application is being deleted.")
    JOINING = (
        "Joining",
        Outlook.MOVING,
        "The application runs; its Ray node is not in the cluster yet.",
    )
    SETTLING = (
        "Settling",
        Outlook.MOVING,
        "A call was made a moment ago; its effect is not visible yet.",
    )
    BACKOFF = ("Backoff", Outlook.MOVING, "The last try did not help; the next one waits.")
    ROLLING = (
        "RollingUpdate",
        Outlook.MOVING,
        "Other members of the group are away; this one follows.",
    )
    NAME_HELD = (
        "NameHeld",
        Outlook.MOVING,
        "An application of ours that is leaving still holds the name.",
    )
    PLATFORM_FAULT = (
        "PlatformFault",
        Outlook.MOVING,
        "So many members fell at once that the platform is at fault.",
    )
    UNKNOWN_STATUS = (
        "UnknownStatus",
        Outlook.MOVING,
        "CML reports a status that this controller does not know.",
    )
    INCOMPLETE_LIST = (
        "IncompleteList",
        Outlook.MOVING,
        "The list of applications was torn; nothing is decided on it.",
    )
    # Why a person is needed.
    PAUSED = ("Paused", Outlook.PERSON, "The cluster is paused: the controller only watches it.")
    PROTECTED = ("Protected", Outlook.PERSON, "The spec protects the cluster: it loses nothing.")
    UPGRADES_OFF = (
        "UpgradesOff",
        Outlook.PERSON,
        "`upgradeStrategy.type: None` only reports changes.",
    )
    CRASH_LOOPING = ("CrashLooping", Outlook.PERSON, "The member fell again and again.")
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
        "CML went on reporting a status that nobody knows.",
    )
    DELETE_TIMED_OUT = (
        "DeleteTimedOut",
        Outlook.PERSON,
        "The application did not go within its deadline.",
    )
    JOIN_TIMED_OUT = (
        "JoinTimedOut",
        Outlook.PERSON,
        "The Ray node did not join within its deadline.",
    )
    FIELD_NOT_APPLIED = ("FieldNotApplied", Outlook.PERSON, "CML accepts a field and ignores it.")
    NAME_CONFLICT = ("NameConflict", Outlook.PERSON, "Somebody else's application holds the name.")
    ENVIRONMENT_FAILED = (
        "EnvironmentFailed",
        Outlook.PERSON,
        "The member's environment cannot be built.",
    )
    NOT_OFFERED = (
        "NotOffered",
        Outlook.PERSON,
        "The workspace does not offer an image or a size that the spec asks for.",
    )
    QUOTA_EXCEEDED = (
        "QuotaExceeded",
        Outlook.PERSON,
        "CML says that a quota is used up; it is tried again after a while.",
    )
    REJECTED = ("Rejected", Outlook.PERSON, "CML understood the request and refused it.")
    PROJECT_NOT_FOUND = (
        "ProjectNotFound",
        Outlook.PERSON,
        "The project does not exist or cannot be seen.",
    )
    PROJECT_NOT_ALLOWED = (
        "ProjectNotAllowed",
        Outlook.PERSON,
        "The spec names a project that `RAYCML_PROJECTS` does not list.",
    )
    PRUNE_GUARDED = (
        "PruneGuarded",
        Outlook.PERSON,
        "So much would be pruned that a person must agree.",
    )
    SPEC_UNREADABLE = (
        "SpecUnreadable",
        Outlook.PERSON,
        "A spec cannot be read; what it held is left alone.",
    )
    PLAN_REFUSED = (
        "PlanRefused",
        Outlook.PERSON,
        "The plan of the cluster would break a law; none of it was done.",
    )
    # Notes.
    ORPHAN = ("Orphan", Outlook.SETTLED, "Applications of ours that no spec holds.")
    READY = ("AllNodesAlive", Outlook.SETTLED, "Ray says that every wanted node is alive.")
    UP_TO_DATE = ("UpToDate", Outlook.SETTLED, "Every application is configured as the spec says.")

    def __init__(self, title: str, outlook: Outlook, meaning: str) -> None:
        self.title = title
        self.outlook = outlook
        self.meaning = meaning

    def __str__(self) -> str:
        return self.title
