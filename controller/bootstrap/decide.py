"""From an empty workspace to a running controller: what has been seen, to what may be done next.

Look, decide, act once, look again.  Each rule sees to one thing and gives way to the next one where
that is as it should be, so a crash between any two calls leaves a state from which the next run
goes on rightly.  A call whose effect is not visible yet is waited for, never repeated.
"""

from collections.abc import Callable

from controller.bootstrap.application import application
from controller.bootstrap.environment import environment
from controller.bootstrap.facts import (
    LAG_S,
    RUN_LOG,
    SCRIPTS,
    SETTLE_S,
    WHEELS,
    Decision,
    End,
    Seen,
    Stage,
    Step,
    Verb,
    Wanted,
    act,
    stuck,
)

_SHOWN = 10

Rule = Callable[[Wanted, Seen], Decision | None]


def decide(wanted: Wanted, seen: Seen) -> Decision:
    """What may be done now; the first rule that is not content has its way."""
    for rule in RULES:
        decision = rule(wanted, seen)
        if decision is not None:
            return decision
    return Decision()


# The project


def _project(wanted: Wanted, seen: Seen) -> Decision | None:
    if len(seen.projects) > 1:
        ids = ", ".join(f"{p.id} of {p.owner or '?'}" for p in seen.projects[:_SHOWN])
        message = f"several projects are called {wanted.project}: {ids}"
        return stuck(End.USAGE, message, "name another one, or use a key that sees one of them")
    if not seen.projects:
        return _new_project(wanted, seen)
    project = seen.project
    if project.stage is Stage.FAILED:
        return stuck(
            End.SOURCE,
            f"CML could not make the project {project.name} ({project.words})",
            f"`raycml bootstrap --delete --with-project --project-name {project.name}`, "
            "then the same command with what is corrected",
            clone=True,
        )
    if project.stage is Stage.CREATING:
        return Decision(wait=f"CML makes the project {project.name}")
    return None


def _new_project(wanted: Wanted, seen: Seen) -> Decision:
    if not wanted.git_url:
        message = f"there is no project {wanted.project}, and no repository to make it from"
        return stuck(End.USAGE, message, "add --git-url, or make the project and its specs first")
    if seen.times(Verb.CREATE_PROJECT) and seen.still_s < SETTLE_S:
        return Decision(wait="the new project is not in CML's list yet")
    return act(Verb.CREATE_PROJECT, "", f"create the project {wanted.project}, a clone")


def _sources(wanted: Wanted, seen: Seen) -> Decision | None:
    """Of a project that was there before, only what is followed in it matters."""
    cloned = seen.project.made == "git" or seen.times(Verb.CREATE_PROJECT) > 0
    if seen.specs or (wanted.git_url and not cloned):
        return None
    folder = f"{wanted.path or '.'}/"
    if cloned and seen.still_s < LAG_S:
        return Decision(wait=f"the clone does not show {folder} yet")
    message = f"the project {seen.project.name} has no spec (*.yaml, *.yml) in {folder}"
    if wanted.git_url:
        at = f" at {wanted.git_ref}" if wanted.git_ref else ""
        return stuck(End.SOURCE, f"{message}, a clone{at}", "name the folder with --path")
    return stuck(End.SOURCE, message, "put specs there, name the folder with --path, or --git-url")


def _preparation(wanted: Wanted, seen: Seen) -> Decision | None:
    steps = [*_shared_memory(wanted, seen), *_files(wanted, seen)]
    return Decision(tuple(steps)) if steps else None


def _shared_memory(wanted: Wanted, seen: Seen) -> list[Step]:
    """It is raised and never lowered; a CML that ignores it is no reason to stop."""
    project, asked = seen.project, wanted.shared_memory_mb
    too_low = project.shared_memory_mb < asked
    if not too_low or seen.times(Verb.RAISE_SHARED_MEMORY, project.id):
        return []
    text = f"raise the project's shared memory from {project.shared_memory_mb} to {asked} MB"
    return [Step(Verb.RAISE_SHARED_MEMORY, project.id, text)]


def _files(wanted: Wanted, seen: Seen) -> list[Step]:
    return [
        Step(Verb.WRITE_FILE, path, f"write {path}")
        for path, data in sorted(wanted.files.items())
        if seen.files.get(path) != len(data)
    ]


def _readiness(wanted: Wanted, seen: Seen) -> Decision | None:  # noqa: ARG001 - a rule
    answer = seen.answer
    if answer is None:
        return Decision(wait="the controller does not answer yet")
    if answer.ready or answer.refused:
        return None
    return Decision(wait=f"the controller is not ready: {answer.why}", log=RUN_LOG)


# What earlier versions have left


def _leftovers(wanted: Wanted, seen: Seen) -> Decision | None:
    """Last of all: what the application ran before is no longer needed once it is ready anew."""
    named = {app.script for app in seen.applications} | {job.script for job in seen.jobs}
    needed = {*wanted.files, *named}
    old = {removable(p) for p in seen.files if p not in needed and not _is_log(p)}
    for digest, paths in seen.environments.items():
        old |= set(paths) if digest != wanted.environment else set()
    steps = [
        Step(Verb.REMOVE_FILE, path, f"remove {path}, which is no longer in use")
        for path in sorted(old)
        if not seen.times(Verb.REMOVE_FILE, path)
    ]
    return Decision(tuple(steps)) if steps else None


def _is_log(path: str) -> bool:
    return path.startswith(f"{SCRIPTS}/") and not path.endswith(".py")


def removable(path: str) -> str:
    """Of a wheel, the folder that it has for itself."""
    return path.rpartition("/")[0] if path.startswith(f"{WHEELS}/") else path


RULES: tuple[Rule, ...] = (
    _project,
    _sources,
    _preparation,
    environment,
    application,
    _readiness,
    _leftovers,
)
