"""`raycml bootstrap --delete`: says what goes and what stays, asks, and takes it away."""

from functools import partial

from controller.bootstrap.ends import ended
from controller.bootstrap.facts import (
    Decision,
    Seen,
    owner_of,
)
from controller.bootstrap.look import Memory
from controller.bootstrap.removal import Removal, decide_removal, inventory
from controller.bootstrap.site import Site
from controller.core.spec.text import counted
from controller.terminal.consent import consent
from controller.terminal.exit_codes import Exit


def remove(site: Site, *, everything: bool, yes: bool, dry_run: bool) -> Exit:
    removal = Removal(site.project, site.owner, everything, " --local" if site.local else "")
    seen = site.eyes(None, Memory()).look()
    first = decide_removal(removal, seen)
    if first.stuck is not None:
        raise ended(site, first.stuck)
    if first.done:
        site.screen.data(f"nothing of bootstrap is in a project {site.project}")
        return Exit.DONE
    lines = list(inventory(removal, seen))
    if dry_run:
        site.screen.data("\n".join([*lines, *_kept(site, seen, everything=everything)]))
        return Exit.DONE
    site.screen.say(*lines, *_kept(site, seen, everything=everything))
    consent(site.screen, "this cannot be undone", "Delete?", yes=yes)
    return _carry_out(site, removal)


def _kept(site: Site, seen: Seen, *, everything: bool) -> list[str]:
    """What a person might think goes too."""
    if everything:
        return []
    owner = owner_of(site.owner, seen.project.id)
    members = [a for a in seen.applications if a.mark is not None and a.mark.owner == owner]
    kept = [f"kept: the project {site.project} and its files"]
    if members:
        which = counted(len(members), "application")
        kept.append(f"kept: {which} of clusters, which no controller manages then")
    return kept


def _carry_out(site: Site, removal: Removal) -> Exit:
    decide: partial[Decision] = partial(decide_removal, removal)
    site.drive(decide, partial(ended, site)).run()
    site.screen.data("gone")
    return Exit.DONE
