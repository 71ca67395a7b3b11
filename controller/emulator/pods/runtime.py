"""The runtime of pods: interpreter, user, home, and the programs on their path.

A virtual environment in the state folder that sees the packages of the interpreter below it and
the project's `~/.local`, so that `pip install` in a pod goes there, as in CML, also where raycml
itself runs in a virtual environment.  The packages beside raycml come last, for scripts alone.
"""

import contextlib
import importlib.util
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from controller.emulator.pods import kernel, namespace

PROBE_S = 10.0
USERNAME = "cdsw"
BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that name the trusted certificates, of OpenSSL, requests and curl."""
CLIENTS = {
    "cmlapi": (
        "cmlapi, the client of CML's API, is not part of the CML emulator: take it from a CML "
        "workspace, pip install https://WORKSPACE/api/v2/python.tar.gz"
    ),
    "cdsw": (
        "cdsw, the library of CML's runtimes, is not part of the CML emulator, "
        "and speaks CML's API v1, which the emulator does not have"
    ),
    "cml": (
        "cml, the library of CML's runtimes, is not part of the CML emulator, "
        "and speaks CML's API v1, which the emulator does not have"
    ),
}
"""Message by module that a runtime of CML has, and a pod does not."""
# Comes last, so that a package of this name that the user has installed is found first.
_MISSING_CLIENTS = f'''\
"""Says where to get the modules that runtimes of CML have."""

import sys

MESSAGES = {CLIENTS!r}


class MissingClients:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in MESSAGES:
            raise ModuleNotFoundError(MESSAGES[name], name=name)


sys.meta_path.append(MissingClients)
'''


@dataclass(frozen=True, slots=True)
class Runtime:
    """The programs for a pod.

    `folders` hold packages for scripts alone; `mode` is that of `namespace.py`, empty without a
    namespace; `accounts` is a folder with `passwd` and `group`; `remark` is the text for people;
    `bundle` has the certificates to trust, if not those of the machine.
    """

    python: Path
    folders: tuple[str, ...]
    mode: str
    accounts: Path
    remark: str
    bundle: Path | None = None

    def command(self, script: str, engine_id: str, home: Path) -> list[str]:
        """The command of a pod's kernel."""
        program = str(Path(kernel.__file__).resolve())
        connection = f"{self.home(home)}/.local/share/jupyter/runtime/kernel-{engine_id}.json"
        command = [str(self.python), "-u", program, script, connection, *self.folders]
        if not self.mode:
            return command
        return [*_namespace(self.mode, home, self.accounts), *command]

    def home(self, home: Path) -> str:
        """The project's home as the pod sees it."""
        return namespace.CDSW if self.mode else str(home)

    def path(self, home: Path) -> str:
        """The PATH of a pod."""
        own = (f"{self.home(home)}/.local/bin", str(self.python.parent))
        return os.pathsep.join((*own, os.environ.get("PATH", os.defpath)))

    def addons(self, *, hides_ray: bool) -> str:
        """PYTHONPATH of a pod: the packages of a runtime add-on, as CML puts them there."""
        name = "cmladdon-ray" if hides_ray else "cmladdon-hadoop"
        return str(self.accounts / "runtime-addons" / name / "site-packages")

    def account(self, home: Path) -> Mapping[str, str]:
        """The variables of a pod's user."""
        seen = self.home(home)
        account = {"HOME": seen, "PWD": seen, "USER": USERNAME, "LOGNAME": USERNAME}
        trusted = dict.fromkeys(BUNDLES, str(self.bundle)) if self.bundle else {}
        return {**account, **trusted}


def _namespace(mode: str, home: Path, accounts: Path) -> list[str]:
    program = str(Path(namespace.__file__).resolve())
    return [sys.executable, "-I", "-S", program, mode, str(home), str(accounts)]


def prepare(folder: Path, *, own_home: bool, bundle: Path | None = None) -> Runtime:
    """Create the runtime in `folder`; `own_home`: with `/home/cdsw`, where Linux allows it."""
    python = _environment(folder)
    _write_accounts(folder)
    _write_addons(folder)
    mode, reason = _mode(folder) if own_home else ("", "pod_home is false")
    packages = tuple(
        path for path in sys.path if Path(path).name in {"site-packages", "dist-packages"}
    )
    home = f"{namespace.CDSW} is the project" if mode else f"no {namespace.CDSW}: {reason}"
    ipython = "IPython" if importlib.util.find_spec("IPython") else "no IPython"
    return Runtime(python, packages, mode, folder, f"{ipython}; {home}", bundle)


def _write_addons(folder: Path) -> None:
    """Runtime add-ons: one with a module that nothing else has, and one that hides Ray."""
    modules = {
        ("cmladdon-hadoop", "cmladdon_hadoop.py"): '"""A module of a runtime add-on."""\n',
        ("cmladdon-ray", "ray.py"): 'raise ImportError("this ray is of a runtime add-on")\n',
    }
    for (addon, name), text in modules.items():
        packages = folder / "runtime-addons" / addon / "site-packages"
        packages.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text(text, encoding="utf-8")


def _environment(folder: Path) -> Path:
    """The interpreter of a new virtual environment; this one where that cannot be made."""
    try:
        builder = venv.EnvBuilder(system_site_packages=True, clear=True, symlinks=True)
        builder.create(folder)
    except (OSError, subprocess.SubprocessError):
        return Path(sys.executable)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "missing_clients.py").write_text(_MISSING_CLIENTS, encoding="utf-8")
    (packages / "missing_clients.pth").write_text("import missing_clients\n", encoding="utf-8")
    pip = importlib.util.find_spec("pip")
    for place in (pip.submodule_search_locations or ()) if pip is not None else ():
        (packages / "pip").symlink_to(place)
    for name in ("pip", "pip3"):
        program = folder / "bin" / name
        program.write_text('#!/bin/sh\nexec python3 -m pip "$@"\n', encoding="utf-8")
        program.chmod(0o755)
    return folder / "bin" / "python3"


def _write_accounts(folder: Path) -> None:
    """The machine's accounts without its own `cdsw`, and that of the pod."""
    own = {
        "passwd": f"{USERNAME}:x:{namespace.CDSW_ID}:{namespace.CDSW_ID}::{namespace.CDSW}:",
        "group": f"{USERNAME}:x:{namespace.CDSW_ID}:",
    }
    (folder / "bin").mkdir(parents=True, exist_ok=True)
    for name, line in own.items():
        with contextlib.suppress(OSError):
            lines = Path(f"/etc/{name}").read_text(encoding="utf-8").splitlines()
            others = [other for other in lines if not other.startswith(f"{USERNAME}:")]
            shell = "/bin/sh" if name == "passwd" else ""
            text = "\n".join([f"{line}{shell}", *others, ""])
            (folder / name).write_text(text, encoding="utf-8")


def _mode(folder: Path) -> tuple[str, str]:
    """The mode that Linux allows here, or the reason against."""
    reason = ""
    modes: Sequence[str] = (namespace.USER, namespace.MOUNT)
    for mode in modes[: 2 if os.getuid() == 0 else 1]:
        try:
            tried = subprocess.run(
                _namespace(mode, folder / "bin", folder),
                capture_output=True,
                text=True,
                timeout=PROBE_S,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            return "", str(error)
        if tried.returncode == 0:
            return mode, ""
        reason = reason or tried.stderr.strip().rpartition(f"no {namespace.CDSW}: ")[2]
    return "", reason or "not allowed here"
