"""The diagnosis of a setup that did not complete: an exit code, and what logs and git say.

CML's API says neither why a clone failed nor what a job printed: the command runs git itself, and
reads the job's log in the project.
"""

import tempfile
from pathlib import Path

from controller.bootstrap.desired import RUN_LOG, DesiredSetup
from controller.bootstrap.options import git_source
from controller.bootstrap.passes import BootstrapRun, SetupPass
from controller.bootstrap.session import BootstrapSession
from controller.cml.errors import CmlError, NotFound
from controller.cml.values import Creation
from controller.core.model.faults import FaultKind
from controller.core.model.member import THE_CONTROLLER, THE_ENVIRONMENT
from controller.core.model.plan import Wait
from controller.core.model.reasons import Outlook, Reason
from controller.core.spec.python_environment import log_path
from controller.core.status.goal import Verdict
from controller.source.directory import SourceError
from controller.terminal.errors import CommandError, by_kind
from controller.terminal.exit_codes import Exit

_CODES = {
    Reason.PROJECT_NOT_FOUND: Exit.USAGE,
    Reason.SPEC_UNREADABLE: Exit.SOURCE,
    Reason.NAME_CONFLICT: Exit.REFUSED,
    Reason.PROTECTED: Exit.REFUSED,
}
_AGAIN = "fix what the log says, and repeat the command"
_REMEDIES = {Reason.ENVIRONMENT_FAILED: _AGAIN, Reason.CRASH_LOOPING: _AGAIN}
_TIME_UP = "repeat the command to continue; what does not start may lack quota, or a node"
_LINES = 15
_OF_A_LOG = frozenset({Reason.STARTING, Reason.BACKOFF, Reason.CRASH_LOOPING})


def blocked(last: SetupPass) -> Wait | None:
    """The first wait for the operator."""
    return next((w for w in last.plan.waits if w.reason.outlook is Outlook.PERSON), None)


def completed(run: BootstrapRun) -> SetupPass:
    """The last pass of the run.  CommandError if it did not reach its goal."""
    end = run.until_done()
    if end.verdict is not Verdict.REACHED or end.last.plan.refusals:
        raise diagnosis(run, end.last)
    return end.last


def check(run: BootstrapRun, planned: SetupPass) -> None:
    """CommandError if the operator has to decide something before the plan is carried out."""
    if blocked(planned) is not None or planned.plan.refusals:
        raise diagnosis(run, planned)


def diagnosis(run: BootstrapRun, last: SetupPass) -> CommandError:
    """The error of a command whose last pass did not reach its goal."""
    session, desired = run.session, run.desired
    if last.plan.refusals:
        laws = "; ".join(map(str, last.plan.refusals))
        return CommandError(f"refused, since it would break a law: {laws}", Exit.REFUSED)
    wait = blocked(last) or next(iter(() if last.plan.steps else last.plan.waits), None)
    message = wait.message if wait is not None else last.plan.steps[0].name.replace("_", " ")
    if wait is not None and wait.reason is Reason.REJECTED:
        return by_kind(FaultKind.REJECTED, message)
    if wait is not None and last.observed.project.creation is Creation.FAILED and desired:
        message += f"; {_of_git(session, desired)}"
    message += "" if wait is None else _log(session, last, wait, desired)
    if wait is None or wait.reason.outlook is not Outlook.PERSON:
        return CommandError(f"timed out: {message}", Exit.NOT_CONVERGED, _TIME_UP)
    code = _CODES.get(wait.reason, Exit.NOT_CONVERGED)
    return CommandError(message, code, _REMEDIES.get(wait.reason, ""))


def _of_git(session: BootstrapSession, desired: DesiredSetup) -> str:
    """A sentence on what git says about the repository from here."""
    environ = session.screen.system.environ
    with tempfile.TemporaryDirectory(prefix="raycml-") as folder:
        cache = Path(folder, "git")
        try:
            git_source(desired.git_url, desired.git_ref, desired.path, cache, environ).tip()
        except SourceError as error:
            return f"git says: {error}"
    return (
        "git can read the repository from here, so the workspace cannot: check its network, and "
        "the user's SSH key there"
    )


def _log(
    session: BootstrapSession, last: SetupPass, wait: Wait, desired: DesiredSetup | None
) -> str:
    """The end of the log that belongs to the wait."""
    path = ""
    if wait.member == THE_ENVIRONMENT.member and desired is not None:
        path = log_path(desired.environment)
    elif wait.member == THE_CONTROLLER.member and wait.reason in _OF_A_LOG:
        path = RUN_LOG
    lines = _tail(session, last.observed.project.id, path) if path else ()
    return "".join(f"\n  {line}" for line in lines)


def _tail(session: BootstrapSession, project: str, path: str) -> tuple[str, ...]:
    """The last lines of a log of the project, or a line that it does not exist."""
    try:
        data = session.client.download(project, path)
    except NotFound:
        data = b""
    except CmlError as error:
        return (f"{path}: {error}",)
    lines = data.decode(errors="replace").splitlines()[-_LINES:]
    return (f"{path}:", *lines) if lines else (f"{path} does not exist",)
