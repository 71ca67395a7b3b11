"""`python -m controller.emulator`: the emulator in the foreground, until TERM or Ctrl-C."""

import argparse
import sys
from pathlib import Path

from controller.emulator.options import Capacity
from controller.emulator.server import AlreadyRunningError, Config, options_with, serve


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="python -m controller.emulator",
        description="A CML emulator on the local machine; it listens on 127.0.0.1 only.",
    )
    found.add_argument("--state", type=Path, required=True, help="folder of state, files and logs")
    found.add_argument(
        "--port", type=int, default=0, help="default: the previous one, else any free one"
    )
    found.add_argument(
        "--scratch",
        type=Path,
        default=Config.__dataclass_fields__["scratch"].default,
        help="base of the pods' temporary folders; keep it short (default: %(default)s)",
    )
    found.add_argument("--grace", type=float, default=10.0, help="seconds from TERM to KILL")
    found.add_argument("--cpu", type=float, help="vCPU of all pods together (default: no limit)")
    found.add_argument("--memory", type=float, help="GB of all pods together (default: no limit)")
    found.add_argument("--gpu", type=int, help="GPUs of all pods together (default: no limit)")
    return found


def main() -> int:
    chosen = parser().parse_args()
    options = options_with(Capacity(chosen.cpu, chosen.memory, chosen.gpu))
    state = chosen.state.resolve()
    try:
        serve(Config(state, chosen.port, chosen.scratch, options, chosen.grace))
    except (AlreadyRunningError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
