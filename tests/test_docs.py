"""What the README must tell: every command, exit code, setting, field of a spec and reason.

`RAYCML_ACCEPT=1 pytest tests/test_docs.py` writes its tables anew from the code.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from controller.cli.main import app
from controller.core.model.reasons import Reason
from controller.core.status.event_reasons import EventReason
from controller.settings import CONNECTION_VARIABLES, RUN_VARIABLES, Settings, variable
from controller.source.yaml.schema import json_schema
from controller.terminal.exit_codes import Exit
from tests.mutants.catalogue import CATALOGUE

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def exits() -> Iterator[str]:
    for code in Exit:
        yield f"| {int(code)} | {code.meaning} |"


def settings() -> Iterator[str]:
    for name, meaning in {**CONNECTION_VARIABLES, **RUN_VARIABLES}.items():
        yield f"| `{name}` |  | {meaning} |"
    for name, field in Settings.model_fields.items():
        yield f"| `{variable(name)}` | {field.default:g} | {field.description} |"


def reasons() -> Iterator[str]:
    for reason in Reason:
        yield f"| `{reason.title}` | {reason.outlook.value} | {reason.meaning} |"


def events() -> Iterator[str]:
    for occasion in EventReason:
        yield f"| `{occasion.title}` | {occasion.kind.value} | {occasion.meaning} |"


def fields() -> Iterator[str]:
    schema = json_schema()
    yield from _fields(schema, schema, "")


def _fields(schema: Mapping[str, object], root: Mapping[str, object], path: str) -> Iterator[str]:
    properties = schema.get("properties", {})
    assert isinstance(properties, dict)
    for name, found in properties.items():
        place = f"{path}{name}"
        inner = _resolved(found, root)
        if "properties" in inner and not place.startswith("spec.upgradeStrategy."):
            yield from _fields(inner, root, f"{place}.")
            continue
        yield _row(place, found)
        items = found.get("items")
        if items and "properties" in _resolved(items, root):
            yield from _fields(_resolved(items, root), root, f"{place}[].")
        for one in found.get("anyOf", ()):
            if "properties" in _resolved(one, root):  # a part that may be left out
                yield from _fields(_resolved(one, root), root, f"{place}.")


def _resolved(found: Mapping[str, object], root: Mapping[str, object]) -> Mapping[str, object]:
    if "allOf" in found:
        found = found["allOf"][0]  # type: ignore[index]
    if "$ref" not in found:
        return found
    part: object = root
    for name in str(found["$ref"]).removeprefix("#/").split("/"):
        part = part[name]  # type: ignore[index]
    return part  # type: ignore[return-value]


def _row(place: str, found: Mapping[str, object]) -> str:
    default = found.get("default", "")
    shown = f"`{json.dumps(default)}`" if default not in ("", None, {}, []) else ""
    change = found.get("x-raycml-change", "")
    meaning = str(found.get("description", "")).partition(" A change ")[0]
    return f"| `{place}` | {shown} | {change} | {meaning} |"


TABLES: dict[str, Callable[[], Iterator[str]]] = {
    "| code | meaning |": exits,
    "| variable | default | meaning |": settings,
    "| field | default | a change | meaning |": fields,
    "| reason | outlook | meaning |": reasons,
    "| event | kind | meaning |": events,
}


@pytest.mark.parametrize("head", TABLES)
def test_the_readme_has_the_whole_table(head: str) -> None:
    wanted = list(TABLES[head]())
    text = README.read_text()
    pattern = re.compile(re.escape(head) + r"\n\|[-|]+\n((?:\|.*\n|@@.*\n)*)")
    found = pattern.search(text)
    assert found is not None, head
    if os.environ.get("RAYCML_ACCEPT"):
        start, end = found.span(1)
        README.write_text(text[:start] + "\n".join(wanted) + "\n" + text[end:])
        return
    assert found.group(1).splitlines() == wanted


def test_the_readme_names_every_command() -> None:
    text = README.read_text()
    names = [c.name or c.callback.__name__ for c in app.registered_commands if c.callback]
    names += [group.name or "" for group in app.registered_groups]
    missing = [name for name in names if f"`raycml {name}`" not in text]
    assert names
    assert not missing


def test_the_readme_claims_no_more_planted_bugs_than_there_are() -> None:
    claimed = re.search(r"more than (\d+) planted bugs", README.read_text())
    assert claimed is not None
    assert len(CATALOGUE) > int(claimed[1])


def test_no_document_names_a_path_of_a_developers_machine() -> None:
    documents = [README, ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")]
    for document in documents:
        assert not re.search(r"/(work|root|tmp/r)\b", document.read_text()), document
