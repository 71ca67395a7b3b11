"""Kernel of a pod: runs a script in the way of a CML runtime.

Started as `python kernel.py SCRIPT KIND`, with the project's home as working folder.  The script
runs inside a running event loop, without `__file__`, with a neutral `sys.argv`; top-level `await`
works; `SystemExit` is an ordinary exception.  At the end of the script the pod ends, with all
threads.  KIND is `application` or `job`: a job whose script ends by any exception has failed, also
by `SystemExit(0)`.
"""

import ast
import asyncio
import ctypes
import inspect
import linecache
import os
import signal
import sys
import traceback
import types
from pathlib import Path

PR_SET_PDEATHSIG = 1
CELL = "<cell>"


def die_with_parent() -> None:
    """Let Linux kill this process at the end of the supervisor."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def fresh_main() -> types.ModuleType:
    """An empty `__main__`, as in a notebook, without this program's names."""
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    sys.argv = [""]
    sys.path[0] = ""
    return module


async def run(text: str, module: types.ModuleType) -> None:
    linecache.cache[CELL] = (len(text), None, text.splitlines(keepends=True), CELL)
    code = compile(text, CELL, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, module.__dict__)  # noqa: S307  running the script is what a kernel is for
    if inspect.iscoroutine(result):
        await result


def exit_code(error: BaseException, kind: str) -> int:
    """Print the exception of the script, and return its exit code."""
    if not isinstance(error, SystemExit):
        traceback.print_exception(error)
        return 1
    print(f"SystemExit: {error.code}", file=sys.stderr)  # noqa: T201  the log of the pod is stderr
    if error.code is None:
        return int(kind == "job")
    code = error.code & 255 if isinstance(error.code, int) else 1
    return code or int(kind == "job")


def other_python(kernel: str) -> str:
    """A sentence where the runtime's kernel is not this Python, which runs all pods here."""
    own = f"Python {sys.version_info.major}.{sys.version_info.minor}"
    if kernel in ("", own):
        return ""
    return (
        f"local CML emulator: the runtime has {kernel}, but pods here run {own} of this machine; "
        "the members of a Ray cluster run the interpreter that their spec names in `python`"
    )


def main(script: str, kind: str) -> int:
    if remark := other_python(os.environ.get("ML_RUNTIME_KERNEL", "")):
        print(remark, file=sys.stderr)  # noqa: T201  the log of the pod is stderr
    module = fresh_main()
    try:
        asyncio.run(run(Path(script).read_text(encoding="utf-8"), module))
    except BaseException as error:  # noqa: BLE001  whatever ends a script ends the pod, and no more
        return exit_code(error, kind)
    return 0


if __name__ == "__main__":
    die_with_parent()
    code = main(sys.argv[1], sys.argv[2])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
