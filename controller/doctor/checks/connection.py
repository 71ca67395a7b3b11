"""Checks of the connection to CML: variables, API, version, clock, key."""

import re
from collections.abc import Iterator, Sequence
from statistics import median

from controller.doctor import state
from controller.doctor.probe import ApiCall, NoAnswerError, Probe, attempt
from controller.doctor.result import Cause, CheckResult, bad, good, skipped, unknown, warning

PING = "ping"
PINGS = 5
SLOW_S = 1.0
SKEW_WARNING_S = 5.0
API_OLDEST = (24, 5)
_NEW_KEY = "create a new key (User Settings > API Keys), and set CML_API_KEY to it"
_REACH = "check CML_HOST, the network and any proxy in between"

# A part of OpenSSL's message, its meaning and the fix.  The first match counts.
_TLS: tuple[tuple[str, str, str], ...] = (
    (
        "mismatch, certificate is not valid",
        "the certificate is for another host",
        "set CML_HOST to the name in the certificate",
    ),
    ("has expired", "the certificate has expired", "ask the workspace administrator to renew it"),
    (
        "CERTIFICATE_VERIFY",
        "the certificate is not trusted",
        "pass the certificate of the authority that signed it, a PEM file, with --ca-cert",
    ),
    (
        "WRONG_VERSION_NUMBER",
        "the server does not speak TLS",
        "correct the scheme or the port in CML_HOST",
    ),
    ("[SSL", "TLS failed", "check CML_HOST, and whether a proxy in between terminates TLS"),
)


def host(probe: Probe) -> str:
    return probe.connection.inspector.address.authority


def connection(probe: Probe) -> Iterator[CheckResult]:
    name = probe.attempt(host)
    if not isinstance(name, NoAnswerError):
        yield good(f"address, key and project are set; the host is {name}")
    elif "--ca-cert" in name.why:
        yield bad(name.why, "pass a readable PEM file with --ca-cert")
    else:
        fix = "export CML_HOST, CML_API_KEY and CML_PROJECT_ID, or use the local emulator: --local"
        yield bad(name.why, fix)


# The API


def api_version(probe: Probe) -> str:
    return probe.connection.inspector.describe()


def calls(probe: Probe) -> tuple[ApiCall, ...]:
    """The first calls: the API's description, which needs no key, then pings."""
    probe.attempt(api_version)
    for _ in range(PINGS):
        answer = attempt(probe.connection.inspector.ping)
        if isinstance(answer, NoAnswerError) and answer.kind in ("Unavailable", "Throttled"):
            break
    return tuple(probe.connection.calls)


def api(probe: Probe) -> Iterator[CheckResult]:
    first = probe.ask(calls)
    yield api_result(probe.ask(host), first, probe.attempt(api_version))


def api_result(host: str, calls: Sequence[ApiCall], version: str | NoAnswerError) -> CheckResult:
    """A web page instead of an answer is the key's fault if the description could be read, and
    otherwise the address's."""
    pings = [call for call in calls if call.operation == PING]
    answered = [call for call in pings if call.is_answer]
    if not answered and isinstance(version, NoAnswerError):
        if any(call.is_foreign for call in calls):
            message = f"{host} is not a CML workspace: it returned a web page or a foreign answer"
            fix = "set CML_HOST to the address of the workspace, without a path"
            return bad(message, fix, Cause.UNREACHABLE)
        return _unreachable(version.why)
    lost = sum(not call.is_answer and not call.is_foreign for call in pings)
    times = [call.seconds for call in answered or calls]
    return _latency(median(times) if times else 0.0, len(pings), lost)


def _unreachable(why: str) -> CheckResult:
    matches = ((f"{meaning} ({why})", fix) for part, meaning, fix in _TLS if part in why)
    message, fix = next(matches, (why, _REACH))
    return bad(message, fix, Cause.UNREACHABLE)


def _latency(seconds: float, tries: int, lost: int) -> CheckResult:
    message = f"CML answers in {seconds * 1000:.0f} ms (median of {tries - lost})"
    if lost:
        fix = "run it again; if calls keep failing, ask the workspace administrator"
        return warning(f"{lost} of {tries} calls failed; {message}", fix)
    if seconds > SLOW_S:
        return warning(message, "check the network between this machine and the workspace")
    return good(message)


def version(probe: Probe) -> Iterator[CheckResult]:
    reported = probe.ask(api_version)
    oldest = f"{API_OLDEST[0]}.{API_OLDEST[1]:02}"
    digits = re.match(r"(\d{1,9})\.(\d{1,9})", reported)
    if digits is None:
        yield unknown(f"the API reports an unreadable version: {reported!r}")
    elif (int(digits[1]), int(digits[2])) < API_OLDEST:
        fix = f"upgrade the workspace: raycml is written for API {oldest} and newer"
        yield warning(f"API {reported} is older than {oldest}", fix)
    else:
        yield good(f"API {reported}")


def clock(probe: Probe) -> Iterator[CheckResult]:
    skews = [call.skew_s for call in probe.ask(calls) if call.skew_s is not None]
    if not skews:
        yield skipped("no answer from CML has a date")
        return
    in_force, _ = probe.ask(state.settings)
    skew = median(skews)
    message = f"this clock is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} CML's"
    fix = "synchronize this machine's clock with NTP"
    # A head report is valid for `report_fresh_s`; clocks may use up two thirds of that.
    if abs(skew) > in_force.report_fresh_s * 2 / 3:
        yield bad(f"{message}, so head reports look outdated or from the future", fix)
    elif abs(skew) > SKEW_WARNING_S:
        yield warning(message, fix)
    else:
        yield good(f"within {abs(skew):.0f} s of CML's clock")


# The key


def key_user(probe: Probe) -> str:
    """The name of the key's user."""
    return probe.connection.inspector.key_user()


def key(probe: Probe) -> Iterator[CheckResult]:
    yield key_result(probe.attempt(key_user), probe.ask(calls))


def key_result(user: str | NoAnswerError, calls: Sequence[ApiCall]) -> CheckResult:
    """A CML before 25.04 cannot check a key: there, the answers to other calls decide."""
    if not isinstance(user, NoAnswerError):
        return good(f"valid for the API; its user is {user}")
    if user.kind == "Unauthorized":
        return _refused(user.status, user.why)
    if user.kind not in ("NotFound", "Malformed", "Rejected"):
        return skipped(user)
    pings = [call for call in calls if call.operation == PING]
    if any(call.error is None for call in pings):
        return good("accepted; this CML does not report its audience")
    refused = next((call for call in pings if call.error == "Unauthorized"), None)
    return skipped(user) if refused is None else _refused(refused.status, user.why)


def _refused(status: int | None, why: str) -> CheckResult:
    if status == 403:
        message = "CML knows the key, but it is not for the API: it has another audience"
        fix = "create a key with the audience `API` (User Settings > API Keys) for CML_API_KEY"
        return bad(message, fix, Cause.KEY)
    if status == 401:
        return bad("CML rejects it: wrong, expired or revoked", _NEW_KEY, Cause.KEY)
    return bad(why, _NEW_KEY, Cause.KEY)
