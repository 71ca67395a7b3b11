"""Obstacles between the members of a cluster, from what their probes of each other found.

A member probes the GCS of the head, the head's reporter the node manager of each member; both
outcomes are in the head's report, in the words of the node program.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from controller.core.model.ray.report import HeadReport

REACHED = "reached"
ISTIO = "istio"
_WORDS = {
    "closed": "the connection was accepted and then closed (mTLS STRICT, or nothing listens there)",
    "silent": "there was no answer (a network policy)",
    "refused": "the connection was refused",
    "unreachable": "there is no route",
    "foreign": "another program answered",
}
_OF_A_MESH = frozenset({"closed", "silent", "unreachable"})
HELP = "see `Ask your admin` in docs/operations.md"
PERMISSIVE = (
    "ask an admin to set mTLS to PERMISSIVE in the PeerAuthentication `auth-policy-NAMESPACE` of "
    f"the user's namespace, or for Ray's ports alone; {HELP}"
)
ALLOW = (
    "ask an admin to allow Ray's ports between the pods of one namespace in its NetworkPolicy; "
    f"{HELP}"
)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A direction in which two members do not reach each other."""

    member: str
    outcome: str
    from_head: bool

    def __str__(self) -> str:
        words = _WORDS.get(self.outcome, self.outcome)
        if self.from_head:
            return f"the head cannot reach {self.member}: {words}"
        return f"{self.member} cannot reach the head: {words}"

    @property
    def fix(self) -> str:
        if self.outcome == "closed":
            return PERMISSIVE
        if self.outcome in _OF_A_MESH:
            return ALLOW
        there = self.member if self.from_head else "the head"
        return f"see the log of {there}: its Ray ended, or is another cluster's"


def obstacles(report: HeadReport) -> Iterator[Obstacle]:
    """The obstacles in both directions; a member that was not probed yet has none."""
    for name, member in report.members.items():
        for outcome, from_head in ((member.to_head, False), (member.from_head, True)):
            if outcome not in ("", REACHED):
                yield Obstacle(name, outcome, from_head)


def unprobed(report: HeadReport, members: Iterable[str]) -> list[str]:
    """Those of these workers between which and the head a direction was not probed yet."""
    rows = ((name, report.members.get(name)) for name in members)
    return [name for name, row in rows if row is None or not row.to_head or not row.from_head]


def meshed(report: HeadReport) -> list[str]:
    """The members whose pods have a sidecar of Istio."""
    return [name for name, member in report.members.items() if member.mesh == ISTIO]
