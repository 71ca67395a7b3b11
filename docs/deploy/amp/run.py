"""The controller as a CML application: `raycml run` in the environment that `install.py` built.

The kernel of an application must not exit: it shows the output of the controller, forwards TERM,
and ends as the controller ended.  Variables of the application, such as RAYCML_SOURCE, say what to
follow.  The page is on CDSW_APP_PORT.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

FOLDER = Path(".raycml/controller")


def main() -> None:
    current = FOLDER / "current"
    if not current.exists():
        raise SystemExit(f"raycml: {current} is missing; run the job that installs raycml first")
    command = FOLDER.absolute() / current.read_text().strip() / "bin" / "raycml"
    kept = {n: v for n, v in os.environ.items() if n not in {"PYTHONPATH", "PYTHONHOME"}}
    child = subprocess.Popen(
        [str(command), "run"],
        env={**kept, "PIP_USER": "0", "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _frame: child.send_signal(number))
    for line in child.stdout or ():
        sys.stdout.write(line.decode(errors="replace"))
        sys.stdout.flush()
    code = child.wait()
    if code != 0:
        raise SystemExit(f"raycml: the controller ended with exit code {code}")


main()
