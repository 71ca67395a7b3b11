"""Names of members and their applications, and the mark of an application's owner.

Everything here is a pure function of (cluster, member), so two controllers that never met agree
on every name.  Names are injective: different members never share one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import total_ordering

from controller.core.spec.names import CLUSTER_LENGTH, GROUP_LENGTH, HEAD, is_name

OWNER = "RAYCML_OWNER"
CLUSTER = "RAYCML_CLUSTER"
MEMBER = "RAYCML_MEMBER"
FINGERPRINT = "RAYCML_FINGERPRINT"
SUBDOMAIN = "RAYCML_SUBDOMAIN"
AGREEMENT = "RAYCML_AGREEMENT"
VARIABLES = "RAYCML_VARIABLES"
ADOPTED = "RAYCML_ADOPTED"
ENVIRONMENT = "RAYCML_ENVIRONMENT"
RESOLVED = "RAYCML_RESOLVED"
KEPT = "RAYCML_KEPT"
AUTH_MODE = "RAYCML_AUTH_MODE"

CONTROLLER = "RAYCML_CONTROLLER"
"""In the environment of the controller's application and job: the owner, and so the mark."""
MADE = "RAYCML_BOOTSTRAP"
"""In the environment of a project that bootstrap made: `git` or `blank`."""
BUILT = ENVIRONMENT
"""In the environment of a run which environment it builds, of an application which it runs in."""
BOOTSTRAP_MARKS = (CONTROLLER, MADE, BUILT)
BUILDER = "RAYCML_BUILDER"
"""In the environment of an application that builds a Python environment: the owner, and so the
mark.  It fills no member's place."""
BUILDS = "RAYCML_BUILDS"
"""In the same: the hash of the environment."""

ALONE = -1
"""The ordinal of a member that is the only one of its kind; no spec can declare it."""

MARK = (
    *(OWNER, CLUSTER, MEMBER, FINGERPRINT, SUBDOMAIN, AGREEMENT, VARIABLES, ADOPTED, ENVIRONMENT),
    RESOLVED,
    KEPT,
    AUTH_MODE,
)


@total_ordering
@dataclass(frozen=True, slots=True)
class Member:
    """One place in a cluster: the head, or a worker group and an ordinal from 0."""

    group: str
    ordinal: int = 0

    @property
    def is_head(self) -> bool:
        return self.group == HEAD

    def __str__(self) -> str:
        alone = self.is_head or self.ordinal == ALONE
        return self.group if alone else f"{self.group}/{self.ordinal}"

    def __lt__(self, other: "Member") -> bool:
        return self.rank() < other.rank()

    def rank(self) -> tuple[bool, str, int]:
        return (not self.is_head, self.group, self.ordinal)


THE_HEAD = Member(HEAD)


def parse_member(text: str) -> Member | None:
    """The member that `str` wrote, or None for anything that `str` cannot have written."""
    if text == HEAD:
        return THE_HEAD
    group, slash, ordinal = text.partition("/")
    if not slash or group == HEAD or not is_name(group, GROUP_LENGTH):
        return None
    if not ordinal.isascii() or not ordinal.isdigit():
        return None
    member = Member(group, int(ordinal)) if len(ordinal) <= 6 else None
    return member if str(member) == text else None


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """One member of one cluster: what histories and outcomes are filed under."""

    cluster: str
    member: Member

    def __str__(self) -> str:
        return f"{self.cluster} {self.member}"


THE_PROJECT, THE_FILES, THE_ENVIRONMENT, THE_CONTROLLER = (
    Key("raycml", Member(part, ALONE)) for part in ("project", "files", "environment", "controller")
)
"""Parts set up by `raycml bootstrap`, as members of a cluster that no spec can declare."""


def application_name(cluster: str, member: Member) -> str:
    """Name and subdomain of the member's application (a CML subdomain is a DNS label)."""
    tail = HEAD if member.is_head else f"{member.group}-{member.ordinal}"
    return f"ray-{cluster}-{tail}"


def is_member_name(name: str, cluster: str) -> bool:
    """True if `application_name` gives this name to a member of the cluster."""
    prefix = f"ray-{cluster}-"
    if not name.startswith(prefix):
        return False
    tail = name.removeprefix(prefix)
    return tail == HEAD or parse_member("/".join(tail.rsplit("-", 1))) is not None


@dataclass(frozen=True, slots=True)
class Mark:
    """Mark of an application, in its environment: its owner and its member.

    `subdomain` repeats the application's own: a copy made by hand carries another one's, and so
    fills no place.  `variables` names the variables that raycml set, so that one dropped from a
    spec differs from one that the project gave.  `agreement` is what all nodes must agree on.
    `adopted` is the id of the application, where a person took one into this place that does not
    have the member's name: a copy has another id, so it never fills the place.
    `environment_hash` names the environment, built by raycml, that its launcher runs in, if any.
    `resolved` records the ids that the names of the spec had, if it has any.
    `kept` is the fingerprint of the spec for which a person took the application as it was: while
    the spec stays so, the application does.
    `auth_mode` is how the cluster authenticates, which a head starts with and all members of this
    and later editions follow; empty where an edition without tokens configured the application.
    """

    owner: str
    cluster: str
    member: Member
    fingerprint: str
    subdomain: str
    agreement: str
    variables: tuple[str, ...]
    adopted: str = ""
    environment_hash: str = ""
    resolved: str = ""
    kept: str = ""
    auth_mode: str = ""

    @property
    def key(self) -> Key:
        return Key(self.cluster, self.member)

    def environment(self) -> dict[str, str]:
        written = {
            OWNER: self.owner,
            CLUSTER: self.cluster,
            MEMBER: str(self.member),
            FINGERPRINT: self.fingerprint,
            SUBDOMAIN: self.subdomain,
            AGREEMENT: self.agreement,
            VARIABLES: ",".join(self.variables),
        }
        rare = {
            ADOPTED: self.adopted,
            ENVIRONMENT: self.environment_hash,
            RESOLVED: self.resolved,
            KEPT: self.kept,
            AUTH_MODE: self.auth_mode,
        }
        return {**written, **{name: value for name, value in rare.items() if value}}


def names_this_application(environment: Mapping[str, str], subdomain: str, owner: str) -> bool:
    """True if the variables say that this very application is the owner's, legible or not."""
    return bool(owner) and (environment.get(OWNER), environment.get(SUBDOMAIN)) == (
        owner,
        subdomain,
    )


def read_mark(environment: Mapping[str, str], subdomain: str) -> Mark | None:
    """The mark, when it is whole and refers to this very application; otherwise None.

    A cluster or a group with a name that no spec can declare is no mark: nothing is decided on it.
    """
    member = parse_member(environment.get(MEMBER, ""))
    owner, cluster = environment.get(OWNER, ""), environment.get(CLUSTER, "")
    if member is None or not owner or environment.get(SUBDOMAIN) != subdomain:
        return None
    if not is_name(cluster, CLUSTER_LENGTH):
        return None
    names = environment.get(VARIABLES, "")
    return Mark(
        owner=owner,
        cluster=cluster,
        member=member,
        fingerprint=environment.get(FINGERPRINT, ""),
        subdomain=subdomain,
        agreement=environment.get(AGREEMENT, ""),
        variables=tuple(names.split(",")) if names else (),
        adopted=environment.get(ADOPTED, ""),
        environment_hash=environment.get(ENVIRONMENT, ""),
        resolved=environment.get(RESOLVED, ""),
        kept=environment.get(KEPT, ""),
        auth_mode=environment.get(AUTH_MODE, ""),
    )
