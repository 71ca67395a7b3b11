"""The JSON Schemas of the documents that commands print with `-o json`."""

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from controller.acceptance.report import AcceptanceReport
from controller.adoption.text import AdoptJson
from controller.cli.output.documents import (
    EmulatorJson,
    RenderJson,
    StatusReportJson,
    ValidationJson,
)
from controller.convert.documents import ConversionJson
from controller.core.model.json_object import JsonObject, json_schema
from controller.core.status.documents import EventsJson, OrphansJson, PlanJson
from controller.doctor.report import CheckupJson
from controller.doctor.runtimes import RuntimesJson
from controller.source.yaml.schema import json_schema as spec_schema


class Schema(Enum):
    """A format with a JSON Schema."""

    SPEC = "spec"
    STATUS = "status"
    PLAN = "plan"
    EVENTS = "events"
    ORPHANS = "orphans"
    ADOPT = "adopt"
    CONVERT = "convert"
    VALIDATE = "validate"
    RENDER = "render"
    EMULATOR = "emulator"
    DOCTOR = "doctor"
    RUNTIMES = "runtimes"
    ACCEPTANCE = "acceptance"


DOCUMENTS: Mapping[Schema, type[JsonObject]] = {
    Schema.STATUS: StatusReportJson,
    Schema.PLAN: PlanJson,
    Schema.EVENTS: EventsJson,
    Schema.ORPHANS: OrphansJson,
    Schema.ADOPT: AdoptJson,
    Schema.CONVERT: ConversionJson,
    Schema.VALIDATE: ValidationJson,
    Schema.RENDER: RenderJson,
    Schema.EMULATOR: EmulatorJson,
    Schema.DOCTOR: CheckupJson,
    Schema.RUNTIMES: RuntimesJson,
    Schema.ACCEPTANCE: AcceptanceReport,
}


def document_schemas() -> dict[str, dict[str, Any]]:
    """Each format, such as `raycml.status/v1`, with its JSON Schema."""
    schemas = map(json_schema, DOCUMENTS.values())
    return {schema["properties"]["schema"]["const"]: schema for schema in schemas}


def schema_text(of: Schema) -> str:
    schema = spec_schema() if of is Schema.SPEC else json_schema(DOCUMENTS[of])
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
