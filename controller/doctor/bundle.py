"""The archive for support: facts, status, plan and logs, without a secret.

Shown is what is listed here: some fields of an application, and of its variables the values of the
marks.  Every text passes the redaction as well, which knows the values of all other variables.
"""

import gzip
import io
import json
import os
import platform
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from controller import __version__
from controller.cml.translate import SHOWN, environment, hidden
from controller.core.model.history import History
from controller.core.planner.planner import plan
from controller.core.status.documents import plan_json, status_json
from controller.core.status.status import assess
from controller.doctor.look import Found
from controller.doctor.report import checkup_json
from controller.doctor.result import Finding
from controller.doctor.state import Facts, Unread, seen, wanted
from controller.process.system import System
from controller.redaction import REDACTED
from controller.settings import CONNECTION_VARIABLES, PREFIX
from controller.telemetry import Redaction
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit

LEFT_OUT = "[left out]"
_TOP = "raycml-doctor"
# What an application is made of; the rest is shown by name alone.
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
    """The file, new and for its owner alone.  CommandError where it exists or cannot be made."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        message = f"{file} exists; it is not overwritten"
        raise CommandError(message, Exit.REFUSED, "another FILE after --bundle") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise CommandError(f"{file} cannot be written: {why}", Exit.UNEXPECTED) from None
    os.fchmod(descriptor, 0o600)
    return open(descriptor, "wb")


def write(
    out: io.BufferedWriter, machine: System, found: Found, findings: Sequence[Finding]
) -> None:
    """Everything as one compressed archive.  OSError where the disk is full."""
    redact = _redactions(machine, found)
    moment = int(found.facts.as_of.timestamp())
    with (
        out,
        gzip.GzipFile("", "wb", fileobj=out, mtime=moment) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, text in _contents(machine, found, findings):
            for one in redact:
                name, text = one(name), one(text)  # noqa: PLW2901 - each takes out its own
            _add(archive, name, text, moment)


def _add(archive: tarfile.TarFile, name: str, text: str, moment: int) -> None:
    """Without a word about who packed it."""
    data = text.encode(errors="replace")
    entry = tarfile.TarInfo(f"{_TOP}/{name}")
    entry.size, entry.mtime, entry.mode = len(data), moment, 0o600
    archive.addfile(entry, io.BytesIO(data))


def _redactions(machine: System, found: Found) -> tuple[Redaction, ...]:
    """Of what the machine knows to be secret, and of the values of variables."""
    return machine.redaction, Redaction(_values(machine.environ, found))


def _values(environ: Mapping[str, str], found: Found) -> Iterator[str]:
    yield from (value for name, value in environ.items() if _SECRET_NAME.search(name))
    for apps in found.raw.values():
        for app in apps:
            yield from hidden(environment(app.get("environment"))).values()
    for cluster in wanted(found.facts).clusters:
        for group in cluster.groups:
            yield from group.inputs.environment.values()


def _contents(
    machine: System, found: Found, findings: Sequence[Finding]
) -> Iterator[tuple[str, str]]:
    facts = found.facts
    yield "doctor.json", _json(checkup_json(findings, facts.as_of))
    yield from _state(found)
    yield "applications.json", _json({p: [_bare(a) for a in apps] for p, apps in _raw(found)})
    yield "specs.txt", _problems(facts)
    yield "versions.json", _json(_versions(facts))
    yield "settings.json", _json(_settings(machine.environ, facts))
    for path, text in sorted(found.logs.items()):
        yield f"logs/{path}", text


def _json(body: object) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False, default=str) + "\n"


def _state(found: Found) -> Iterator[tuple[str, str]]:
    """The plan and the status from the same facts; nothing is asked again."""
    facts = found.facts
    desired, observed = wanted(facts), seen(facts)
    revision = "" if isinstance(facts.specs, Unread) else facts.specs.commit or facts.specs.origin
    decided = plan(desired, observed, History(), facts.policy)
    status = assess(desired, observed, History(), facts.policy, decided, revision)
    yield "status.json", _json(status_json(status, found.url))
    yield "plan.json", _json(plan_json(decided, revision))


def _raw(found: Found) -> Iterator[tuple[str, Sequence[Mapping[str, object]]]]:
    yield from sorted(found.raw.items())


def _bare(app: Mapping[str, object]) -> dict[str, object]:
    """The application as CML gave it, as far as it may be shown."""
    variables = environment(app.get("environment"))
    shown = {name: app[name] if name in _FIELDS else LEFT_OUT for name in app}
    marks = {k: v if k in SHOWN else LEFT_OUT for k, v in variables.items()}
    return {**shown, "environment": marks}


def _problems(facts: Facts) -> str:
    if isinstance(facts.specs, Unread):
        return f"{facts.specs.why}\n"
    lines = [str(problem) for problem in facts.specs.problems]
    return "".join(f"{line}\n" for line in lines) or "no problem\n"


def _versions(facts: Facts) -> dict[str, object]:
    api = facts.specification
    return {
        "raycml": __version__,
        "launcher_edition": facts.policy.edition,
        "python": platform.python_version(),
        "system": platform.platform(),
        "git": facts.git if isinstance(facts.git, str) else None,
        "api": api if isinstance(api, str) else None,
    }


def _settings(environ: Mapping[str, str], facts: Facts) -> dict[str, object]:
    """What is in force: times and bounds by value, all else only by the name of its variable."""
    policy = facts.policy
    times = {
        name: getattr(policy, name)
        for name in policy.__dataclass_fields__
        if name.endswith(("_s", "_max", "_min"))
    }
    known = {*CONNECTION_VARIABLES, "CDSW_DOMAIN", "CDSW_APIV2_KEY", "CDSW_PROJECT_ID"}
    names = sorted(n for n in environ if n in known or n.startswith(PREFIX))
    return {"in_force": times, "variables_set": names, "redacted_as": REDACTED}
