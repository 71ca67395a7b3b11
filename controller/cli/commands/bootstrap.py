"""`raycml bootstrap`: from an empty workspace to a running controller, in one command.

Each step looks first, so the command may be repeated, and may be killed anywhere: the next run goes
on from what it finds, and where all is as it should be, it writes nothing.
"""

from dataclasses import replace
from functools import partial
from typing import Annotated

import typer

from controller.acceptance.spec import choose_runtime, runtime_fault
from controller.bootstrap.decide import decide
from controller.bootstrap.ends import ended
from controller.bootstrap.facts import Seen, Wanted, controllers, owner_of, surplus
from controller.bootstrap.forecast import forecast
from controller.bootstrap.look import Memory
from controller.bootstrap.removing import remove
from controller.bootstrap.site import Site, open_site
from controller.bootstrap.wanted import SECRET, Asked, check, check_name, wanted
from controller.core.model.observed import ObservedApplication
from controller.core.spec.text import spoken
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import CaCert, Local, NoColor, Verbose, Yes, duration
from controller.terminal.screen import Screen

ProjectName = Annotated[
    str,
    typer.Option("--project-name", metavar="NAME", help="The project; made where there is none."),
]
GitUrl = Annotated[
    str | None,
    typer.Option(
        "--git-url",
        metavar="URL",
        show_default=False,
        help="Repository of the specs.  Default: what it follows, else the project's own files",
    ),
]
GitRef = Annotated[
    str | None, typer.Option("--git-ref", metavar="REF", help="Branch, tag or commit.")
]
SpecsPath = Annotated[
    str | None,
    typer.Option("--path", metavar="DIR", help="Folder of the specs.", show_default="specs"),
]
Runtime = Annotated[
    str | None,
    typer.Option(
        "--runtime",
        metavar="IMAGE",
        show_default=False,
        help="Image of the controller.  Default: the one it has, else the newest that fits",
    ),
]
Python = Annotated[str, typer.Option("--python", metavar="VERSION", help="Python of the image.")]
SharedMemory = Annotated[
    int,
    typer.Option(
        "--shared-memory-mb",
        min=0,
        max=1_000_000,
        help="Least shared memory of the project's pods; 0: as it is.",
    ),
]
Cpu = Annotated[float, typer.Option("--cpu", help="Cores of the controller.")]
Memory_ = Annotated[float, typer.Option("--memory", help="Memory of the controller, in GiB.")]
Packages = Annotated[
    list[str] | None,
    typer.Option(
        "--package",
        metavar="SPEC",
        show_default=False,
        help="Another package, or another version, for the controller.  May be repeated",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        show_default=False,
        help="A setting of the controller, such as RAYCML_POLL=30s.  May be repeated",
    ),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", metavar="DURATION", parser=duration, help="For all of it."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the steps and write nothing.")]
Delete = Annotated[bool, typer.Option("--delete", help="Take away what bootstrap made.")]
WithProject = Annotated[
    bool,
    typer.Option("--with-project", help="With --delete: the project too, where bootstrap made it."),
]


