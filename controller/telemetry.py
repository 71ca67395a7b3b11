"""Logs: format, redaction, and the canonical line of each pass.

Structured, to one stream: JSON lines, or plain lines on a terminal.  Nothing here is global.
"""

import re
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TextIO

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from controller.core.model.plan import Outcome
from controller.printable import json_text, lines, one_line
from controller.reconcile import Pass
from controller.redaction import REDACTED, Secrets

_SECRET_KEY = re.compile(r"(?i)key|token|secret|password|passwd|authorization|credential")
_DEPTH = 6
DEBUG, INFO, WARNING = 10, 20, 30


class Redaction(Secrets):
    """Redaction in a process, for texts, values and fields of log lines."""

    def value(self, value: object, depth: int = 0) -> object:
        """The value without secrets, including all values of keys such as `password`."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if depth >= _DEPTH:
            return "..."
        if isinstance(value, Mapping):
            return {str(k): self.under(str(k), v, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(each, depth + 1) for each in value]
        return self(value if isinstance(value, str) else str(value))

    def under(self, key: str, value: object, depth: int = 0) -> object:
        return REDACTED if _SECRET_KEY.search(key) else self.value(value, depth)

    def processor(self, _log: object, _method: str, event: EventDict) -> Mapping[str, object]:
        """A structlog processor."""
        return {self(key): self.under(key, value) for key, value in event.items()}

    def traceback(self, error: BaseException) -> str:
        """The traceback, redacted, without values of variables."""
        return self("".join(traceback.format_exception(error))).rstrip()


def open_log(
    stream: TextIO,
    redaction: Redaction,
    now: Callable[[], datetime],
    *,
    level: int = WARNING,
    as_json: bool = True,
) -> FilteringBoundLogger:
    """A log on the stream.  All fields are redacted, directly before formatting."""
    # JSON escapes control characters by itself; in plain lines each field is cleaned.
    last: tuple[Processor, ...] = (
        (structlog.processors.JSONRenderer(default=str, ensure_ascii=True), _without_commands)
        if as_json
        else (_cleaned, structlog.dev.ConsoleRenderer(colors=False, pad_event_to=12))
    )
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            _timestamp(now),
            redaction.processor,
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    return log


def _cleaned(_log: object, _method: str, event: EventDict) -> Mapping[str, object]:
    return {
        one_line(key): one_line(lines(value)) if isinstance(value, str) else value
        for key, value in event.items()
    }


def _without_commands(_log: object, _method: str, rendered: EventDict | str) -> str:
    return json_text(str(rendered))


def _timestamp(now: Callable[[], datetime]) -> Processor:
    def processor(_log: object, _method: str, event: EventDict) -> Mapping[str, object]:
        return {"ts": now().isoformat(timespec="milliseconds"), **event}

    return processor


def pass_line(done: Pass, took_s: float) -> dict[str, object]:
    """The canonical line of a pass, under the event `pass`."""
    results = Counter(outcome.result.value for outcome in done.outcomes)
    reasons = Counter(str(wait.reason) for wait in done.plan.waits)
    return {
        "revision": done.revision.commit or done.revision.origin,
        "clusters": len(done.desired.clusters),
        "steps": len(done.plan.steps),
        "waits": len(done.plan.waits),
        "outcomes": dict(sorted(results.items())),
        "reasons": dict(sorted(reasons.items())),
        "refusals": [str(refusal) for refusal in done.plan.refusals],
        "complete": done.plan.complete,
        "took_s": round(took_s, 3),
    }


def step_line(outcome: Outcome) -> dict[str, object]:
    """The line of an executed step, under the event `step`."""
    step = outcome.step
    return {
        "action": step.name,
        "cluster": step.cluster,
        "member": str(step.member or ""),
        "application_id": step.application_id or outcome.application_id,
        "reason": step.reason.title,
        "result": outcome.result.value,
        "error": outcome.fault or "",
        "message": outcome.message,
    }
