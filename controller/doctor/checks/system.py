"""Checks of this machine: settings, specs, git."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator

from controller.core.spec.text import counted
from controller.doctor import state
from controller.doctor.probe import NoAnswerError, Probe
from controller.doctor.result import Cause, CheckResult, bad, good, or_good, unknown, warning

GIT_OLDEST = (2, 31)
_GIT_TIMEOUT_S = 10.0
_PROBLEMS_SHOWN = 20


def settings(probe: Probe) -> Iterable[CheckResult]:
    _, faults = probe.ask(state.settings)
    problems = (bad(fault, "correct the variable, or unset it") for fault in faults)
    return or_good(problems, "all settings are valid")


def specs(probe: Probe) -> Iterable[CheckResult]:
    revision = probe.attempt(state.specs)
    if isinstance(revision, NoAnswerError):
        if not revision.kind:
            return [unknown(revision.why)]
        fix = "name the files or folders of the specs, or create a spec with `raycml init`"
        return [bad(revision.why, fix, Cause.SOURCE)]
    fix = "correct it, then run `raycml validate`"
    problems = [bad(str(each), fix, Cause.SPEC) for each in revision.problems[:_PROBLEMS_SHOWN]]
    more = len(revision.problems) - _PROBLEMS_SHOWN
    if more > 0:
        fix = "run `raycml validate` for the full list"
        problems.append(bad(counted(more, "more problem"), fix, Cause.SPEC))
    clusters = counted(len(revision.clusters), "cluster")
    return or_good(problems, f"{revision.origin}: {clusters}, no problems")


def git_version(probe: Probe) -> str:
    """The answer of the git that a controller would start: the first one on the path."""
    environ = probe.screen.system.environ
    program = shutil.which("git", path=environ.get("PATH"))
    if program is None:
        raise NoAnswerError("git is not on PATH; only `raycml run` on a git repository needs it")
    try:
        answer = subprocess.run(
            [program, "--version"],
            env={"LC_ALL": "C", "PATH": environ.get("PATH", "")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise NoAnswerError(f"{program} does not work: {type(error).__name__}") from None
    return " ".join(answer.decode(errors="replace").split())[:80]


def git(probe: Probe) -> Iterator[CheckResult]:
    version = probe.attempt(git_version)
    oldest = ".".join(map(str, GIT_OLDEST))
    fix = f"install git {oldest} or newer, if `raycml run` is to follow a git repository"
    if isinstance(version, NoAnswerError):
        yield warning(version.why, fix)
        return
    digits = re.search(r"(\d{1,9})\.(\d{1,9})", version)
    if digits and (int(digits[1]), int(digits[2])) >= GIT_OLDEST:
        yield good(version)
    else:
        yield warning(f"{version} is older than {oldest}", fix)
