"""A process that runs tests in forks of its own, with all that is slow to import imported once.

It says `ready` once all is imported: no page may change before.  A request is a line of JSON: a
page of `controller` that has changed, words for pytest, and a file for its output; the answer is a
line with pytest's exit code, or the negative number of a signal.  Each fork forgets the page, or
every page, and all that imports it, so that it imports them anew, from the folder in which this
process runs.
"""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.mutants.imports import PACKAGES, Imports

PLUGINS = ("pytest_timeout", "_hypothesis_pytestplugin")
LIBRARIES = (
    *("flask", "httpx", "hypothesis.strategies", "jinja2", "jsonschema", "packaging.requirements"),
    *("prometheus_client", "pydantic", "rich.live", "rich.table", "structlog", "typer"),
    *("typer.testing", "waitress", "werkzeug", "yaml"),
)
OWN = (
    *("controller.cli.main", "controller.emulator.daemon", "controller.emulator.api.wsgi"),
    *("tests.simulation.schedule", "tests.worlds"),
)
OPTIONS = (
    *("-qx", "--no-header", "-p", "no:cacheprovider"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # libraries came before pytest
)
# Sent to pods as text by other pages, which may keep it.
PROGRAMS = "node/"
EVERY_PAGE = "*"
READY = "ready"
DEADLINE_S = 280.0


class TimesWithoutLines:
    """Lets pytest show a failure where a time ended on an instruction without a line."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        if call.excinfo is not None:
            entries = call.excinfo.traceback
            call.excinfo.traceback = entries.filter(lambda entry: entry._rawentry.tb_lineno)
        return (yield)


def main() -> None:
    root = Path.cwd()
    sys.path.insert(0, str(root))
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["RAYCML_HYPOTHESIS"] = "mutants"
    for name in (*PLUGINS, *LIBRARIES, *OWN):
        importlib.import_module(name)
    imports = Imports(root)
    attempt("", ["--collect-only", *sys.argv[1:]], os.devnull, imports)  # compiles them to files
    # From here on no bug is ever compiled to a file, by a process of a test neither.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    print(READY, flush=True)  # noqa: T201 - the answer
    for line in sys.stdin:
        page, words, output = json.loads(line)
        print(attempt(page, words, output, imports), flush=True)  # noqa: T201 - the answer


def attempt(page: str, words: list[str], output: str, imports: Imports) -> int:
    gc.freeze()  # so that a fork does not go through what it has from here
    child = os.fork()
    if child == 0:
        _run(page, words, output, imports)
    descriptor = os.pidfd_open(child)
    ended, _, _ = select.select([descriptor], [], [], DEADLINE_S)
    if not ended:
        os.killpg(child, signal.SIGKILL)
    os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run(page: str, words: list[str], output: str, imports: Imports) -> None:
    """The child: it ends here, whatever happens."""
    code = 70
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(written, 1)
        os.dup2(written, 2)
        if page:
            forget(page, imports)
        plugins = [*(sys.modules[name] for name in PLUGINS), TimesWithoutLines()]
        code = int(pytest.main([*OPTIONS, *words], plugins=plugins))
    except BaseException:  # noqa: BLE001 - it must not go on as the server
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def forget(page: str, imports: Imports) -> None:
    """Unload whatever may hold anything of the page."""
    own = {name for name in sys.modules if name.partition(".")[0] in PACKAGES}
    if page.endswith(".py") and not page.startswith(PROGRAMS):
        name = "controller." + page.removesuffix(".py").replace("/", ".")
        own &= imports.dependents(name)
    for name in own:
        del sys.modules[name]
        package, _, last = name.rpartition(".")
        if package in sys.modules:
            with contextlib.suppress(AttributeError):
                delattr(sys.modules[package], last)


if __name__ == "__main__":
    main()
