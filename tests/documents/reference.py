"""The reference pages: templates of this folder, filled with what the code says."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import jinja2
from prometheus_client.parser import text_string_to_metric_families

from controller.core.model.reasons import Outlook, Reason
from controller.core.spec.ray import versions
from controller.core.status.event_reasons import EventReason
from controller.core.status.events import Kind
from controller.node.ports import FALLBACK
from controller.node.ray import fixed_ports
from controller.node.ray.versions import SINCE
from controller.run.options import PORT
from controller.settings import CONNECTION_VARIABLES, RUN_VARIABLES, Settings, variable
from controller.terminal.exit_codes import Exit
from controller.web.metrics import Metrics
from controller.web.openapi import openapi
from tests.documents.command_tree import commands
from tests.documents.emulator_options import emulator_options
from tests.documents.markdown import ROOT
from tests.documents.spec_fields import spec_fields
from tests.matrix.measured import HEAD, entries, pins, rows
from tests.web import boards

PAGES = (
    *("spec", "commands", "settings", "conditions", "events", "exit-codes", "http-api", "metrics"),
    *("ports", "emulator", "ray-versions"),
)
_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
)


def page(name: str, **values: object) -> str:
    """The text of `docs/reference/<name>.md`; `values` are those that the code cannot say."""
    filled = _TEMPLATES.get_template(f"{name}.md").render(table=table, **_facts(), **values)
    return filled.rstrip() + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in row] for row in lines)
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _facts() -> Mapping[str, object]:
    return {
        "spec_fields": lambda part: table(*spec_fields(part)),
        "example": (ROOT / "docs" / "examples" / "mixed.yaml").read_text(encoding="utf-8"),
        "commands": commands,
        "connection": [(f"`{name}`", text) for name, text in CONNECTION_VARIABLES.items()],
        "run": [(f"`{name}`", text) for name, text in RUN_VARIABLES.items()],
        "knobs": [
            (f"`{variable(name)}`", f"`{field.default:g}`", str(field.description))
            for name, field in Settings.model_fields.items()
        ],
        "reasons": reasons,
        "events": events,
        "exit_codes": [(str(int(code)), code.meaning) for code in Exit],
        "routes": list(routes()),
        "metrics": list(metrics()),
        "fixed": [
            (str(row.port), row.only or "every node", f"`{row.option}`", row.use)
            for row in fixed_ports.TABLE
        ],
        "workers": f"{fixed_ports.LOWEST_WORKER} to {fixed_ports.HIGHEST_WORKER}",
        "fallback": f"{FALLBACK.start} to {FALLBACK.stop - 1}",
        "controller": PORT,
        "options": list(emulator_options()),
        **_versions(),
    }


def _versions() -> Mapping[str, object]:
    found = entries()
    return {
        "oldest": _number(versions.OLDEST),
        "newest": _number(versions.NEWEST),
        "versions_head": HEAD,
        "versions_rows": list(rows(found)),
        "versions_pins": pins(found),
        "first": {name: _number(version) for name, version in SINCE.items()},
        "options_since": [(name, _number(v)) for name, v in versions.OPTIONS.items()],
    }


def _number(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def reasons(outlook: str) -> Iterator[Sequence[str]]:
    for reason in Reason:
        if reason.outlook.value == outlook:
            yield _name(reason.title, linked=reason.outlook is Outlook.PERSON), reason.meaning


def events(kind: str) -> Iterator[Sequence[str]]:
    for event in EventReason:
        if event.kind.value == kind:
            yield _name(event.title, linked=event.kind is Kind.WARNING), event.meaning


def _name(title: str, *, linked: bool) -> str:
    return f"[`{title}`](../troubleshooting.md#{title.lower()})" if linked else f"`{title}`"


def routes() -> Iterator[Sequence[str]]:
    for path, methods in openapi("")["paths"].items():
        for method, route in methods.items():
            if method != "parameters":
                answers = ", ".join(route["responses"])
                yield f"`{method.upper()} {path}`", route["summary"], answers


def metrics() -> Iterator[Sequence[str]]:
    """Each metric of a controller that runs; the labels of buckets and of the process are not."""
    text = Metrics("", [("list_applications", "GET")]).text(boards.busy()).decode()
    for family in text_string_to_metric_families(text):
        if family.name.startswith("raycml_"):
            labels = dict.fromkeys(key for sample in family.samples for key in sample.labels)
            shown = ", ".join(f"`{label}`" for label in labels if label != "le")
            total = "_total" if family.type == "counter" else ""
            yield f"`{family.name}{total}`", family.type, shown, family.documentation
