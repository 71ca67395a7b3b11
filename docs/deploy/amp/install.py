"""Build of the controller's environment in a CML project; a job runs this in the root of a clone.

The environment is a copy, named after the content of the clone: a `git pull` changes nothing that
runs, and another run of this job builds only what is new.  `run.py` uses the environment that
`current` names.  Older ones stay until the next build, because the controller can still run in one.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(".raycml/controller")
CURRENT = FOLDER / "current"
INSTALLED = ("pyproject.toml", "constraints.txt", "README.md")


def main() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - the runtime of a job may be any
        raise SystemExit("raycml: choose a runtime with Python 3.11 or newer for this job")
    name = content_name()
    place = FOLDER / name
    before = CURRENT.read_text().strip() if CURRENT.exists() else ""
    if name == before and (place / "bin" / "raycml").exists():
        print(f"raycml: {place} is up to date")
        return
    print(f"raycml: building {place}")
    build(place.absolute())
    written = CURRENT.with_name("current.new")
    written.write_text(name + "\n")
    written.replace(CURRENT)
    remove_all_but({name, before})
    print(f"raycml: {place} is built; restart the application of the controller to use it")


def content_name() -> str:
    """A hash of everything that is installed."""
    files = [Path(name) for name in INSTALLED]
    files += sorted(p for p in Path("controller").rglob("*") if p.is_file() and p.suffix != ".pyc")
    if not all(file.is_file() for file in files[: len(INSTALLED)]):
        raise SystemExit("raycml: run this from the root of a clone of raycml")
    digest = hashlib.sha256(sys.version.encode())
    for file in files:
        digest.update(f"\0{file}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def build(place: Path) -> None:
    python = place / "bin" / "python"
    quietly = ["--quiet", "--disable-pip-version-check"]
    run([sys.executable, "-m", "venv", "--clear", place])
    run([python, "-m", "pip", "install", *quietly, "-c", "constraints.txt", "."])
    run([place / "bin" / "raycml", "--version"])


def run(command: list[object]) -> None:
    """Runs without PIP_USER, which fails in a virtual environment, and without CML's PYTHONPATH."""
    kept = {n: v for n, v in os.environ.items() if n not in {"PYTHONPATH", "PYTHONHOME"}}
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        env={**kept, "PIP_USER": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    sys.stdout.write(done.stdout.decode(errors="replace"))
    if done.returncode != 0:
        raise SystemExit(f"raycml: `{' '.join(words)}` failed, exit code {done.returncode}")


def remove_all_but(names: set[str]) -> None:
    for entry in FOLDER.iterdir():
        if entry.is_dir() and entry.name not in names:
            shutil.rmtree(entry, ignore_errors=True)


main()
