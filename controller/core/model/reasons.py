"""Reasons of steps, waits and conditions, each with its outlook.

One table drives retry, status, exit code and metrics, so that they cannot disagree: a reason whose
outlook is PERSON makes a cluster Stalled, ends a one-shot `reconcile` with exit code 5, and is
retried at most once per resync.
"""

from enum import Enum, unique

from pydantic.alias_generators import to_pascal


class Outlook(Enum):
    """The next thing that has to happen."""

    SETTLED = "settled"  # nothing: in sync, or only a note
    MOVING = "moving"  # time, or the next pass
    PERSON = "person"  # manual action: a change of the spec, the workspace or a decision


@unique
class Reason(Enum):
    """Outlook, and one sentence for the reference.

    Its name is public: the title in messages, JSON and metrics is the same in CamelCase.
    """

    # Reasons of steps.
    MISSING = Outlook.MOVING, "The member is not created yet."
    OUTDATED = Outlook.MOVING, "The application's configuration differs from the spec."
    PUBLIC_ACCESS = (
        Outlook.MOVING,
        "The application requires no sign-in, so anyone who can reach it can run code.",
    )
    STALE = Outlook.MOVING, "The process still runs with an older configuration."
    DOWN = Outlook.MOVING, "The application failed, or was stopped outside raycml."
    NOT_JOINED = Outlook.MOVING, "The application is running, but its Ray node never joined."
    NODE_LOST = (
        Outlook.MOVING,
        "The application is running, but Ray lost its node and the member does not start it again.",
    )
    SCALED_DOWN = Outlook.MOVING, "The group has fewer replicas now."
    GROUP_REMOVED = Outlook.MOVING, "The spec no longer has this group."
    DUPLICATE = Outlook.MOVING, "The member has a second application."
    MOVED = Outlook.MOVING, "The spec names another project now."
    PRUNE_GRACE = (
        Outlook.MOVING,
        "No spec declares the cluster any more; it is deleted when its grace period ends.",
    )
    HELD_AT_OLDER_REVISION = (
        Outlook.SETTLED,
        "The newest spec of the cluster cannot be used; its last valid spec stays in force.",
    )
    PROJECT_NOT_LISTED = (
        Outlook.SETTLED,
        "The cluster's previous project cannot be listed; applications may still run there.",
    )
    RETIRED = Outlook.MOVING, "A user retired the member; another one takes its place."
    DRAIN_OVER = Outlook.MOVING, "A request to drain a node has been answered for good."
    DRAIN_WITHDRAWN = Outlook.MOVING, "The member stays, so its drain is withdrawn."
    PRUNED = Outlook.MOVING, "No spec declares the cluster, and pruning is on."
    REQUESTED = Outlook.MOVING, "A user requested the deletion of the cluster."
    SUSPENDED = Outlook.SETTLED, "The spec suspends the cluster or the group."
    RESUMED = Outlook.MOVING, "The application is stopped and should run."
    REPLACED = (
        Outlook.MOVING,
        "CML cannot update a field in place; the application is deleted and created again.",
    )
    LAUNCHER_MISSING = Outlook.MOVING, "The launcher is missing from the project's files."
    LAUNCHER_UNUSED = Outlook.MOVING, "No application has used the launcher for an hour."
    ENVIRONMENT_UNUSED = Outlook.MOVING, "No spec has used the Python environment for a day."
    SHARED_MEMORY_TOO_SMALL = (
        Outlook.MOVING,
        "The project's shared memory limit is below what object stores need.",
    )
    BUILDER_UNNEEDED = (
        Outlook.MOVING,
        "The application that builds a Python environment is not needed any more.",
    )
    FILES_UNUSED = (
        Outlook.MOVING,
        "The cluster of these files was deleted, or has had no application for a day.",
    )
    # Reasons of waits that end by themselves.
    ENVIRONMENT_BUILDING = Outlook.MOVING, "The member's Python environment is not built yet."
    STARTING = Outlook.MOVING, "The application is starting."
    STOPPING = Outlook.MOVING, "The application is stopping."
    DELETING = Outlook.MOVING, "The application is being deleted."
    JOINING = Outlook.MOVING, "The application is running; its Ray node is not in the cluster yet."
    REPORT_LOST = (
        Outlook.MOVING,
        "The head is running, but does not report, or cannot read Ray's state, any more.",
    )
    SETTLING = Outlook.MOVING, "A recent call has no visible effect yet."
    BACKOFF = Outlook.MOVING, "The last attempt failed; the next one is delayed."
    DRAINING = (
        Outlook.MOVING,
        "The Ray node finishes its work before its member is stopped, updated or deleted.",
    )
    ROLLING_UPDATE = (
        Outlook.MOVING,
        "Other members of the group are updating; this one waits its turn.",
    )
    NAME_IN_USE = Outlook.MOVING, "A managed application that is being deleted still has the name."
    PLATFORM_FAULT = (
        Outlook.MOVING,
        "Too many members failed at once; this looks like a platform problem.",
    )
    UNKNOWN_STATUS = Outlook.MOVING, "CML reports a status that raycml does not know."
    INCOMPLETE_LIST = (
        Outlook.MOVING,
        "The list of applications was incomplete; no action was taken.",
    )
    # Reasons of waits that need manual action.
    PAUSED = Outlook.PERSON, "The cluster is paused; raycml only observes it."
    PROTECTED = (
        Outlook.PERSON,
        "The spec protects the cluster; nothing in it is deleted or restarted.",
    )
    UPGRADES_OFF = (
        Outlook.PERSON,
        "`upgradeStrategy.type: None` reports changes without applying them.",
    )
    CRASH_LOOPING = Outlook.PERSON, "The member keeps crashing."
    ROLLOUT_STALLED = (
        Outlook.PERSON,
        "Updated members of the group fail, so the others keep their configuration.",
    )
    START_TIMED_OUT = Outlook.PERSON, "The application did not start within its deadline."
    STOP_TIMED_OUT = Outlook.PERSON, "The application did not stop within its deadline."
    STATUS_TIMED_OUT = Outlook.PERSON, "CML keeps reporting a status that raycml does not know."
    DELETE_TIMED_OUT = Outlook.PERSON, "The application was not deleted within its deadline."
    JOIN_TIMED_OUT = Outlook.PERSON, "The Ray node did not join within its deadline."
    VERSION_MISMATCH = (
        Outlook.PERSON,
        "The head runs another Ray or Python, so Ray would not let the member's node join.",
    )
    FIELD_NOT_APPLIED = Outlook.PERSON, "CML accepts a field but ignores it."
    HEAD_AS_ADOPTED = (
        Outlook.PERSON,
        "The head runs as it was adopted, so a new member cannot join it.",
    )
    NAME_CONFLICT = Outlook.PERSON, "An application that raycml does not manage has the name."
    ENVIRONMENT_FAILED = Outlook.PERSON, "The member's Python environment cannot be built."
    NOT_OFFERED = (
        Outlook.PERSON,
        "The workspace does not offer an image or a size that the spec requests.",
    )
    QUOTA_EXCEEDED = Outlook.PERSON, "A CML quota is used up; raycml retries later."
    REJECTED = Outlook.PERSON, "CML rejected the request."
    PROJECT_NOT_FOUND = (
        Outlook.PERSON,
        "The project does not exist, or is not visible to the API key.",
    )
    PROJECT_NOT_ALLOWED = (
        Outlook.PERSON,
        "The spec names a project that `RAYCML_PROJECTS` does not list.",
    )
    PRUNE_LIMIT = Outlook.PERSON, "More clusters would be deleted than allowed without approval."
    SPEC_UNREADABLE = (
        Outlook.PERSON,
        "A spec cannot be read; the clusters it declared are left unchanged.",
    )
    PLAN_REFUSED = Outlook.PERSON, "The plan of the cluster would break a law; nothing was done."
    # Notes.
    SHARED_MEMORY_NOT_RAISED = (
        Outlook.SETTLED,
        "CML did not raise the project's shared memory limit; object stores are smaller.",
    )
    ORPHAN = Outlook.SETTLED, "Managed applications that no spec declares."
    AS_ADOPTED = (
        Outlook.SETTLED,
        "Adopted applications run as they are until their spec changes.",
    )
    UNKNOWN_NODES = (
        Outlook.SETTLED,
        "Ray has living nodes that belong to no application of the cluster.",
    )
    ALL_NODES_ALIVE = Outlook.SETTLED, "All nodes are alive in Ray."
    UP_TO_DATE = Outlook.SETTLED, "Every application is in sync with the spec."

    def __init__(self, outlook: Outlook, meaning: str) -> None:
        self.title = to_pascal(self.name)
        self.outlook = outlook
        self.meaning = meaning

    def __str__(self) -> str:
        return self.title
