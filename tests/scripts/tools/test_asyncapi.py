"""The AsyncAPI document says what the schema files say, in the form that AsyncAPI asks for."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from engines.paths import CONFIGS
from scripts.tools.asyncapi import TARGET, document, text
from tests.fakes import schemas

SPECIFICATION = Path(__file__).parents[2] / "data" / "asyncapi-3.0.0.schema.json.gz"
"""Of the npm package @asyncapi/specs 6.11.1, Apache-2.0."""
HELPERS = {"amount", "id", "word", "count", "currency", "time"}


def test_the_file_is_current() -> None:
    assert TARGET.read_text("utf-8") == text(), "python -m scripts.tools.asyncapi"


def test_it_is_asyncapi_3() -> None:
    specification = json.loads(gzip.decompress(SPECIFICATION.read_bytes()))
    assert list(Draft7Validator(specification).iter_errors(document())) == []
    broken = document()
    broken["operations"]["send_status"]["action"] = "shout"
    assert not Draft7Validator(specification).is_valid(broken)


def references(part: Any) -> list[str]:
    if isinstance(part, list):
        return [ref for item in part for ref in references(item)]
    if not isinstance(part, dict):
        return []
    own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
    return own + [ref for item in part.values() for ref in references(item)]


def test_every_reference_leads_somewhere() -> None:
    made = document()
    for reference in set(references(made)):
        at = made
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def test_every_kind_of_message_has_a_channel() -> None:
    known = set(json.loads((CONFIGS / "messages.schema.json").read_text())["$defs"]) - HELPERS
    assert set(document()["channels"]) == known | {"person", "command"}


@pytest.mark.parametrize(
    ("name", "payload", "good"),
    [
        ("zone", {"schema": "msh.zone/1", "at": "2026-11-22T10:31:07.412Z", "persons": 2}, True),
        ("zone", {"schema": "msh.zone/1", "at": "2026-11-22T10:31:07.412Z", "persons": -1}, False),
        ("zone", {"schema": "msh.zone/1", "at": "today", "persons": 2}, False),
        ("availability", "online", True),
        ("availability", "away", False),
        ("person", {"schema": "msh.person/1"}, False),
    ],
)
def test_a_payload_is_judged_as_by_the_schema_files(name: str, payload: object, good: bool) -> None:
    whole = {**document(), "$ref": f"#/components/schemas/{name}"}
    original = schemas.PERSON_EVENT if name == "person" else schemas.message(name)
    assert Draft202012Validator(whole).is_valid(payload) == original.is_valid(payload) == good
