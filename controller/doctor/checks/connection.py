"""Checks of this machine and of the way to CML: settings, specs, git, address, clock, key."""

import re
from collections.abc import Iterator, Sequence
from statistics import median

from controller.doctor.result import (
    Cause,
    Finding,
    Result,
    bad,
    good,
    not_checked,
    unknown,
    warning,
)
from controller.doctor.state import Facts, Sample, Unread

PING = "ping"
SLOW_S = 1.0
SKEW_WARNING_S = 5.0
GIT_OLDEST = (2, 31)
API_OLDEST = (24, 5)
_PROBLEMS_SHOWN = 20
_NEW_KEY = "put a new key (User Settings > API Keys) into CML_API_KEY"
_REACH = "check CML_HOST, the network and any proxy on the way"

# What OpenSSL says, in part, and what it means to a person.  The first that fits.
_TLS: tuple[tuple[str, str, str], ...] = (
    (
        "mismatch, certificate is not valid",
        "the certificate is for another host",
        "correct CML_HOST: it has to be the name that the certificate bears",
    ),
    (
        "has expired",
        "the certificate has expired",
        "ask the workspace's admin to renew it",
    ),
    (
        "CERTIFICATE_VERIFY",
        "the certificate is not trusted",
        "give the authority that signed it, as a PEM file, with --ca-cert",
    ),
    (
        "WRONG_VERSION_NUMBER",
        "what answers there does not speak TLS",
        "correct the scheme or the port in CML_HOST",
    ),
    ("[SSL", "TLS fails", "check CML_HOST, and whether a proxy on the way breaks TLS open"),
)


def settings(facts: Facts) -> Iterator[Finding]:
    for problem in facts.settings:
        yield bad("settings", problem, "correct the variable, or unset it")
    if not facts.settings:
        yield good("settings", "every setting is known and in its bounds")


def specs(facts: Facts) -> Iterator[Finding]:
    found = facts.specs
    if isinstance(found, Unread):
        yield _no_specs(found)
        return
    for problem in found.problems[:_PROBLEMS_SHOWN]:
        yield bad("specs", str(problem), "correct it, then `raycml validate`", Cause.SPEC)
    more = len(found.problems) - _PROBLEMS_SHOWN
    if more > 0:
        yield bad("specs", f"{more} more problems", "`raycml validate` names all", Cause.SPEC)
    if not found.problems:
        yield good("specs", f"{found.origin}: {len(found.clusters)} valid")


def _no_specs(found: Unread) -> Finding:
    if found.kind:
        fix = "name the files or folders of the specs, or write one: `raycml init`"
        return bad("specs", found.why, fix, Cause.SOURCE)
    return unknown("specs", found.why)


def git(facts: Facts) -> Iterator[Finding]:
    fix = "install git, if `raycml run` is to follow a git repository"
    if isinstance(facts.git, Unread):
        yield warning("git", facts.git.why, fix)
        return
    digits = re.search(r"(\d{1,9})\.(\d{1,9})", facts.git)
    found = (int(digits[1]), int(digits[2])) if digits else (0, 0)
    if found >= GIT_OLDEST:
        yield good("git", facts.git)
    else:
        oldest = ".".join(map(str, GIT_OLDEST))
        yield warning("git", f"{facts.git} is older than {oldest}", fix)


def address(facts: Facts) -> Iterator[Finding]:
    if isinstance(facts.host, Unread):
        yield bad("connection", facts.host.why, _connection_fix(facts.host.why))
    else:
        yield good("connection", f"address, key and project are given; the host is {facts.host}")


def _connection_fix(why: str) -> str:
    if "--ca-cert" in why:
        return "give a readable PEM file with --ca-cert"
    return "export CML_HOST, CML_API_KEY and CML_PROJECT_ID, or add --local for the embedded CML"


def api(facts: Facts) -> Iterator[Finding]:
    yield reach(facts.host, facts.samples, facts.specification)


def reach(host: str | Unread, samples: Sequence[Sample], specification: str | Unread) -> Finding:
    """Whether there is a CML at the address, and how quick it is.

    A page instead of an answer is the key's fault where the specification, which asks for no key,
    could be read, and the address's where it could not.
    """
    if isinstance(host, Unread):
        return not_checked("api", host)
    asked = [sample for sample in samples if sample.operation == PING]
    answered = [sample for sample in asked if sample.is_answer]
    if not answered and isinstance(specification, Unread):
        if any(sample.is_page for sample in samples):
            message = f"{host} is not a CML: it answers with a page or in another way than CML does"
            fix = "correct CML_HOST: the address of the workspace, without a path"
            return bad("api", message, fix, Cause.UNREACHABLE)
        return _unreachable(specification.why)
    times = [sample.seconds for sample in answered or samples]
    return _pace(median(times) if times else 0.0, len(asked), len(asked) - _reached(asked))


