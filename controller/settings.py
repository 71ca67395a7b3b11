"""Settings: type, unit in the name, default, one sentence.  Read from the environment only.

`start_deadline_s` is `RAYCML_START_DEADLINE_S`, and so on.  Fields of a spec and options of a
command are not settings.  `CONNECTION_VARIABLES` locate the workspace.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from controller.core.model.grace import PRUNE_GRACE_S
from controller.core.model.member import BOOTSTRAP_MARKS, MARK
from controller.core.model.policy import Policy
from controller.core.spec.suggestions import did_you_mean

PREFIX = "RAYCML_"

CONNECTION_VARIABLES: Mapping[str, str] = {
    "CML_HOST": "Address of the workspace; in CML's pods, CDSW_API_URL or CDSW_DOMAIN.",
    "CML_API_KEY": "API key of a user of the project; in CML's pods, CDSW_APIV2_KEY.",
    "CML_PROJECT_ID": "ID or exact name of the project; in CML's pods, CDSW_PROJECT_ID.",
    "RAYCML_OWNER": "This installation's name in owner marks; default: the project's ID.",
    "RAYCML_EMULATOR_DIR": "Folder for the state of the local CML emulator.",
}
RUN_VARIABLES: Mapping[str, str] = {
    "RAYCML_SOURCE": "Source for `raycml run`: a folder, a repository on disk, or a git URL.",
    "RAYCML_REF": "Branch, tag or commit; default: the remote's HEAD.",
    "RAYCML_PATH": "Folder of the specs in the repository.",
    "RAYCML_POLL": "Interval for polling the source; default: 60s for git, 2s for a folder.",
    "RAYCML_INTERVAL": "Interval between passes while nothing is pending; default: 30s.",
    "RAYCML_NO_PRUNE": "1: report clusters whose spec was removed instead of deleting them.",
    "RAYCML_ALLOW_PRUNE": "Number of clusters that one revision may remove without approval.",
    "RAYCML_VERIFY_KEY": "File with the public keys that are allowed to sign commits.",
    "RAYCML_PROJECTS": "Projects that specs may name, separated by commas; default: all.",
    "RAYCML_PORT": "Port of the status page on 127.0.0.1; else CDSW_APP_PORT, else 8100.",
    "RAYCML_WEB_TOKEN": "Secret that enables pause, approve and reconcile on the status page.",
    "RAYCML_HOOK_SECRET": "Secret of the webhook at /hooks/git, which only triggers a pass.",
    "RAYCML_GIT_TOKEN": "Token for a git URL over https.",
    "RAYCML_GIT_TOKEN_FILE": "File with the token, read again for each fetch.",
}

_D = Policy(owner="", edition="")
_Duration = Annotated[float, Field(ge=0, le=7 * 86400, allow_inf_nan=False)]
_Seconds = Annotated[float, Field(gt=0, le=7 * 86400, allow_inf_nan=False)]


class SettingsError(ValueError):
    """One or more invalid settings; the message names each by its variable."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class Settings(BaseModel):
    """All settings; times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    pool_threads: int = Field(default=8, ge=1, le=32)
    """Number of members that are changed in parallel."""
    pass_pause_s: _Seconds = 2.0
    """Interval between passes while something is pending."""
    pass_budget_s: _Seconds = 300.0
    """Time in which a pass of `raycml run` starts new steps; the rest wait for the next pass."""
    prune_grace_s: _Duration = PRUNE_GRACE_S
    """Time until `raycml run` deletes a cluster whose spec was removed; 0: immediately."""
    start_deadline_s: _Seconds = _D.start_deadline_s
    """Timeout for the start of an application."""
    stop_deadline_s: _Seconds = _D.stop_deadline_s
    """Timeout for the stop of an application."""
    delete_deadline_s: _Seconds = _D.delete_deadline_s
    """Timeout for the deletion of an application."""
    join_deadline_s: _Seconds = _D.join_deadline_s
    """Timeout for the Ray node of a running application to join."""
    settle_s: _Seconds = _D.settle_s
    """Time until an accepted call must be visible in lists."""
    name_release_s: _Seconds = _D.name_release_s
    """Time until the name of a deleted application is free again."""
    report_fresh_s: _Seconds = _D.report_fresh_s
    """Age up to which a head report counts as current, at most; it is three of its own periods."""
    node_lost_s: _Seconds = _D.node_lost_s
    """Time until a running member whose Ray node is lost is restarted."""
    gcs_deadline_s: _Seconds = _D.gcs_deadline_s
    """Time until a head is restarted that reports that its GCS does not answer."""
    resync_s: _Seconds = _D.resync_s
    """Interval for retrying what needs manual action."""
    backoff_base_s: _Seconds = _D.backoff_base_s
    """First delay after a failed attempt."""
    backoff_max_s: _Seconds = _D.backoff_max_s
    """Longest delay between attempts."""
    quiet_s: _Seconds = _D.quiet_s
    """Uptime after which the restart count is reset."""
    fault_hold_s: _Seconds = _D.fault_hold_s
    """Time for which repairs stop after too many members fail at once."""
    launcher_kept_s: _Seconds = _D.launcher_kept_s
    """Time until an unused launcher is removed."""
    environment_kept_s: _Seconds = _D.environment_kept_s
    """Time until an unused Python environment is removed."""
    environment_deadline_s: _Seconds = _D.environment_deadline_s
    """Timeout for the build of a Python environment."""

    def policy(self, owner: str, edition: str, builder: str = "") -> Policy:
        """A policy with these times, and without permissions that a user must give."""
        excluded = {"pool_threads", "pass_pause_s", "pass_budget_s", "prune_grace_s"}
        times = self.model_dump(exclude=excluded)
        return Policy(owner=owner, edition=edition, builder=builder, **times)


def variable(name: str) -> str:
    return PREFIX + name.upper()


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in these variables.  SettingsError lists every invalid one.

    A blank variable counts as unset.  An unknown variable is refused only if it looks like a
    misspelt setting: other programs may use the prefix.
    """
    names = {variable(name): name for name in Settings.model_fields}
    faults = _misspelt(environ, frozenset({*names, *CONNECTION_VARIABLES, *RUN_VARIABLES}))
    garbled = form_faults(environ)
    faults += garbled.values()
    values = {
        field: environ[name]
        for name, field in names.items()
        if environ.get(name, "").strip() and name not in garbled
    }
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        faults += [_fault(each["loc"], each["msg"]) for each in error.errors()]
        raise SettingsError(faults) from None
    if faults:
        raise SettingsError(faults)
    return settings


