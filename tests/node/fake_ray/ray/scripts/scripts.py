"""`ray start --block` as measured: stays for ever once its raylet ended well, ends with 1 when a
part of it ended otherwise, ends its parts at SIGTERM.

FAKE_RAY_FAILS=1 ends it at once; FAKE_RAY_STUBBORN=1 makes it ignore SIGTERM.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PARTS = Path(__file__).parent / "parts"
WELL = {0, 15, -15}


def main():
    if os.environ.get("FAKE_RAY_FAILS"):
        sys.exit("no, thanks")
    options = dict(a[2:].split("=", 1) for a in sys.argv[2:] if "=" in a)
    parts = start(options, "--head" in sys.argv)
    stubborn = os.environ.get("FAKE_RAY_STUBBORN")
    signal.signal(signal.SIGTERM, signal.SIG_IGN if stubborn else lambda *_: end(parts))
    say("Ray runtime started.")
    while True:
        time.sleep(0.2)
        ended = [p for p in parts if p.poll() is not None and p.returncode not in WELL]
        if ended:
            say("Some Ray subprocesses exited unexpectedly")
            end(parts)


def start(options, is_head):
    logs = Path(options["temp-dir"], "session_latest", "logs")
    logs.mkdir(parents=True)
    os.environ["FAKE_RAY_LOGS"] = str(logs)
    ip = options["node-ip-address"]
    if not is_head:
        return [part("raylet", options["address"])]
    gcs = f"{ip}:{options['port']}"
    return [
        part("gcs_server", gcs),
        part("dashboard.py", options["dashboard-port"]),
        part("raylet", gcs),
    ]


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def part(name, argument):
    return subprocess.Popen([sys.executable, str(PARTS / name), argument])


def end(parts):
    for one in parts:
        one.kill()
    os._exit(1)
