"""The JSON Schema of the store file, for editors.

`python -m pipelines.settings.schema > configs/store.schema.json` writes it; a test keeps the two in step.
"""

from __future__ import annotations

import json
import sys

from pipelines.settings.root import Settings

_NOTHING = {"type": "null"}


def schema_text() -> str:
    """Return the text of configs/store.schema.json."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_tidied(Settings.model_json_schema()),
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _tidied(node: dict[str, object]) -> dict[str, object]:
    """Remove `null` (a key has a value or is absent) and defaults that are blocks; close all mappings."""
    tidied = {key: _cleaned(value) for key, value in node.items() if not _empty_default(key, value)}
    if "patternProperties" in tidied:
        tidied["additionalProperties"] = False
    arms = tidied.get("anyOf")
    if isinstance(arms, list) and _NOTHING in arms:
        arms = [arm for arm in arms if arm != _NOTHING]
        if len(arms) > 1:
            return {**tidied, "anyOf": arms}
        del tidied["anyOf"]
        return {**arms[0], **tidied}
    return tidied


def _empty_default(key: str, value: object) -> bool:
    return key == "default" and (value is None or isinstance(value, dict))


def _cleaned(value: object) -> object:
    if isinstance(value, dict):
        return _tidied(value)
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


if __name__ == "__main__":
    sys.stdout.write(schema_text())
