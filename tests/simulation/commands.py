"""One-shot commands, by the very functions behind the command line, on the simulated machine."""

import random
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any  # a command takes what the command line's library gives it

from controller.cli.commands.approve import approve
from controller.cli.commands.delete import delete
from controller.cli.commands.pauses import pause, unpause
from controller.cli.commands.reconcile import reconcile
from controller.terminal.errors import explained
from controller.terminal.exit_codes import Exit
from tests.simulation.processes import ProcessClock, machine_of
from tests.simulation.weather import Killed
from tests.simulation.wire import Wire

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

TIMEOUT_S = 600.0


def one_shot(sim: "Simulation", name: str, *arguments: str) -> Exit:
    """How the command ended; INTERRUPTED for one that was killed."""
    wire = Wire(sim, f"{name} {sim.calls}")
    machine = machine_of(sim, wire, ProcessClock(sim, wire), random.Random(sim.calls))
    ctx: Any = SimpleNamespace(obj=machine)
    try:
        return _run(sim, ctx, name, arguments)
    except Killed:
        return Exit.INTERRUPTED
    except Exception as error:  # as the last resort of the command line does
        known = explained(error)
        if known is None:
            raise
        return known.code
    finally:
        wire.closed = True
        if sim.violations:
            raise sim.violations[0]


def _run(sim: "Simulation", ctx: Any, name: str, arguments: tuple[str, ...]) -> Exit:
    specs = [sim.folder.on_disk()]
    nothing: list[Path] = []
    one = arguments[0] if arguments else ""
    commands: dict[str, Callable[[], Exit]] = {
        "approve": lambda: approve(ctx, revision=one, yes=True),
        "pause": lambda: pause(ctx, name=one, reason="hands off", specs=specs),
        "unpause": lambda: unpause(ctx, name=one, specs=specs),
        "delete": lambda: delete(ctx, names=[one], yes=True, timeout=TIMEOUT_S, specs=specs),
        "delete elsewhere": lambda: delete(
            ctx, names=[one], yes=True, timeout=TIMEOUT_S, specs=nothing
        ),
        "reconcile": lambda: reconcile(ctx, paths=specs, timeout=TIMEOUT_S),
        "reconcile once": lambda: reconcile(ctx, paths=specs, timeout=TIMEOUT_S, once=True),
    }
    return commands[name]()
