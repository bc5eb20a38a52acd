"""Validators of messages and of the page's answers, from the schema files that other programs read."""

from __future__ import annotations

import functools
import json

import jsonschema
import yaml
from jsonschema import Draft202012Validator

from engines.paths import CONFIGS, ROOT

_PERSON = json.loads((CONFIGS / "person-event.schema.json").read_text())
PERSON_EVENT = Draft202012Validator(_PERSON)


def message(name: str) -> Draft202012Validator:
    """The validator of one of the definitions of messages.schema.json."""
    schema = json.loads((CONFIGS / "messages.schema.json").read_text())
    return Draft202012Validator({**schema, "$ref": f"#/$defs/{name}"})


@functools.cache
def _api() -> dict:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load((ROOT / "web" / "openapi.yaml").read_text(encoding="utf-8"), Loader=loader)


def conforms(data: object, name: str) -> None:
    """Fail where the data is not as that schema of web/openapi.yaml says."""
    components = _api()["components"]
    jsonschema.validate(data, {"$ref": f"#/components/schemas/{name}", "components": components})


def closed(schema: object) -> bool:
    """Whether each object of a schema admits only the properties it names."""
    if isinstance(schema, list):
        return all(closed(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return False
    return all(closed(part) for part in schema.values())