def form_faults(environ: Mapping[str, str]) -> dict[str, str]:
    """A sentence for each variable of raycml that holds a browser's event instead of its text, by
    name.  Forms of AMPs were observed to store one."""
    names = {*map(variable, Settings.model_fields), *CONNECTION_VARIABLES, *RUN_VARIABLES}
    return {
        name: f"{name} holds what a form stored in place of the text: re-type it"
        for name in sorted(names)
        if _is_event(environ.get(name, ""))
    }


def _is_event(value: str) -> bool:
    text = "".join(value.split())
    return text.startswith('{"isTrusted"') or text == "[objectObject]"


def _misspelt(environ: Mapping[str, str], settings: frozenset[str]) -> list[str]:
    tails = [name.removeprefix(PREFIX) for name in sorted(settings) if name.startswith(PREFIX)]
    faults = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in {*settings, *MARK, *BOOTSTRAP_MARKS}:
            hint = did_you_mean(name.removeprefix(PREFIX), tails)
            if hint:
                faults.append(f"{name} is not a setting; {hint.replace('`', f'`{PREFIX}', 1)}")
    return faults


def _fault(loc: tuple[int | str, ...], message: str) -> str:
    """Without the value, since a secret may be in the wrong variable."""
    text = message.partition(",")[0].replace("Input should be ", "must be ")
    return f"{variable(str(loc[0]))} {text[:1].lower()}{text[1:]}"
