"""Jobs on a cluster from outside of its project, by Ray's job API on the head's application.

CML's proxy in front of it takes a key of the audience `Application`, and keeps the header
`Authorization` for it; Ray's token has a header of its own.  A refused key is a `KeyRefusedError`,
every other fault a `JobError`.  Key and token are put on requests at the last moment, and no error
here carries a request.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from threading import Event

import httpx
from pydantic import SecretStr

from controller.clock import Clock
from controller.cml.connection import checked_key
from controller.cml.operations import CallRecord
from controller.cml.transport import Bearer
from controller.workspace.applications import ApplicationAnswer, ApplicationClient

SETTLE_S = 60.0  # how long an application that just started may not answer yet
_PAUSE_S = 1.0
_READ_S = 30.0
_LIMIT = 4 * 1024 * 1024  # bytes of one answer
_RAY_HEADER = "X-Ray-Authorization"  # Ray reads it where there is no `Authorization`
# Ray's answers (2.52 to 2.60) by their words, since the proxy's have the same status.
_NO_TOKEN = "Missing authentication token"  # noqa: S105 - no secret
_OF_RAY = (_NO_TOKEN, "Invalid authentication token")
_FINISHED = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})


class JobError(Exception):
    """The reason that a job did not finish, in a sentence."""


class KeyRefusedError(JobError):
    """The proxy refuses the key."""


class JobClient:
    """The job API of one head.  `on_call` gets each call.

    `token` reads the token of its cluster, which is empty without one.  It may raise FilesError.
    """

    def __init__(
        self,
        url: str,
        key: SecretStr,
        http: httpx.Client,
        clock: Clock,
        on_call: Callable[[CallRecord], None],
        token: Callable[[], str],
    ) -> None:
        auth = Bearer(checked_key(key))
        self._application = ApplicationClient(http, url, _READ_S, _LIMIT, auth)
        self._clock = clock
        self._on_call = on_call
        self._read_token = token
        self._token = ""

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
            status = _field(answer, "status")
            if status in _FINISHED:
                logs = self._ask("get_job_logs", "GET", f"/api/jobs/{job}/logs")
                output = _field(logs, "logs") or _field(answer, "message")
                return status == "SUCCEEDED", output
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

    def _pause(self, stop: Event) -> None:
        self._clock.wait(_PAUSE_S, stop)
        if stop.is_set():
            raise KeyboardInterrupt

    def _ask(
        self, name: str, method: str, path: str, body: Mapping[str, object] | None = None
    ) -> ApplicationAnswer:
        started = self._clock.monotonic()
        self._token = self._token or self._read_token()
        headers = {_RAY_HEADER: f"Bearer {self._token}"} if self._token else {}
        answer = self._application.call(method, path, body, headers)
        self._on_call(
            CallRecord(
                method=method,
                operation=name,
                project="",
                status=answer.status or None,
                error=None if answer.status else answer.text,
                seconds=self._clock.monotonic() - started,
                write=method != "GET",
            )
        )
        if answer.status in (401, 403) and any(words in answer.text for words in _OF_RAY):
            raise JobError(_refused_token(answer.text))
        if answer.status in (301, 302, 303, 307, 401, 403):
            raise KeyRefusedError(
                f"the proxy in front of the head refuses the key (HTTP {answer.status}): "
                "the key needs the audience `Application` besides `API`"
            )
        return answer


def _refused_token(text: str) -> str:
    if _NO_TOKEN in text:
        return "Ray asks for the cluster's token, and the project's files have none"
    return (
        "Ray refuses the cluster's token: the proxy in front of the head passes the API key on as "
        "`Authorization`, which Ray takes for the token; jobs can only be run in a pod of the "
        "project here"
    )


def _field(answer: ApplicationAnswer, name: str) -> str:
    value = answer.mapping().get(name)
    return value if isinstance(value, str) else ""


def _described(answer: ApplicationAnswer) -> str:
    if not answer.status:
        return f"no answer ({answer.text})"
    return f"HTTP {answer.status} {' '.join(answer.text.split())[:200]}".rstrip()
