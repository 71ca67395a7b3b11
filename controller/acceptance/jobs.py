"""Jobs on a cluster from outside of its project, by Ray's job API on the head's application.

CML's proxy in front of it takes a key of the audience `Application`.  A refused key is a
`KeyRefusedError`, every other fault a `JobError`.  The key is put on requests at the last moment,
and no error here carries a request.
"""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import httpx
from pydantic import SecretStr

from controller.clock import Clock
from controller.cml.connection import checked_key, parse_address
from controller.cml.operations import CallRecord
from controller.cml.transport import Bearer

SETTLE_S = 60.0  # how long an application that just started may not answer yet
_PAUSE_S = 1.0
_TIMEOUT = httpx.Timeout(connect=5.0, read=30.0, write=30.0, pool=30.0)
_LIMIT = 4 * 1024 * 1024  # bytes of one answer
_FINISHED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
_LOST = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError)


class JobError(Exception):
    """The reason that a job did not finish, in a sentence."""


class KeyRefusedError(JobError):
    """The proxy refuses the key."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer.  Status 0: there was none, and the text is the reason."""

    status: int
    text: str

    def mapping(self) -> Mapping[str, object]:
        """The body as a JSON object; empty if it is none."""
        try:
            body = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}

    def field(self, name: str) -> str:
        value = self.mapping().get(name)
        return value if isinstance(value, str) else ""


class JobClient:
    """The job API of one head.  `on_call` gets each call."""

    def __init__(
        self,
        url: str,
        key: SecretStr,
        http: httpx.Client,
        clock: Clock,
        on_call: Callable[[CallRecord], None],
    ) -> None:
        address = parse_address(url)
        self._base = address.reach
        self._host = address.authority
        self._auth = Bearer(checked_key(key))
        self._http = http
        self._clock = clock
        self._on_call = on_call

    def run(
        self, job: str, command: Sequence[str], timeout_s: float, stop: Event
    ) -> tuple[bool, str]:
        """Run a command as the job of this id; its success and its output.

        KeyboardInterrupt once `stop` is set.
        """
        deadline = self._clock.monotonic() + timeout_s
        self._submit(job, shlex.join(command), min(SETTLE_S, timeout_s), stop)
        while True:
            answer = self._ask("get_job", "GET", f"/api/jobs/{job}")
            status = answer.field("status")
            if status in _FINISHED:
                return status == "SUCCEEDED", self._output(job, answer)
            if self._clock.monotonic() >= deadline:
                last = status or _described(answer)
                raise JobError(f"the job did not finish within {timeout_s:.0f} s: {last}")
            self._pause(stop)

    def _submit(self, job: str, entrypoint: str, patience_s: float, stop: Event) -> None:
        """The id is chosen here, so a submission whose answer was lost is found, not repeated."""
        body = {"entrypoint": entrypoint, "submission_id": job}
        deadline = self._clock.monotonic() + patience_s
        while True:
            sent = self._ask("submit_job", "POST", "/api/jobs/", body)
            if sent.status == 200 or self._ask("get_job", "GET", f"/api/jobs/{job}").status == 200:
                return
            settling = sent.status in (0, 404) or sent.status >= 500
            if not settling or self._clock.monotonic() >= deadline:
                raise JobError(f"Ray's job API did not accept the job: {_described(sent)}")
            self._pause(stop)

    def _output(self, job: str, answer: _Answer) -> str:
        logs = self._ask("get_job_logs", "GET", f"/api/jobs/{job}/logs")
        return logs.field("logs") or answer.field("message")

    def _pause(self, stop: Event) -> None:
        self._clock.wait(_PAUSE_S, stop)
        if stop.is_set():
            raise KeyboardInterrupt

    def _ask(
        self, name: str, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> _Answer:
        started = self._clock.monotonic()
        answer = self._exchange(method, path, body)
        took_s = self._clock.monotonic() - started
        error = "" if answer.status else answer.text
        self._on_call(
            CallRecord(
                method=method,
                operation=name,
                project="",
                status=answer.status or None,
                error=error or None,
                seconds=took_s,
                write=method != "GET",
            )
        )
        if answer.status in (301, 302, 303, 307, 401, 403):
            raise KeyRefusedError(
                f"the proxy in front of the head refuses the key (HTTP {answer.status}): "
                "the key needs the audience `Application` besides `API`"
            )
        return answer

    def _exchange(self, method: str, path: str, body: Mapping[str, object] | None) -> _Answer:
        """A lost answer is a value here: an exception would carry its request along."""
        try:
            with self._http.stream(
                method,
                self._base + path,
                json=body,
                auth=self._auth,
                headers={"Host": self._host},
                timeout=_TIMEOUT,
            ) as response:
                return _Answer(response.status_code, _text(response))
        except _LOST as fault:
            return _Answer(0, type(fault).__name__)


def _text(response: httpx.Response) -> str:
    body = bytearray()
    for chunk in response.iter_bytes(65_536):
        body += chunk
        if len(body) > _LIMIT:
            break
    return body[:_LIMIT].decode(errors="replace")


def _described(answer: _Answer) -> str:
    if not answer.status:
        return f"no answer ({answer.text})"
    return f"HTTP {answer.status} {' '.join(answer.text.split())[:200]}".rstrip()
