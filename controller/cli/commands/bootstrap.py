"""`raycml bootstrap`: from an empty workspace to a running controller, in one command.

Each pass looks first, so the command can be repeated, and can be killed anywhere: the next run
continues from what it finds, and if everything is as desired, it writes nothing.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from controller.acceptance.spec import choose_runtime, runtime_fault
from controller.bootstrap.desired import DesiredSetup
from controller.bootstrap.diagnosis import check as check_plan
from controller.bootstrap.diagnosis import completed
from controller.bootstrap.look import look
from controller.bootstrap.observed import ObservedSetup
from controller.bootstrap.options import SECRET, BootstrapOptions, check, check_name, desired_setup
from controller.bootstrap.passes import BootstrapRun
from controller.bootstrap.plan import plan
from controller.bootstrap.removal import Removal, plan_removal
from controller.bootstrap.session import BootstrapSession, open_bootstrap
from controller.core.model.history import History
from controller.core.model.observed import ObservedApplication
from controller.core.spec.python_environment import BuildBy
from controller.core.spec.text import counted, spoken
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.confirm import confirm
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Yes, option, timeout_option
from controller.terminal.plan_table import plan_text
from controller.terminal.screen import Screen

ProjectName = Annotated[str, option("--project-name", "NAME", "Project; created if missing.")]
GitUrl = Annotated[
    str | None,
    option(
        "--git-url",
        "URL",
        "Git repository of the specs.  Default: the current one, else the project's files",
    ),
]
GitRef = Annotated[str | None, option("--git-ref", "REF", "Branch, tag or commit.")]
SpecsPath = Annotated[str | None, option("--path", "DIR", "Folder of the specs.", default="specs")]
Runtime = Annotated[
    str | None,
    option(
        "--runtime",
        "IMAGE",
        "Runtime image of the controller.  Default: the current one, else the newest",
    ),
]
Python = Annotated[str, option("--python", "VERSION", "Python of the runtime.")]
SharedMemory = Annotated[
    int,
    typer.Option(
        "--shared-memory-mb",
        min=0,
        max=1_000_000,
        help="Minimum shared memory of the project's pods; 0 leaves it unchanged.",
    ),
]
Cpu = Annotated[float, typer.Option("--cpu", help="CPU cores of the controller.")]
Memory_ = Annotated[float, typer.Option("--memory", help="Memory of the controller, in GiB.")]
Packages = Annotated[
    list[str] | None,
    option("--package", "SPEC", "Additional package, or another version of one.  Can be repeated"),
]
Set = Annotated[
    list[str] | None,
    option("--set", "NAME=VALUE", "Controller setting, such as RAYCML_POLL=30s.  Can be repeated"),
]
Builder = Annotated[
    BuildBy,
    typer.Option(
        "--builder",
        help="What builds its Python environment.  auto: a job, or an application where CML "
        "skips jobs.",
    ),
]
Timeout = Annotated[float, timeout_option("Overall timeout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and change nothing.")]
Delete = Annotated[bool, typer.Option("--delete", help="Delete what bootstrap created.")]
WithProject = Annotated[
    bool,
    typer.Option("--with-project", help="With --delete: the project too, if bootstrap made it."),
]


@with_common_options
def bootstrap(  # noqa: PLR0913 - the options of one command
    common: CommonOptions,
    project_name: ProjectName,
    *,
    git_url: GitUrl = None,
    git_ref: GitRef = None,
    path: SpecsPath = None,
    runtime: Runtime = None,
    python: Python = "3.11",
    shared_memory_mb: SharedMemory = 4096,
    cpu: Cpu = 1.0,
    memory: Memory_ = 2.0,
    package: Packages = None,
    settings: Set = None,
    builder: Builder = "auto",
    timeout: Timeout = "30m",  # type: ignore[assignment]  # its parser makes it seconds
    dry_run: DryRun = False,
    delete: Delete = False,
    with_project: WithProject = False,
    yes: Yes = False,
) -> Exit:
    """Example: raycml bootstrap --project-name rays --git-url https://git.example.com/team/specs.git

    Create a project, a Python environment and a controller in it, and wait until it is ready.
    """
    options = BootstrapOptions(
        project_name,
        git_url,
        git_ref,
        path,
        runtime,
        python,
        shared_memory_mb,
        cpu,
        memory,
        tuple(package or ()),
        tuple(settings or ()),
        builder,
    )
    check_name(project_name)
    if with_project and not delete:
        raise CommandError("--with-project needs --delete", Exit.USAGE, "add --delete")
    if not delete:
        check(options)
    with open_bootstrap(common, project_name, timeout) as session:
        if delete:
            return _remove(session, everything=with_project, yes=yes, dry_run=dry_run)
        desired = _desired(session, options)
        run = BootstrapRun(session, partial(plan, desired), desired)
        return _preview(run) if dry_run else _carry_out(run, desired)


# Desired setup


def _desired(session: BootstrapSession, options: BootstrapOptions) -> DesiredSetup:
    """Source and runtime stay as the controller has them unless an option names others."""
    observed = look(session, None)
    app = next(iter(observed.controllers), None) if len(observed.projects) == 1 else None
    if app is not None:
        # Secrets in the application's variables are kept and never shown.
        for name in SECRET & app.environment.keys():
            session.screen.system.redaction.add(app.environment[name])
        options = _as_it_follows(options, app)
    return desired_setup(options, _runtime(session, options, app), session.owner)


def _as_it_follows(options: BootstrapOptions, app: ObservedApplication) -> BootstrapOptions:
    """With the source that the controller follows, if no other is named."""
    variables = app.environment
    source, path = variables.get("RAYCML_SOURCE"), variables.get("RAYCML_PATH")
    if options.git_url or not source:
        return options
    if path is None:
        return replace(options, path=options.path or source)
    ref = variables.get("RAYCML_REF")
    return replace(options, git_url=source, git_ref=ref, path=options.path or path)


def _runtime(
    session: BootstrapSession, options: BootstrapOptions, app: ObservedApplication | None
) -> str:
    if options.runtime is None and app is not None and app.runtime:
        return app.runtime
    offered = session.client.list_runtimes()
    if options.runtime is not None:
        if fault := runtime_fault(options.runtime, offered):
            raise CommandError(fault, Exit.USAGE, "choose another one with --runtime")
        return options.runtime
    kernel = f"Python {options.python}"
    chosen = choose_runtime((one for one in offered if one.kernel == kernel), gpu=False)
    if chosen is None:
        message = f"the workspace offers no standard runtime with {kernel}"
        raise CommandError(message, Exit.USAGE, "choose one with --runtime, or another --python")
    return chosen.identifier


# Set up


def _preview(run: BootstrapRun) -> Exit:
    """Print the plan; an error if the operator has to decide something first."""
    screen, planned = run.session.screen, run.look_and_plan(History())
    if planned.plan.steps or planned.plan.waits:
        screen.data(plan_text(planned.plan, verbose=screen.verbose))
    else:
        screen.data("No changes. The controller runs as desired.")
    check_plan(run, planned)
    return Exit.DONE


def _carry_out(run: BootstrapRun, desired: DesiredSetup) -> Exit:
    _warn(run.session.screen)
    _conclude(run.session, desired, completed(run).observed)
    took = f"done in {spoken(run.progress.elapsed_s)}"
    run.session.screen.say(took if run.acted else "nothing to do")
    return Exit.DONE


def _warn(screen: Screen) -> None:
    """Secrets are not passed on: every collaborator of the project could read them."""
    environ = screen.system.environ
    for name in sorted(SECRET & {n for n in environ if n.startswith("RAYCML_")}):
        screen.say(f"{name} is not passed on to the controller (see the manual)")


def _conclude(session: BootstrapSession, desired: DesiredSetup, observed: ObservedSetup) -> None:
    screen, project = session.screen, observed.project
    source = desired.git_url or f"{desired.folder} of the project"
    ref = f"@{desired.git_ref}" if desired.git_url and desired.git_ref else ""
    screen.data(
        f"controller  {session.client.application_url(observed.controllers[0].subdomain)}\n"
        f"project     {project.name} ({project.id}) at {session.client.address.url}\n"
        f"follows     {source}{ref}"
    )
    screen.say(*observed.surplus())
    if observed.readiness is not None and observed.readiness.is_hidden:
        screen.say(
            "the controller runs; sign in to its page to see whether it is ready (no key is sent "
            "to an application)"
        )
    if project.shared_memory_limit_mb < desired.shared_memory_mb:
        screen.say(
            f"the project's shared memory is still {project.shared_memory_limit_mb} MB, so Ray "
            "keeps objects on disk: raise it in the project's settings"
        )


# Delete


def _remove(session: BootstrapSession, *, everything: bool, yes: bool, dry_run: bool) -> Exit:
    """Print the plan and what is not deleted, ask, and delete."""
    screen, project = session.screen, session.project
    removal = Removal(project, session.owner, everything, " --local" if session.local else "")
    run = BootstrapRun(session, partial(plan_removal, removal))
    planned = run.look_and_plan(History())
    check_plan(run, planned)
    if not planned.plan.steps and not planned.plan.waits:
        screen.data(f"No changes. Project {project} has nothing that bootstrap created.")
        return Exit.DONE
    lines = plan_text(planned.plan, verbose=screen.verbose).splitlines()
    lines += [] if everything else _not_deleted(project, planned.observed)
    if dry_run:
        screen.data("\n".join(lines))
        return Exit.DONE
    screen.say(*lines)
    confirm(screen, "this cannot be undone", "Delete?", yes=yes)
    completed(run)
    screen.data("deleted")
    return Exit.DONE


def _not_deleted(project: str, observed: ObservedSetup) -> Iterator[str]:
    yield f"not deleted: project {project} and its files"
    marks = [app.mark for app in observed.applications if app.mark is not None]
    if members := sum(mark.owner == observed.owner for mark in marks):
        count = counted(members, "application")
        yield f"not deleted: {count} of clusters, then without a controller"
