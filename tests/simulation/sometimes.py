"""Counts how often each interesting state was really visited, so that none is only believed to be.

The states that must not stay at zero are listed here; the state machine's test requires them.
"""

from collections import Counter

EXPECTED = frozenset(
    {
        # The wire
        "an ambiguous create was adopted",
        *(
            f"done, but nobody was told: {what}"
            for what in (
                "create application",
                "update application",
                "restart application",
                "stop application",
                "delete application",
                "upload file",
            )
        ),
        "the controller was killed",
        "two controllers at once",
        "the clock went back",
        "the clock leapt",
        "a list lagged",
        "the world changed between two pages",
        "a page token repeated",
        "a field was accepted and ignored",
        "a new file did not show",
        "half a head report was read",
        *(f"a pass ended early: {kind}" for kind in ("Unauthorized", "Throttled", "Unavailable")),
        # What came of steps
        *(f"outcome: {kind}" for kind in ("Unknown", "Changed", "Conflict", "FieldNotApplied")),
        "outcome: Files",
        # Why steps were taken
        "step create: Missing",
        "step update: Outdated",
        "step restart: Stale",
        "step restart: Down",
        "step restart: Resumed",
        "step restart: NotJoined",
        "step stop: Outdated",
        "step stop: Suspended",
        "step remove_launcher: LauncherUnused",
        *(
            f"step delete: {why}"
            for why in (
                "ScaledDown",
                "GroupRemoved",
                "Duplicate",
                "Pruned",
                "Requested",
                "Replaced",
            )
        ),
        # Why members were left alone
        *(
            f"wait: {why}"
            for why in (
                "Starting",
                "Stopping",
                "Deleting",
                "Joining",
                "Settling",
                "Backoff",
                "RollingUpdate",
                "NameInUse",
                "UnknownStatus",
                "IncompleteList",
                "Paused",
                "Protected",
                "UpgradesOff",
                "CrashLooping",
                "StartTimedOut",
                "StopTimedOut",
                "DeleteTimedOut",
                "JoinTimedOut",
                "NameConflict",
                "PruneLimit",
                "SpecUnreadable",
                "Orphan",
            )
        ),
    }
)


class Sometimes:
    """`saw` is told the name of a state each time it is visited."""

    def __init__(self) -> None:
        self.visits: Counter[str] = Counter()

    def saw(self, name: str) -> None:
        self.visits[name] += 1
