"""Projects that specs may name, where the operator limits them.  Pure.

A spec runs code as the user of the API key, in the project that it names.  Without a limit, a git
author reaches every project of that user.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from controller.core.spec.revision import Problem, SpecDocument

VARIABLE = "RAYCML_PROJECTS"


def parse_projects(text: str | None) -> frozenset[str] | None:
    """Ids and names between commas; None, for no limit, where the variable is not set."""
    if text is None or not text.strip():
        return None
    return frozenset(name for each in text.split(",") if (name := each.strip()))


def refusal(holder: SpecDocument, allowed: AbstractSet[str] | None) -> str:
    """Reason why a spec may not name its project; empty where it may.

    No project at all is the connection's, which is always allowed.
    """
    named = holder.cluster.spec.project
    if allowed is None or named is None or named in allowed:
        return ""
    return f"project `{named}` is not among those of {VARIABLE}; name one of them, or add it there"


def refused(
    holders: Iterable[SpecDocument], allowed: AbstractSet[str] | None
) -> tuple[Problem, ...]:
    """A problem for each spec that names a project which it may not name."""
    refusals = ((holder, refusal(holder, allowed)) for holder in holders)
    return tuple(Problem(holder.file, holder.line, 1, why) for holder, why in refusals if why)