def bootstrap(  # noqa: PLR0913 - the options of one command
    ctx: typer.Context,
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
    timeout: Timeout = "30m",  # type: ignore[assignment]  # its parser makes it seconds
    dry_run: DryRun = False,
    delete: Delete = False,
    with_project: WithProject = False,
    yes: Yes = False,
    local: Local = False,
    ca_cert: CaCert = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> Exit:
    """Example: raycml bootstrap --project-name rays --git-url https://git.example.com/team/specs.git

    Make a project, an environment and the application of a controller, and wait until it is ready.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=verbose)
    asked = Asked(
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
    )
    check_name(project_name)
    if with_project and not delete:
        raise CommandError("--with-project is for --delete", Exit.USAGE, "leave it out")
    if not delete:
        check(asked)
    with open_site(screen, project_name, local=local, ca_cert=ca_cert, timeout_s=timeout) as site:
        if delete:
            return remove(site, everything=with_project, yes=yes, dry_run=dry_run)
        plan = _planned(site, asked)
        return _foretell(site, plan) if dry_run else _carry_out(site, plan)


# What is wanted, by what is there


def _planned(site: Site, asked: Asked) -> Wanted:
    """What was not asked for stays as the controller has it, where it matters most."""
    seen = site.eyes(None, Memory()).look()
    app = None
    if len(seen.projects) == 1:
        owner = owner_of(site.owner, seen.project.id)
        app = next(iter(controllers(seen, owner)), None)
    if app is not None:
        _hide(site.screen, app)
        asked = _as_it_follows(asked, app)
    runtime = _runtime(site, asked, app)
    return wanted(asked, runtime, site.owner)


def _hide(screen: Screen, app: ObservedApplication) -> None:
    """What a person has put into the application is kept there, and shown nowhere."""
    for name in SECRET & app.environment.keys():
        screen.machine.redaction.add(app.environment[name])


def _as_it_follows(asked: Asked, app: ObservedApplication) -> Asked:
    """Never from a repository back to a folder for want of an option."""
    told = app.environment
    source, path = told.get("RAYCML_SOURCE"), told.get("RAYCML_PATH")
    if asked.git_url or not source:
        return asked
    if path is None:
        return replace(asked, path=asked.path or source)
    return replace(asked, git_url=source, git_ref=told.get("RAYCML_REF"), path=asked.path or path)


def _runtime(site: Site, asked: Asked, app: ObservedApplication | None) -> str:
    if asked.runtime is None and app is not None and app.runtime:
        return app.runtime
    offered = site.client.list_runtimes()
    if asked.runtime is not None:
        if fault := runtime_fault(asked.runtime, offered):
            raise CommandError(fault, Exit.USAGE, "name another one with --runtime")
        return asked.runtime
    fitting = [one for one in offered if one.kernel == f"Python {asked.python}"]
    chosen = choose_runtime(fitting, gpu=False)
    if chosen is None:
        message = f"the workspace offers no standard runtime with Python {asked.python}"
        raise CommandError(message, Exit.USAGE, "name one with --runtime, or another --python")
    return chosen.identifier


# What comes of it


def _foretell(site: Site, plan: Wanted) -> Exit:
    seen = site.eyes(plan, Memory()).look()
    steps, last = forecast(plan, seen)
    if steps:
        site.screen.data("\n".join(step.line for step in steps))
    if last.stuck is not None:
        raise ended(site, last.stuck, plan)
    if not steps:
        site.screen.data("nothing to do: the controller runs as it is asked for")
    return Exit.DONE


def _carry_out(site: Site, plan: Wanted) -> Exit:
    _warn(site)
    drive = site.drive(partial(decide, plan), partial(ended, site, wanted=plan), plan)
    seen = drive.run()
    _conclude(site, plan, seen)
    took = spoken(site.screen.machine.clock.monotonic() - drive.began)
    site.screen.say(f"done in {took}" if drive.acted else "nothing was to be done")
    return Exit.DONE


def _warn(site: Site) -> None:
    """Secrets go nowhere: what they are put into, every collaborator of the project can read."""
    environ = site.screen.machine.environ
    for name in sorted(SECRET & {n for n in environ if n.startswith("RAYCML_")}):
        site.screen.say(f"{name} is not passed on to the controller (see the manual)")


def _conclude(site: Site, plan: Wanted, seen: Seen) -> None:
    owner = owner_of(plan.owner, seen.project.id)
    app = controllers(seen, owner)[0]
    source = plan.git_url or f"{plan.path or '.'}/ of the project"
    ref = f"@{plan.git_ref}" if plan.git_url and plan.git_ref else ""
    site.screen.data(
        f"controller  {site.client.application_url(app.subdomain)}\n"
        f"project     {seen.project.name} ({seen.project.id}) at {site.client.address.url}\n"
        f"follows     {source}{ref}"
    )
    site.screen.say(*surplus(seen, owner))
    if seen.answer is not None and seen.answer.refused:
        site.screen.say(
            "it runs; sign in to its page to see whether it is ready (no key is sent to an "
            "application)"
        )
    if seen.project.shared_memory_mb < plan.shared_memory_mb:
        site.screen.say(
            f"CML left the project's shared memory at {seen.project.shared_memory_mb} MB: Ray "
            "keeps objects on disk then; raise it in the project's settings"
        )
