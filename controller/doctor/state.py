"""What a check-up knows: facts that the shell found out, each of them or why it is not known.

Values only, gathered step by step: one that could not be had is `Unread` and hides no other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.desired import DesiredState, Frozen, desire
from controller.core.model.lease import Lease
from controller.core.model.observed import (
    HeadReport,
    LauncherFile,
    ObservedFiles,
    ObservedPauses,
    ObservedProject,
    ObservedState,
    Pause,
)
from controller.core.model.policy import Policy
from controller.core.model.project import Amounts, ProjectSeen, Quota
from controller.core.model.reasons import Reason
from controller.core.spec.revision import Revision

_UNREACHED = frozenset({"Unavailable", "Throttled"})


@dataclass(frozen=True, slots=True)
class Unread:
    """A fact that is not known: why, the kind of the error, and the HTTP status if one came."""

    why: str
    kind: str = ""
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One exchange with CML.  `skew_s`: how far CML's clock is ahead, where the answer told."""

    operation: str
    seconds: float
    error: str | None = None
    status: int | None = None
    skew_s: float | None = None

    @property
    def is_page(self) -> bool:
        """Something answered, and not as CML does: a page, a redirect, an unknown path."""
        strange = self.error == "Malformed"
        return strange or (self.error == "Unauthorized" and self.status not in (401, 403))

    @property
    def is_answer(self) -> bool:
        return self.error not in _UNREACHED and not self.is_page


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of a probe file: the step that failed and why, or nothing.

    `atomic`: a file is replaced in one move, as only the shared file system does.
    """

    problem: str = ""
    atomic: bool = True


@dataclass(frozen=True, slots=True)
class LeaseSeen:
    """The lease, and for how long we watched it without a sign of life.  None: there is none.

    `ended`: its holder was a process of this machine, which is gone.
    """

    lease: Lease | None
    silent_s: float = 0.0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a check-up judges.  `projects` by what specs call them (None: nothing).

    `whole`: the specs are whole folders, so that an absence means something.  `open_to_all` are
    ids of applications that ask nobody to sign in.  `interpreters` by project and relative path.
    """

    as_of: datetime
    policy: Policy
    settings: tuple[str, ...]
    specs: Revision | Unread
    whole: bool
    git: str | Unread
    host: str | Unread
    samples: tuple[Sample, ...]
    specification: str | Unread
    key: str | Unread
    projects: Mapping[str | None, ProjectSeen | Unread]
    applications: Mapping[str, ObservedProject | Unread]
    open_to_all: frozenset[str]
    runtimes: Mapping[str, str] | Unread
    quota: Quota | Unread
    node: Amounts | Unread
    gpu_of_one: float | Unread
    probe: Probe | Unread
    interpreters: Mapping[tuple[str, str], bool | Unread]
    lease: LeaseSeen | Unread
    reports: Mapping[str, HeadReport]
    launchers: Mapping[str, tuple[LauncherFile, ...] | Unread]
    pauses: Mapping[str, Mapping[str, Pause] | Unread]


def wanted(facts: Facts) -> DesiredState:
    """The desired state as far as specs and projects could be read."""
    if isinstance(facts.specs, Unread):
        return DesiredState(whole=False)
    found: dict[str | None, str] = {}
    missing: dict[str | None, Frozen] = {}
    for name, seen in facts.projects.items():
        if not isinstance(seen, Unread):
            found[name] = seen.id
        elif name is not None:
            missing[name] = Frozen(Reason.PROJECT_NOT_FOUND, seen.why)
    return desire(facts.specs, found, missing)


def seen(facts: Facts) -> ObservedState:
    """The observed state as far as it could be read; a project whose list is not known is absent.

    `files` is None where a project's files could not be read: then nobody knows of its pauses.
    """
    projects = {p: s for p, s in facts.applications.items() if not isinstance(s, Unread)}
    pauses = _pauses(facts)
    files = None if pauses is None else _files(facts)
    return ObservedState(facts.as_of, projects, facts.reports, files, pauses)


def _pauses(facts: Facts) -> ObservedPauses | None:
    pauses: dict[tuple[str, str], Pause] = {}
    for project, found in facts.pauses.items():
        if isinstance(found, Unread):
            return None
        pauses.update({(project, name): pause for name, pause in found.items()})
    return ObservedPauses(pauses)


def _files(facts: Facts) -> ObservedFiles | None:
    launchers = {p: f for p, f in facts.launchers.items() if not isinstance(f, Unread)}
    return ObservedFiles(launchers) if len(launchers) == len(facts.launchers) else None
