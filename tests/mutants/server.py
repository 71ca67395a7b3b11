"""A process that runs one test at a time, each in a fork of its own.

Libraries are imported once, before any fork; `controller` and the tests are imported anew by each,
from the folder in which this process runs.  A request is a line with a test and a file for its
output; the answer is a line with pytest's exit code, or the negative number of a signal.
"""

import importlib
import os
import select
import signal
import sys
import traceback

import pytest

LIBRARIES = (
    *("flask", "httpx", "hypothesis.strategies", "jinja2", "jsonschema", "packaging.requirements"),
    *("prometheus_client", "pydantic", "rich.live", "rich.table", "structlog", "typer"),
    *("typer.testing", "waitress", "werkzeug", "yaml"),
)
OPTIONS = (
    *("-qx", "--timeout=20", "-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # libraries came before pytest
)
DEADLINE_S = 120.0


def main() -> None:
    sys.path.insert(0, os.getcwd())
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin:
        test, output = line.rstrip("\n").split("\t")
        sys.stdout.write(f"{attempt(test, output)}\n")
        sys.stdout.flush()


def attempt(test: str, output: str) -> int:
    child = os.fork()
    if child == 0:
        _run(test, output)
    descriptor = os.pidfd_open(child)
    ended, _, _ = select.select([descriptor], [], [], DEADLINE_S)
    if not ended:
        os.killpg(child, signal.SIGKILL)
    os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(test: str, output: str) -> None:
    """The child: it ends here, whatever happens."""
    code = 70
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(written, 1)
        os.dup2(written, 2)
        code = int(pytest.main([*OPTIONS, test]))
    except BaseException:  # noqa: BLE001 - it must not go on as the server
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