def _reached(asked: Sequence[Sample]) -> int:
    return sum(1 for sample in asked if sample.is_answer or sample.is_page)


def _unreachable(why: str) -> Finding:
    for part, meaning, fix in _TLS:
        if part in why:
            return bad("api", f"{meaning} ({why})", fix, Cause.UNREACHABLE)
    return bad("api", why, _REACH, Cause.UNREACHABLE)


def _pace(seconds: float, tries: int, failed: int) -> Finding:
    message = f"CML answers in {seconds * 1000:.0f} ms (median of {tries - failed})"
    if failed:
        fix = "run it again; if that stays, ask the workspace's admin about its gateway"
        return warning("api", f"{failed} of {tries} calls failed; {message}", fix)
    if seconds > SLOW_S:
        return warning("api", message, "look at the network between here and the workspace")
    return good("api", message)


def version(facts: Facts) -> Iterator[Finding]:
    found = facts.specification
    if isinstance(found, Unread):
        yield not_checked("version", found)
        return
    digits = re.match(r"(\d{1,9})\.(\d{1,9})", found)
    if digits is None:
        yield unknown("version", f"the API says no version that can be read: {found!r}")
    elif (int(digits[1]), int(digits[2])) < API_OLDEST:
        fix = "have the workspace upgraded: 24.05 is the oldest API that raycml was written for"
        yield warning("version", f"API {found} is older than 24.05", fix)
    else:
        yield good("version", f"API {found}")


def clock(facts: Facts) -> Iterator[Finding]:
    """A head report is believed for `report_fresh_s`; clocks may eat two thirds of that."""
    told = [sample.skew_s for sample in facts.samples if sample.skew_s is not None]
    if not told:
        yield unknown("clock", "not checked: no answer of CML told the time")
        return
    skew = median(told)
    message = f"this clock is {abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} CML's"
    fix = "set this machine's clock, by NTP"
    if abs(skew) > facts.policy.report_fresh_s * 2 / 3:
        yield bad("clock", f"{message}: head reports would look old or of the future", fix)
    elif abs(skew) > SKEW_WARNING_S:
        yield warning("clock", message, fix)
    else:
        yield good("clock", f"it agrees with CML's within {abs(skew):.0f} s")


def key(facts: Facts) -> Iterator[Finding]:
    yield admission(facts.key, facts.samples)


def admission(found: str | Unread, samples: Sequence[Sample]) -> Finding:
    """Whether the key opens the API.

    A server that has no question for it (before 25.04) says so by how it takes the other calls.
    """
    if not isinstance(found, Unread):
        return good("key", f"valid for the API, of the user {found}")
    if found.kind == "Unauthorized":
        return _refused(found.status, found.why)
    if found.kind in ("NotFound", "Malformed", "Rejected"):
        return _by_calls([sample for sample in samples if sample.operation == PING], found)
    return not_checked("key", found)


def _by_calls(asked: Sequence[Sample], found: Unread) -> Finding:
    if any(sample.error is None for sample in asked):
        return good("key", "accepted; this CML does not tell of its audience")
    refused = next((sample for sample in asked if sample.error == "Unauthorized"), None)
    return not_checked("key", found) if refused is None else _refused(refused.status, found.why)


def _refused(status: int | None, why: str) -> Finding:
    if status == 403:
        message = "CML knows the key, and it is not for the API: its audience is another one"
        fix = "make a key with the audience `API` (User Settings > API Keys), for CML_API_KEY"
        return bad("key", message, fix, Cause.KEY)
    if status == 401:
        return bad("key", "CML does not accept it: wrong, expired or revoked", _NEW_KEY, Cause.KEY)
    return bad("key", why, _NEW_KEY, Cause.KEY)


def obstacle(finding: Finding) -> Unread | None:
    """Why whatever needs this to be well is not checked; None where it is well enough."""
    if finding.result is not Result.BAD:
        return None
    said = {"api": "CML cannot be reached", "key": "CML does not accept the key"}
    return Unread(said.get(finding.name, "there is no connection"))
