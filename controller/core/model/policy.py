"""The knobs that change decisions, as one value.  Times in seconds.

Permissions are part of it: `prune`, `delete` and `allow_prune` are set only because a person asked,
and `gone` by the loop, for clusters that left their source while it was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

EVERY = frozenset({"*"})  # all clusters, as a value of `Policy.now`


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds and permissions of one pass."""

    owner: str
    edition: str
    launcher_base: int = 0  # bytes of a launcher beside its settings; 0: sizes are not compared
    builder: str = ""  # edition of the builder of environments
    prune: bool = False
    allow_prune: int = 0  # so many clusters may be pruned even where the guard would ask
    delete: frozenset[str] = frozenset()  # clusters that a person asked to delete, spec or no spec
    gone: frozenset[str] = frozenset()  # departed clusters whose grace is over: they are pruned
    grace: Mapping[str, datetime] = field(default_factory=dict)  # its end, by departed cluster
    look_at_pauses: bool = False  # also where nothing is to be done, so that they can be shown
    look_at_files: bool = False  # also where nothing is to be done: what is unused is to go
    projects: frozenset[str] | None = None  # that specs may name; None: all
    only: frozenset[str] | None = None  # look at these clusters and no others
    refresh_launchers: bool = False
    now: frozenset[str] = frozenset()  # clusters whose nodes a person wants ended without a drain
    retired: frozenset[str] = frozenset()  # applications, by id, that others are to replace
    drain_s: float = 300.0  # for nodes of clusters without a spec to finish their work
    # Measured starts on CML take from 13 s to 5 min; a GPU node that must be added takes longer.
    start_deadline_s: float = 900.0
    stop_deadline_s: float = 300.0
    delete_deadline_s: float = 300.0
    # A worker that waits for its head waits 15 min by itself; a node that has not joined a head
    # that is well for this long never will.
    join_deadline_s: float = 600.0
    settle_s: float = 30.0  # how long an accepted call may stay invisible in lists
    name_release_s: float = 180.0  # how long a deleted application may go on holding its subdomain
    # A report is believed for three of its own periods, where it tells one, and never for longer.
    report_fresh_s: float = 30.0
    # A node program acts on the end of its raylet within seconds; a raylet that Ray took for dead
    # while it was stopped ends by itself once it goes on.
    node_lost_s: float = 30.0
    gcs_deadline_s: float = 120.0  # of a head that goes on reporting that its GCS does not answer
    resync_s: float = 600.0  # how often something that a person should look at is tried again
    backoff_base_s: float = 10.0
    backoff_max_s: float = 600.0
    quiet_s: float = 600.0  # up for so long: earlier falls are forgotten
    repairs_per_hour_max: int = 5
    updates_max: int = 3  # tries to make CML take a field before the application is replaced
    # A member that serves is stopped for each try of an update that no quota was left for.
    update_again_first_s: float = 900.0
    update_again_max_s: float = 86400.0
    fault_members_min: int = 10  # so many members, half of them outside of any one group, and
    fault_fraction: float = 0.4  # such a part of all, down at once: the platform is at fault
    fault_hold_s: float = 600.0
    launcher_kept_s: float = 3600.0
    environment_kept_s: float = 86400.0  # so that going back to it is quick
    environment_deadline_s: float = 3600.0  # some GB of packages, over a slow line

    def drains(self, cluster: str) -> bool:
        """False for a cluster whose nodes are ended without a drain."""
        return self.now != EVERY and cluster not in self.now

    def update_again_s(self, stops: int) -> float:
        """Pause before a member that serves is stopped for an update that was refused, after so
        many stops for it."""
        first_s = self.update_again_first_s
        return min(first_s * 2.0 ** min(max(stops - 1, 0), 30), self.update_again_max_s)

    def backoff_s(self, tries: int) -> float:
        """Pause before the next try, after so many: doubles, never above the top."""
        return min(self.backoff_base_s * 2.0 ** min(max(tries - 1, 0), 30), self.backoff_max_s)
