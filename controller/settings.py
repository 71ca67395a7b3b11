"""Every knob: type, unit in the name, default, one sentence.  Read from the environment only.

`start_deadline_s` is `RAYCML_START_DEADLINE_S`, and so on.  What a spec can say does not belong
here, nor does what a command's options say.  Where CML is, is said by `CONNECTION_VARIABLES`.
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
    "CML_HOST": "Address of the workspace; otherwise CDSW_API_URL or CDSW_DOMAIN, which pods have.",
    "CML_API_KEY": "API key of a user of the project; otherwise CDSW_APIV2_KEY.",
    "CML_PROJECT_ID": "Id or exact name of the project; otherwise CDSW_PROJECT_ID.",
    "RAYCML_OWNER": "Which installation owns an application; the default is the project's id.",
    "RAYCML_EMULATOR_DIR": "Where the embedded CML keeps its state.",
}
RUN_VARIABLES: Mapping[str, str] = {
    "RAYCML_SOURCE": "What `raycml run` follows: a folder, a repository on disk, or a git URL.",
    "RAYCML_REF": "Branch, tag or commit; the default is the branch that the remote calls HEAD.",
    "RAYCML_PATH": "Folder of the specs inside the repository.",
    "RAYCML_POLL": "How often the source is looked at; 60s for git, 2s for a folder.",
    "RAYCML_INTERVAL": "Pause between passes while nothing is on its way; 30s.",
    "RAYCML_NO_PRUNE": "1: clusters whose spec is gone are reported and kept.",
    "RAYCML_ALLOW_PRUNE": "So many clusters may leave the source at once without approval.",
    "RAYCML_VERIFY_KEY": "File of the keys of which one must have signed a commit.",
    "RAYCML_PROJECTS": "Projects that specs may name, as they name them, with commas; all.",
    "RAYCML_PORT": "Port of the page on 127.0.0.1; otherwise CDSW_APP_PORT, or 8100.",
    "RAYCML_WEB_TOKEN": "With it a person may pause, approve and so on from the page.",
    "RAYCML_HOOK_SECRET": "Secret of the webhook at /hooks/git, which only wakes.",
    "RAYCML_GIT_TOKEN": "Token for a git URL over https.",
    "RAYCML_GIT_TOKEN_FILE": "File that holds the token, read anew for each look.",
}

_D = Policy(owner="", edition="")
_Duration = Annotated[float, Field(ge=0, le=7 * 86400, allow_inf_nan=False)]
_Seconds = Annotated[float, Field(gt=0, le=7 * 86400, allow_inf_nan=False)]


class SettingsError(ValueError):
    """One or more settings cannot be used; the message names each with its variable."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


def _s(default: float, sentence: str) -> float:
    made: float = Field(default=default, description=sentence)
    return made


class Settings(BaseModel):
    """All knobs; times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool_threads: int = Field(
        default=8, ge=1, le=32, description="How many members are worked on at once."
    )
    pass_pause_s: _Seconds = _s(2.0, "Pause between passes while something is on its way.")
    pass_budget_s: _Seconds = _s(
        300.0, "How long a pass of `raycml run` may begin new steps; the rest is for the next one."
    )
    prune_grace_s: _Duration = _s(
        PRUNE_GRACE_S,
        "How long `raycml run` keeps a cluster whose spec is gone; 0 deletes it at once.",
    )
    start_deadline_s: _Seconds = _s(
        _D.start_deadline_s, "How long an application may take to start."
    )
    stop_deadline_s: _Seconds = _s(_D.stop_deadline_s, "How long an application may take to stop.")
    delete_deadline_s: _Seconds = _s(
        _D.delete_deadline_s, "How long a deleted application may take to go."
    )
    join_deadline_s: _Seconds = _s(
        _D.join_deadline_s, "How long the Ray node of a running application may take to join."
    )
    settle_s: _Seconds = _s(_D.settle_s, "How long an accepted call may stay invisible in lists.")
    name_release_s: _Seconds = _s(
        _D.name_release_s, "How long a deleted application may go on holding its name."
    )
    report_fresh_s: _Seconds = _s(
        _D.report_fresh_s, "How old a head report may be and still speak of the present."
    )
    resync_s: _Seconds = _s(
        _D.resync_s, "How often something that waits for a person is tried again."
    )
    backoff_base_s: _Seconds = _s(_D.backoff_base_s, "The first pause after a try that failed.")
    backoff_max_s: _Seconds = _s(_D.backoff_max_s, "The longest pause between tries.")
    quiet_s: _Seconds = _s(_D.quiet_s, "Up for so long: earlier falls are forgotten.")
    fault_hold_s: _Seconds = _s(
        _D.fault_hold_s,
        "How long repairs are held when the platform itself seems at fault.",
    )
    launcher_kept_s: _Seconds = _s(
        _D.launcher_kept_s, "How long a launcher that nothing names is kept."
    )

    environment_kept_s: _Seconds = _s(
        _D.environment_kept_s, "How long an environment that nothing names is kept."
    )
    environment_deadline_s: _Seconds = _s(
        _D.environment_deadline_s, "How long the build of an environment may take."
    )

    def policy(self, owner: str, edition: str, builder: str = "") -> Policy:
        """A policy with these times, and no permission that a person must give."""
        others = {"pool_threads", "pass_pause_s", "pass_budget_s", "prune_grace_s"}
        times = self.model_dump(exclude=others)
        return Policy(owner=owner, edition=edition, builder=builder, **times)


def variable(name: str) -> str:
    return PREFIX + name.upper()


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of an environment.  SettingsError names everything that is wrong, at once.

    An empty variable counts as unset.  A variable that nobody knows is refused only where it looks
    like a misspelt one: other programs may use the prefix.
    """
    names = {variable(name): name for name in Settings.model_fields}
    faults = _misspelt(environ, frozenset({*names, *CONNECTION_VARIABLES, *RUN_VARIABLES}))
    given = {field: environ[name] for name, field in names.items() if environ.get(name)}
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        faults += [_fault(found["loc"], found["msg"]) for found in error.errors()]
        raise SettingsError(faults) from None
    if faults:
        raise SettingsError(faults)
    return settings


def _misspelt(environ: Mapping[str, str], known: frozenset[str]) -> list[str]:
    tails = [name.removeprefix(PREFIX) for name in sorted(known) if name.startswith(PREFIX)]
    found = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in {*known, *MARK, *BOOTSTRAP_MARKS}:
            hint = did_you_mean(name.removeprefix(PREFIX), tails)
            if hint:
                found.append(f"{name} is not a setting; {hint.replace('`', f'`{PREFIX}', 1)}")
    return found


def _fault(loc: tuple[int | str, ...], message: str) -> str:
    """Never the value: somebody may have put a secret into the wrong variable."""
    said = message.partition(",")[0].replace("Input should be ", "must be ")
    return f"{variable(str(loc[0]))} {said[:1].lower()}{said[1:]}"
