"""Options of every command with a connection, declared once."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import update_wrapper
from pathlib import Path

import typer

from controller.terminal.exit_codes import Exit
from controller.terminal.options import CaCert, Local, NoColor, Verbose
from controller.terminal.screen import Screen


@dataclass(frozen=True, slots=True)
class CommonOptions:
    """Output of a command, and its workspace: the local emulator, or the configured one."""

    screen: Screen
    local: bool
    ca_cert: Path | None


def with_common_options(command: Callable[..., Exit]) -> Callable[..., Exit]:
    """The command with --local, --ca-cert, --no-color and --verbose after its own options.

    The command takes CommonOptions as its first parameter instead.
    """

    def called(
        ctx: typer.Context,
        local: Local = False,  # noqa: FBT002 - options have names
        ca_cert: CaCert = None,
        no_color: NoColor = False,  # noqa: FBT002
        verbose: Verbose = False,  # noqa: FBT002
        **own: object,
    ) -> Exit:
        screen = Screen(ctx.obj, plain=no_color, verbose=verbose)
        return command(CommonOptions(screen, local, ca_cert), **own)

    _, *own = inspect.signature(command).parameters.values()
    context, *common, _ = inspect.signature(called).parameters.values()
    named = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in common]
    update_wrapper(called, command)
    called.__signature__ = inspect.Signature([context, *own, *named])  # type: ignore[attr-defined]
    return called
