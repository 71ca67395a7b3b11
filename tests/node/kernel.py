"""A kernel as an application of CML has one: runs a script inside a running event loop.

`__file__` is undefined, `sys.argv` says nothing, and `SystemExit` is an exception that ends the
script.  Run as a program, with the script's path as its argument.
"""

import asyncio
import sys
from pathlib import Path


async def main() -> int:
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    sys.argv = ["kernel"]
    try:
        exec(compile(text, "<cell>", "exec"), {"__name__": "__main__"})
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
