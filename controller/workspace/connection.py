"""Connection of a command: workspace, key and project, from variables or the local emulator.

Nothing here calls CML.  All missing variables are reported together.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from controller.core.model.member import OWNER
from controller.emulator import daemon
from controller.process.system import System, user_folder
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit

# Variables that a user sets, then those in every pod of CML.  CDSW_API_URL is the API's address in
# a pod; CDSW_DOMAIN is the domain of applications, without scheme and path.
_NAMES = (
    ("CML_HOST", "CDSW_API_URL", "CDSW_DOMAIN"),
    ("CML_API_KEY", "CDSW_APIV2_KEY"),
    ("CML_PROJECT_ID", "CDSW_PROJECT_ID"),
)
_EXAMPLES = ("CML_HOST=https://...", "CML_API_KEY=...", "CML_PROJECT_ID=ID|NAME")


_NO_POD_KEY = (
    ", and this pod has no CDSW_APIV2_KEY: the API v2 may not be enabled in this workspace; "
    "ask its administrator"
)
_UNUSED = "--local ignores CML_HOST and CML_PROJECT_ID, which belong to another workspace"


@dataclass(frozen=True, slots=True)
class Where:
    """A workspace and project.  `domain`: the domain of applications, if not the host.

    `home` is the project's home folder if this process runs in a pod of the project.  `ca_cert` is
    the emulator's own authority.  `remark` names variables that are set but ignored.  `is_local`:
    it is the local emulator.
    """

    host: str
    api_key: SecretStr
    project: str
    owner: str | None = None
    domain: str | None = None
    home: tuple[str, Path] | None = None
    ca_cert: Path | None = None
    remark: str = ""
    is_local: bool = False


def locate(system: System, *, local: bool, any_project: bool = False) -> Where:
    """The configured workspace and project.  CommandError names every missing variable.

    `any_project`: the command names its project itself, so the connection's may be missing.
    """
    if local:
        where = embedded(system.environ, daemon.start(state_dir(system.environ)))
    else:
        where = _workspace(system.environ, any_project=any_project)
    system.redaction.add(where.api_key.get_secret_value())
    return where


def _workspace(environ: Mapping[str, str], *, any_project: bool) -> Where:
    host, key, project = values = [_first(environ, names) for names in _NAMES]
    needed = _NAMES[:2] if any_project else _NAMES
    lacking = [names[0] for names, value in zip(needed, values, strict=False) if not value]
    if lacking:
        in_pod = bool(environ.get("CDSW_ENGINE_ID")) and not key
        raise CommandError(
            f"no connection to CML: {_listed(lacking)} not set{_NO_POD_KEY if in_pod else ''}",
            Exit.USAGE,
            f"export {' '.join(_EXAMPLES[: len(needed)])}, or use the local emulator: --local",
        )
    domain = environ.get("CDSW_DOMAIN") if not environ.get("CML_HOST") else None
    return Where(
        host=host,
        api_key=SecretStr(key),
        project=project,
        owner=environ.get(OWNER, "").strip() or None,
        domain=domain,
        home=_home(environ),
    )


def _first(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    """The first non-empty variable; empty without any."""
    return next((value for name in names if (value := environ.get(name, "").strip())), "")


def _listed(names: list[str]) -> str:
    verb = "is" if len(names) == 1 else "are"
    return f"{', '.join(names[:-1])}{' and ' if names[1:] else ''}{names[-1]} {verb}"


def _home(environ: Mapping[str, str]) -> tuple[str, Path] | None:
    """Project ID and home folder, only in a pod, where CML sets CDSW_ENGINE_ID."""
    project, home = environ.get("CDSW_PROJECT_ID"), environ.get("HOME")
    if not project or not home or not environ.get("CDSW_ENGINE_ID"):
        return None
    return (project, Path(home)) if Path(home).is_dir() else None


def state_dir(environ: Mapping[str, str]) -> Path:
    """The folder for the emulator's state."""
    if chosen := environ.get("RAYCML_EMULATOR_DIR"):
        return Path(chosen)
    return user_folder(environ, "XDG_STATE_HOME", ".local/state") / "emulator"


def embedded(environ: Mapping[str, str], emulator: daemon.Connection) -> Where:
    """The local emulator.  CML_PROJECT_ID applies, unless CML_HOST names another workspace."""
    host, named = (environ.get(name, "").strip() for name in ("CML_HOST", "CML_PROJECT_ID"))
    elsewhere = host.rstrip("/") not in ("", emulator.url)
    return Where(
        host=emulator.url,
        api_key=SecretStr(emulator.api_key),
        project=emulator.project_id if elsewhere or not named else named,
        owner=environ.get(OWNER) or None,
        domain=emulator.domain,
        ca_cert=emulator.ca_cert,
        remark=_UNUSED if elsewhere and named else "",
        is_local=True,
    )
