"""`python -m controller.emulator`: the emulator in the foreground, until TERM or Ctrl-C."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from controller.emulator.options import Capacity
from controller.emulator.server import LOCAL_OPTIONS, AlreadyRunningError, Config, serve


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m controller.emulator",
        description="A CML emulator on the local machine; it listens on 127.0.0.1 only.",
    )
    parser.add_argument("--state", type=Path, required=True, help="folder of state, files and logs")
    parser.add_argument(
        "--port", type=int, default=0, help="default: the previous one, else any free one"
    )
    parser.add_argument(
        "--scratch",
        type=Path,
        default=Config.__dataclass_fields__["scratch"].default,
        help="base of the pods' temporary folders; keep it short (default: %(default)s)",
    )
    parser.add_argument("--grace", type=float, default=10.0, help="seconds from TERM to KILL")
    parser.add_argument("--cpu", type=float, help="vCPU of all pods together (default: no limit)")
    parser.add_argument("--memory", type=float, help="GB of all pods together (default: no limit)")
    parser.add_argument("--gpu", type=int, help="GPUs of all pods together (default: no limit)")
    return parser


def main() -> int:
    arguments = parser().parse_args()
    options = replace(
        LOCAL_OPTIONS, capacity=Capacity(arguments.cpu, arguments.memory, arguments.gpu)
    )
    state = arguments.state.resolve()
    try:
        serve(Config(state, arguments.port, arguments.scratch, options, arguments.grace))
    except (AlreadyRunningError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
