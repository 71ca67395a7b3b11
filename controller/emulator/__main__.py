"""`python -m controller.emulator`: the emulator in the foreground, until TERM or Ctrl-C."""

import argparse
import sys
from pathlib import Path

from controller.emulator import option_text
from controller.emulator.certificates import CertificateError
from controller.emulator.option_text import OptionError
from controller.emulator.server import AlreadyRunningError, Config, serve

CAPACITY = {"cpu": "vCPU", "memory": "GB", "gpu": "GPUs"}


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
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option of the workspace, kept in the state folder; VALUE `default` unsets it",
    )
    for name, what in CAPACITY.items():
        parser.add_argument(f"--{name}", help=f"{what} of all pods: --set capacity.{name}=VALUE")
    return parser


def main() -> int:
    program = parser()
    arguments = program.parse_args()
    amounts = [f"capacity.{name}={text}" for name in CAPACITY if (text := vars(arguments)[name])]
    try:
        texts = option_text.parse([*amounts, *arguments.settings])
    except OptionError as error:
        program.error(str(error))
    state = arguments.state.resolve()
    try:
        serve(Config(state, arguments.port, arguments.scratch, texts, arguments.grace))
    except (AlreadyRunningError, CertificateError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
