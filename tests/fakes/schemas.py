"""Validators of the messages, from the schema files that other programs read."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from engines.paths import CONFIGS

_PERSON = json.loads((CONFIGS / "person-event.schema.json").read_text())
PERSON_EVENT = Draft202012Validator(_PERSON)


def message(name: str) -> Draft202012Validator:
    """The validator of one of the definitions of messages.schema.json."""
    schema = json.loads((CONFIGS / "messages.schema.json").read_text())
    return Draft202012Validator({**schema, "$ref": f"#/$defs/{name}"})


def closed(schema: object) -> bool:
    """Whether each object of a schema admits only the properties it names."""
    if isinstance(schema, list):
        return all(closed(part) for part in schema)
    if not isinstance(schema, dict):
        return True
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return False
    return all(closed(part) for part in schema.values())
