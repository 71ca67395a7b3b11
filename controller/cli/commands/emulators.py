"""`raycml emulator`: start, stop and look for the embedded CML."""

from typing import Annotated

import typer

from controller.emulator import daemon
from controller.emulator.daemon import Connection
from controller.emulator.door.sign_in import ticket
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, Output
from controller.terminal.screen import Screen
from controller.workspace.connection import state_dir

SCHEMA = "raycml.emulator/v1"

Port = Annotated[
    int,
    typer.Option("--port", min=0, max=65535, help="0: last time's where free, or any."),
]

app = typer.Typer(no_args_is_help=False, help="The embedded CML, for trying things out.")


def start(ctx: typer.Context, *, port: Port = 0, output: Output = Form.TEXT) -> Exit:
    """Example: raycml emulator start

    Start the embedded CML in the background, or find the one that runs.
    """
    found = daemon.start(state_dir(ctx.obj.environ), port)
    _show(Screen(ctx.obj, plain=True, verbose=False), found, output)
    return Exit.DONE


def stop(ctx: typer.Context) -> Exit:
    """Example: raycml emulator stop

    Stop the embedded CML and everything that runs in it.  What it holds is kept.
    """
    stopped = daemon.stop(state_dir(ctx.obj.environ))
    screen = Screen(ctx.obj, plain=True, verbose=False)
    screen.data("the embedded CML is stopped" if stopped else "the embedded CML was not running")
    return Exit.DONE


def status(ctx: typer.Context, *, output: Output = Form.TEXT) -> Exit:
    """Example: raycml emulator status

    Say whether the embedded CML runs, and where.
    """
    found = daemon.status(state_dir(ctx.obj.environ))
    _show(Screen(ctx.obj, plain=True, verbose=False), found, output)
    return Exit.DONE


def _show(screen: Screen, found: Connection | None, output: Form) -> None:
    if output is Form.JSON:
        screen.document(_document(found))
    elif found is None:
        screen.data("the embedded CML is not running; start it: raycml emulator start")
    else:
        screen.data(
            f"the embedded CML runs (pid {found.pid})\n"
            f"page      http://{found.domain}\n"
            f"sign in   {_sign_in(found, screen)}\n"
            f"API key   api_key in {found.state_dir}/connection.json\n"
            f"project   {found.project_id}\n"
            f"state     {found.state_dir}\n"
            "use it    add --local to a command, e.g. raycml reconcile --local"
        )


def _sign_in(found: Connection, screen: Screen) -> str:
    """A link for a browser, in place of the key.  A log is no place for what opens something."""
    if not screen.draws:
        return "by the link that `raycml emulator status` prints on a terminal"
    fresh = ticket(found.api_key, screen.machine.clock.now())
    return f"http://{found.domain}/sign-in?ticket={fresh}  (once, within ten minutes)"


def _document(found: Connection | None) -> dict[str, object]:
    """Without the key: it stays in `connection.json`, which only its owner may read."""
    if found is None:
        return {"schema": SCHEMA, "running": False}
    return {
        "schema": SCHEMA,
        "running": True,
        "url": found.url,
        "project_id": found.project_id,
        "domain": found.domain,
        "pid": found.pid,
        "state_dir": str(found.state_dir),
    }


for _command in (start, stop, status):
    # The first paragraph is the example; the list of commands shows the sentence after it.
    app.command(short_help=" ".join((_command.__doc__ or "").split("\n\n")[1].split()))(_command)
