"""Kernel of a pod: runs a script in the way of a CML runtime.

Started as `python kernel.py SCRIPT CONNECTION [FOLDER ...]`, with the project's home as working
folder: CONNECTION is the kernel's connection file, which only `sys.argv` names, and modules that
are found nowhere else come from the FOLDERs.  The script is a cell of IPython: it runs inside a
running event loop, without `__file__`, with the `sys.argv` of the kernel; magics, `!command` and
top-level `await` work; `SystemExit` is an error as any other.  At the end of the script the pod
ends, with all threads.

Without IPython magics are syntax errors, and all else is the same.
"""

import ast
import asyncio
import ctypes
import inspect
import linecache
import os
import signal
import site
import sys
import traceback
import types
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1
CELL = "<cell>"
LAUNCHER = "/usr/local/lib/python{}.{}/site-packages/ipykernel_launcher.py"
NO_IPYTHON = (
    "The CML emulator runs without IPython, so that magics (!command, %pip, get_ipython) fail; "
    "install it: pip install 'raycml[local]'"
)


def die_with_parent() -> None:
    """Let Linux kill this process at the end of the supervisor."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def fresh_main(connection: str) -> types.ModuleType:
    """An empty `__main__`, as in a notebook, without this program's names."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv = [LAUNCHER.format(*sys.version_info), "-f", connection]
    sys.path[0] = ""
    return module


def run(text: str, module: types.ModuleType) -> BaseException | None:
    """Run the script as a cell; the exception that ended it, which has been printed."""
    try:
        from IPython.core.interactiveshell import InteractiveShell
        from traitlets.config import Config
    except ImportError:
        return asyncio.run(_run_plainly(text, module))

    config = Config()
    config.HistoryManager.enabled = False
    folder = str(Path(os.environ.get("TMPDIR", "/tmp")) / "ipython")  # noqa: S108  as Python itself
    shell = InteractiveShell.instance(
        config=config, user_module=module, ipython_dir=folder, colors="nocolor", autoindent=False
    )
    shell.ask_exit = lambda: None  # `exit` and `quit` end a kernel after the cell
    return asyncio.run(_run_in(shell, text))


async def _run_in(shell: Any, text: str) -> BaseException | None:
    transformed, problem = text, None
    try:
        transformed = shell.transform_cell(text)
    except Exception:  # noqa: BLE001  IPython shows it as an error of the cell
        problem = sys.exc_info()
    result = await shell.run_cell_async(
        text, transformed_cell=transformed, preprocessing_exc_tuple=problem
    )
    error: BaseException | None = result.error_before_exec or result.error_in_exec
    return error


async def _run_plainly(text: str, module: types.ModuleType) -> BaseException | None:
    linecache.cache[CELL] = (len(text), None, text.splitlines(keepends=True), CELL)
    try:
        code = compile(text, CELL, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, module.__dict__)  # noqa: S307  running scripts is what a kernel is for
        if inspect.iscoroutine(result):
            await result
    except SystemExit as error:
        print(f"SystemExit: {error.code}", file=sys.stderr)  # noqa: T201  the log of the pod
        return error
    except BaseException as error:  # noqa: BLE001  whatever ends a script ends the pod, and no more
        traceback.print_exception(error)
        magic = isinstance(error, NameError) and error.name == "get_ipython"
        if magic or isinstance(error, SyntaxError):
            print(NO_IPYTHON, file=sys.stderr)  # noqa: T201  as above
        return error
    return None


def exit_code(error: BaseException | None) -> int:
    """The pod's exit code: 0 only for a script that ended by itself."""
    if error is None:
        return 0
    code = error.code if isinstance(error, SystemExit) else 1
    return (code & 255 if isinstance(code, int) else 1) or 1


def other_python(kernel: str) -> str:
    """A sentence where the runtime's kernel is not this Python, which runs all pods here."""
    own = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    if kernel in ("", own):
        return ""
    return (
        f"local CML emulator: the runtime has {kernel}, but pods here run {own} of this machine; "
        "the members of a Ray cluster run the interpreter that their spec names in `python`"
    )


def main(script: str, connection: str, folders: list[str]) -> int:
    if remark := other_python(os.environ.get("ML_RUNTIME_KERNEL", "")):
        print(remark, file=sys.stderr)  # noqa: T201  the log of the pod is stderr
    module = fresh_main(connection)
    for folder in folders:
        site.addsitedir(folder)
    return exit_code(run(Path(script).read_text(encoding="utf-8"), module))


if __name__ == "__main__":
    die_with_parent()
    code = main(sys.argv[1], sys.argv[2], sys.argv[3:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
