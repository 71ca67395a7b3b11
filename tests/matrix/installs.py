"""Installs of Ray for the matrix: a virtual environment for each version, built by pip once.

They lie in `.venv-rays/` of the checkout, or in the folder that RAYCML_RAYS names, and outlive the
tests.
"""

import contextlib
import fcntl
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST, NEWEST = "2.10.0", "2.60.0"
# The versions of `make matrix`, each with a Python that it has wheels for; every Python is there.
PYTHONS = {
    OLDEST: "3.11",
    "2.20.0": "3.9",
    "2.31.0": "3.10",
    "2.40.0": "3.12",
    "2.44.1": "3.11",
    "2.47.1": "3.9",
    "2.49.2": "3.13",
    "2.52.1": "3.12",
    "2.55.1": "3.10",
    "2.58.0": "3.13",
    NEWEST: "3.11",
}
# Requirements beside `ray[default]`, where the newest ones of its own do not work.
PINS: dict[str, tuple[str, ...]] = {}
_PATIENCE_S = 900


class UnavailableError(Exception):
    """A version that cannot be installed here, and the reason."""


@dataclass(frozen=True)
class Install:
    """An interpreter that has this version of Ray."""

    version: str
    python: Path

    @property
    def pins(self) -> tuple[str, ...]:
        return PINS.get(self.version, ())


def install(version: str) -> Install:
    """The install, which is built where it is absent.  Raises UnavailableError."""
    if version == NEWEST and _has(Path(sys.executable), version):
        return Install(version, Path(sys.executable))
    wanted = PYTHONS.get(version, "3.11")
    python = interpreter(wanted)
    if python is None:
        raise UnavailableError(f"Python {wanted}, for which Ray {version} has wheels, is not here")
    return _installed(version, version, python)


def with_another_patch() -> Install:
    """The newest Ray on a Python that differs from this one in its patch version alone."""
    found = [python for python in _candidates(f"3.{sys.version_info[1]}") if _runs(python)]
    versions = {_version(python): python for python in found}
    versions.pop(platform.python_version(), None)
    if not versions:
        raise UnavailableError("no Python of another patch version is here")
    version, python = versions.popitem()
    return _installed(NEWEST, f"{NEWEST}-py{version}", python)


def _installed(version: str, name: str, base: Path) -> Install:
    folder = Path(os.environ.get("RAYCML_RAYS") or ROOT / ".venv-rays") / name
    python = folder / "bin" / "python"
    with _locked(folder):
        if not _has(python, version):
            shutil.rmtree(folder, ignore_errors=True)
            _build(folder, version, base)
    return Install(version, python)


def interpreter(version: str) -> Path | None:
    """Python `3.9` or the like: of the path, or of pyenv."""
    if sys.version_info[:2] == tuple(map(int, version.split("."))):
        return Path(sys.executable)
    return next((python for python in _candidates(version) if _runs(python)), None)


def _candidates(version: str) -> list[Path]:
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    folders += [*sorted(pyenv.glob(f"{version}.*/bin"))]
    return [path for folder in folders if (path := folder / f"python{version}").exists()]


def _version(python: Path) -> str:
    code = "import platform; print(platform.python_version())"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _runs(python: Path) -> bool:
    return (
        subprocess.run([python, "-c", "import venv"], capture_output=True, check=False).returncode
        == 0
    )


def _has(python: Path, version: str) -> bool:
    code = "import importlib.metadata as m; print(m.version('ray'))"
    if not python.exists():
        return False
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() == version


def _build(folder: Path, version: str, base: Path) -> None:
    subprocess.run([base, "-m", "venv", folder], check=True, capture_output=True)
    pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q", "install"]
    packages = [f"ray[default]=={version}", *PINS.get(version, ())]
    try:
        subprocess.run(
            [*pip, *packages], capture_output=True, text=True, timeout=_PATIENCE_S, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        shutil.rmtree(folder, ignore_errors=True)
        said = str(error.stderr or error).strip()[-300:]
        raise UnavailableError(f"pip cannot install Ray {version}: {said}") from None


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Another process of the tests builds the same one meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
