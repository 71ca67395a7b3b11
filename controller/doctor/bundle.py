"""The support bundle: results, status, plan and logs, without a secret.

Only the fields listed here are shown, and of an application's variables only the values of the
marks.  Every text is redacted as well, by the values of all other variables.
"""

import gzip
import io
import json
import os
import platform
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from controller import __version__
from controller.cml.translate import SHOWN, hidden
from controller.cml.wire import environment
from controller.core.model.json_object import fields_of
from controller.core.model.policy import Policy
from controller.core.planner.planner import plan
from controller.core.status.assess import assess
from controller.core.status.documents import plan_json, status_json
from controller.doctor import state
from controller.doctor.checks.connection import api_version
from controller.doctor.checks.system import git_version
from controller.doctor.probe import NoAnswerError, Probe
from controller.doctor.report import checkup_json
from controller.doctor.result import CheckResult
from controller.files.port import FilesError, ProjectFiles, StoredFile
from controller.redaction import REDACTED
from controller.settings import CONNECTION_VARIABLES, PREFIX
from controller.telemetry import Redaction
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.specs import label

LEFT_OUT = "[left out]"
LOGS = ".raycml/logs"
LOG_LINES = 200  # of each log, the last ones
_LOGS_MAX = 200
_TOP = "raycml-doctor"
# The fields of an application that are shown; of all others only the names.
_FIELDS = frozenset(
    {
        "id",
        "name",
        "project_id",
        "subdomain",
        "script",
        "kernel",
        "runtime_identifier",
        "cpu",
        "memory",
        "nvidia_gpu",
        "status",
        "created_at",
        "updated_at",
        "starting_at",
        "running_at",
        "stopped_at",
        "bypass_authentication",
    }
)
_SECRET_NAME = re.compile(r"(?i)key|token|secret|password|passwd|authorization|credential")


def reserve(file: Path) -> io.BufferedWriter:
    """A new file that only its owner can read.  CommandError if it exists or cannot be created."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        message = f"{file} exists and is not overwritten"
        raise CommandError(message, Exit.REFUSED, "another file name after --bundle") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CommandError(f"{file} cannot be written: {why}", Exit.UNEXPECTED) from None
    os.fchmod(descriptor, 0o600)
    return open(descriptor, "wb")


def write(out: io.BufferedWriter, probe: Probe, results: Sequence[CheckResult]) -> None:
    """Write all contents as one compressed archive.  OSError if the disk is full."""
    now = probe.screen.system.clock.now()
    # Secrets that the machine knows, then the values of variables.
    redactions = (probe.screen.system.redaction, Redaction(_values(probe)))
    with (
        out,
        gzip.GzipFile("", "wb", fileobj=out, mtime=int(now.timestamp())) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, text in _contents(probe, results, now):
            for redact in redactions:
                name, text = redact(name), redact(text)  # noqa: PLW2901 - each takes out its own
            _add(archive, name, text, now)


def _add(archive: tarfile.TarFile, name: str, text: str, now: datetime) -> None:
    """Add a file without the name of a user."""
    data = text.encode(errors="replace")
    entry = tarfile.TarInfo(f"{_TOP}/{name}")
    entry.size, entry.mtime, entry.mode = len(data), int(now.timestamp()), 0o600
    archive.addfile(entry, io.BytesIO(data))


def _values(probe: Probe) -> Iterator[str]:
    """The values of variables that may be secret: of this process, of applications, of specs."""
    environ = probe.screen.system.environ
    yield from (value for name, value in environ.items() if _SECRET_NAME.search(name))
    for listing in state.answered_listings(probe).values():
        for app in listing.raw:
            yield from hidden(environment(app.get("environment"))).values()
    for cluster in probe.ask(state.desired).clusters:
        for group in cluster.groups:
            yield from group.inputs.environment.values()


def _contents(
    probe: Probe, results: Sequence[CheckResult], now: datetime
) -> Iterator[tuple[str, str]]:
    policy = probe.ask(state.policy)
    yield "doctor.json", _json(fields_of(checkup_json(results, now)))
    yield from _state(probe)
    listings = sorted(state.answered_listings(probe).items())
    yield "applications.json", _json({p: list(map(_visible, one.raw)) for p, one in listings})
    yield "specs.txt", _problems(probe)
    yield "versions.json", _json(_versions(probe, policy))
    yield "settings.json", _json(_settings(probe.screen.system.environ, policy))
    for path, text in sorted(_logs(probe).items()):
        yield f"logs/{path}", text


def _json(body: object) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False, default=str) + "\n"


def _state(probe: Probe) -> Iterator[tuple[str, str]]:
    """The plan and the status from the same answers as the checks."""
    specs, connection = probe.answer_or(None, state.specs), probe.access
    revision = "" if specs is None else label(specs)
    situation = probe.ask(state.situation)
    decided = plan(situation)
    status = assess(situation, decided, revision)
    url = str if isinstance(connection, NoAnswerError) else connection.inspector.application_url
    yield "status.json", _json(fields_of(status_json(status, url)))
    yield "plan.json", _json(fields_of(plan_json(decided, revision, status.limits)))


def _visible(app: Mapping[str, object]) -> dict[str, object]:
    variables = environment(app.get("environment"))
    fields = {name: app[name] if name in _FIELDS else LEFT_OUT for name in app}
    marks = {k: v if k in SHOWN else LEFT_OUT for k, v in variables.items()}
    return {**fields, "environment": marks}


def _problems(probe: Probe) -> str:
    specs = probe.attempt(state.specs)
    if isinstance(specs, NoAnswerError):
        return f"{specs}\n"
    return "".join(f"{problem}\n" for problem in specs.problems) or "no problem\n"


def _versions(probe: Probe, policy: Policy) -> dict[str, object]:
    return {
        "raycml": __version__,
        "launcher_edition": policy.edition,
        "python": platform.python_version(),
        "system": platform.platform(),
        "git": probe.answer_or(None, git_version),
        "api": probe.answer_or(None, api_version),
    }


def _settings(environ: Mapping[str, str], policy: Policy) -> dict[str, object]:
    """Times and bounds by value, everything else by the name of its variable."""
    times = {
        name: getattr(policy, name)
        for name in policy.__dataclass_fields__
        if name.endswith(("_s", "_max", "_min"))
    }
    connection = {*CONNECTION_VARIABLES, "CDSW_DOMAIN", "CDSW_APIV2_KEY", "CDSW_PROJECT_ID"}
    names = sorted(n for n in environ if n in connection or n.startswith(PREFIX))
    return {"in_force": times, "variables_set": names, "redacted_as": REDACTED}


def _logs(probe: Probe) -> dict[str, str]:
    """The ends of all logs, by project and path."""
    return {
        f"{project}/{log.path.removeprefix(f'{LOGS}/')}": _end(files, log.path)
        for project, files in probe.answer_or({}, state.project_files).items()
        for log in _stored_logs(files)[:_LOGS_MAX]
    }


def _stored_logs(files: ProjectFiles) -> list[StoredFile]:
    try:
        folders = [one.path for one in files.listing(LOGS) if one.is_dir]
        entries = [one for folder in folders for one in files.listing(folder)]
    except FilesError:
        return []
    return [one for one in entries if one.name.endswith(".log") and not one.is_dir]


def _end(files: ProjectFiles, path: str) -> str:
    try:
        data = files.read(path) or b""
    except FilesError as error:
        data = f"not read: {error}".encode()
    lines = data.decode(errors="replace").splitlines()[-LOG_LINES:]
    return "".join(f"{line}\n" for line in lines)
