"""`raycml emulator`: start, stop and status of the local CML emulator."""

from typing import Annotated

import typer

from controller.cli.output.documents import emulator_json
from controller.emulator import daemon
from controller.emulator.daemon import Connection
from controller.emulator.ingress.sign_in import ticket
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, Output
from controller.terminal.screen import Screen
from controller.workspace.connection import state_dir

Port = Annotated[
    int,
    typer.Option("--port", min=0, max=65535, help="Port.  0: the previous one if free, else any."),
]

Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="An option of the workspace, kept for later starts; VALUE default unsets it.",
    ),
]

app = typer.Typer(no_args_is_help=False, help="Manage the local CML emulator.")


def start(
    ctx: typer.Context,
    *,
    port: Port = 0,
    settings: Settings = None,
    output: Output = Form.TEXT,
) -> Exit:
    """Example: raycml emulator start --set auto_restarts=0

    Start the local CML emulator in the background, unless it is running.
    """
    connection = daemon.start(state_dir(ctx.obj.environ), port, settings or ())
    _show(Screen(ctx.obj, plain=True, verbose=False), connection, output)
    return Exit.DONE


def stop(ctx: typer.Context) -> Exit:
    """Example: raycml emulator stop

    Stop the local CML emulator and everything that runs in it.  Its state is kept.
    """
    stopped = daemon.stop(state_dir(ctx.obj.environ))
    screen = Screen(ctx.obj, plain=True, verbose=False)
    screen.data("the CML emulator is stopped" if stopped else "the CML emulator was not running")
    return Exit.DONE


def status(ctx: typer.Context, *, output: Output = Form.TEXT) -> Exit:
    """Example: raycml emulator status

    Show the state and the address of the local CML emulator.
    """
    connection = daemon.status(state_dir(ctx.obj.environ))
    _show(Screen(ctx.obj, plain=True, verbose=False), connection, output)
    return Exit.DONE


def _show(screen: Screen, connection: Connection | None, output: Form) -> None:
    if output is Form.JSON:
        screen.document(emulator_json(connection))
    elif connection is None:
        screen.data("the CML emulator is not running; start it: raycml emulator start")
    else:
        screen.data(
            f"the CML emulator is running (pid {connection.pid})\n"
            f"page      {connection.page}\n"
            f"sign in   {_sign_in(connection, screen)}\n"
            f"API key   api_key in {connection.state_dir}/connection.json\n"
            f"project   {connection.project_id}\n"
            f"state     {connection.state_dir}\n"
            f"pods      {connection.pods}\n"
            f"{_authority(connection)}{_options(connection)}"
            "use it    add --local to a command, e.g. raycml reconcile --local"
        )


def _authority(connection: Connection) -> str:
    """The line of the authority to trust, with TLS."""
    return f"CA        {connection.ca_cert}\n" if connection.ca_cert else ""


def _options(connection: Connection) -> str:
    """The line of the options that were set, if any."""
    texts = " ".join(f"{name}={text}" for name, text in connection.options.items())
    return f"options   {texts}\n" if texts else ""


def _sign_in(connection: Connection, screen: Screen) -> str:
    """A sign-in link on a terminal; a log must not contain one."""
    if not screen.draws:
        return "run `raycml emulator status` on a terminal for a link"
    fresh = ticket(connection.api_key, screen.system.clock.now())
    return f"{connection.page}/sign-in?ticket={fresh}  (valid once, for ten minutes)"


for _command in (start, stop, status):
    # The first paragraph is the example; the list of commands shows the sentence after it.
    app.command(short_help=" ".join((_command.__doc__ or "").split("\n\n")[1].split()))(_command)
