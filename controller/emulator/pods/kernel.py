"""What a pod runs: a script, the way the kernel of a CML runtime runs it.

Started as a program of its own, `python kernel.py SCRIPT KIND`, with the project's home as working
folder. The script runs inside a running event loop, without `__file__`, with a neutral
`sys.argv`; top-level `await` works; `SystemExit` is an exception like others.  When the script
has ended, so has the pod, whatever threads are left.  KIND is `application` or `job`: a job whose
script ends by any exception has failed, by `SystemExit(0)` too.
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
    """Ask Linux to kill this process when the supervisor is gone, however it went."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def fresh_main() -> types.ModuleType:
    """An empty `__main__`, as a notebook has it: this program's own names are not in it."""
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


def exit_code(end: BaseException, kind: str) -> int:
    """Print how the script ended, and say it as a number."""
    if not isinstance(end, SystemExit):
        traceback.print_exception(end)
        return 1
    print(f"SystemExit: {end.code}", file=sys.stderr)  # noqa: T201  the log of the pod is stderr
    if end.code is None:
        return int(kind == "job")
    code = end.code & 255 if isinstance(end.code, int) else 1
    return code or int(kind == "job")


def main(script: str, kind: str) -> int:
    module = fresh_main()
    try:
        asyncio.run(run(Path(script).read_text(encoding="utf-8"), module))
    except BaseException as end:  # noqa: BLE001  whatever ends a script ends the pod, and no more
        return exit_code(end, kind)
    return 0


if __name__ == "__main__":
    die_with_parent()
    code = main(sys.argv[1], sys.argv[2])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
