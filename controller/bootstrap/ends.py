"""How a dead end of bootstrap is told: an exit code, and the last words of whoever knows why.

CML's API tells neither why a clone failed nor what a job printed: git is asked from here, and the
job's own log in the project is read.
"""

import tempfile
from pathlib import Path

from controller.bootstrap.facts import End, Stuck, Wanted
from controller.bootstrap.site import Site
from controller.bootstrap.wanted import git_source
from controller.cml.errors import CmlError, NotFound
from controller.source.directory import SourceError
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit

_CODES = {
    End.USAGE: Exit.USAGE,
    End.REFUSED: Exit.REFUSED,
    End.SOURCE: Exit.SOURCE,
    End.FAILED: Exit.NOT_CONVERGED,
}
_LINES = 15


def ended(site: Site, stuck: Stuck, wanted: Wanted | None = None) -> CommandError:
    message = stuck.message
    if stuck.clone and wanted is not None and wanted.git_url:
        message += f"; {_of_git(site, wanted)}"
    if stuck.log:
        message += "".join(f"\n  {line}" for line in _tail(site, stuck.log))
    return CommandError(message, _CODES[stuck.end], stuck.remedy)


def _of_git(site: Site, wanted: Wanted) -> str:
    """What git says of the repository from here, in a sentence."""
    environ = site.screen.machine.environ
    with tempfile.TemporaryDirectory(prefix="raycml-") as folder:
        cache = Path(folder, "git")
        try:
            git_source(wanted.git_url, wanted.git_ref, wanted.path, cache, environ).tip()
        except SourceError as error:
            return f"git says: {error}"
    return (
        "git reads the repository from here, so what lacks is the workspace's way to it: its "
        "network, or a key of the user there"
    )


def _tail(site: Site, path: str) -> tuple[str, ...]:
    """The last lines of a log of the project, or that there is none."""
    projects = site.client.projects.named(site.project)
    try:
        data = site.client.download(projects[0].id, path) if projects else b""
    except NotFound:
        data = b""
    except CmlError as error:
        return (f"{path}: {error}",)
    lines = data.decode(errors="replace").splitlines()[-_LINES:]
    return (f"{path}:", *lines) if lines else (f"{path} is not there",)
