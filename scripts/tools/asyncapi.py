"""Makes configs/asyncapi.json, the AsyncAPI 3 document of the messages, from their JSON schemas.

python -m scripts.tools.asyncapi
"""

from __future__ import annotations

import json
from typing import Any, Final

from engines.paths import CONFIGS
from pipelines.version import VERSION

TARGET: Final = CONFIGS / "asyncapi.json"
BASE: Final = "msh/v1/{store}/{device}"
PERSON: Final = "person"
_PARAMETERS: Final = {
    "store": "store.id of the store file.",
    "device": "store.device of the store file, else the machine's name.",
    "camera": "The camera's key in the store file.",
    "zone": "The zone's key in the store file.",
    "rule": "The notification's name in the store file.",
    "kind": "The step of the offer; the same word as in the message.",
    "quarter": "Beginning of the quarter of an hour in UTC, 0000 to 2345.",
    "name": "The command: ping, refresh, reload, staff, offer, sale, attend and others.",
}
# definition, address below the device's, retained, quality of service
_SENT: Final = (
    ("availability", "availability", True, 1),
    ("status", "status", True, 1),
    ("store_summary", "summary", True, 0),
    ("camera_status", "camera/{camera}/status", True, 1),
    ("camera_summary", "camera/{camera}/summary", True, 0),
    ("camera_picture", "camera/{camera}/picture", False, 0),
    (PERSON, "camera/{camera}/person", False, 1),
    ("zone", "camera/{camera}/zone/{zone}", True, 0),
    ("notify", "notify/{rule}", False, 1),
    ("sale", "sale/{kind}", False, 1),
    ("report", "report/{quarter}", True, 1),
    ("access", "access", False, 1),
    ("command_result", "command/{name}/result", False, 1),
)
_COMMAND: Final = {
    "type": "object",
    "description": "Empty, or an object. Retained commands are ignored.",
    "properties": {
        "id": {"type": "string", "maxLength": 64, "description": "Comes back in the result."},
    },
}


def document() -> dict[str, Any]:
    """Return the document."""
    schemas = _schemas()
    channels = {name: _channel(name, address) for name, address, _, _ in _SENT}
    channels["command"] = _channel("command", "command/{name}")
    operations = {
        f"send_{name}": _operation("send", name, {"qos": qos, "retain": retain})
        for name, _, retain, qos in _SENT
    }
    operations["receive_command"] = _operation("receive", "command", {"qos": 1})
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "make-sales-happen",
            "version": VERSION,
            "description": "What a box in a shop says over MQTT, and the commands that it takes."
            " `msh/v1` is outputs.mqtt.topic_prefix of the store file.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "broker": {
                "host": "broker.example",
                "protocol": "mqtts",
                "protocolVersion": "5",
                "description": "The shop's broker, outputs.mqtt.url; MQTT 3.1.1 where it speaks no other.",
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {
                name: _message(name, schemas[name]) for name in (*(row[0] for row in _SENT), "command")
            },
            "schemas": schemas,
        },
    }


def text() -> str:
    """Return the text of configs/asyncapi.json."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _schemas() -> dict[str, Any]:
    """Return the definitions of both schema files; those of person events begin with `person_`."""
    messages = json.loads((CONFIGS / "messages.schema.json").read_text("utf-8"))["$defs"]
    person = json.loads((CONFIGS / "person-event.schema.json").read_text("utf-8"))
    found = {name: _moved(schema, "") for name, schema in messages.items()}
    for name, schema in person.pop("$defs").items():
        found[f"{PERSON}_{name}"] = _moved(schema, f"{PERSON}_")
    found[PERSON] = _moved({key: value for key, value in person.items() if key != "$schema"}, f"{PERSON}_")
    return found | {"command": _COMMAND}


def _moved(schema: Any, prefix: str) -> Any:
    """Return a schema whose references lead into the document's components."""
    if isinstance(schema, list):
        return [_moved(part, prefix) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: f"#/components/schemas/{prefix}{value.rpartition('/')[2]}"
        if key == "$ref"
        else _moved(value, prefix)
        for key, value in schema.items()
    }


def _channel(name: str, address: str) -> dict[str, Any]:
    whole = f"{BASE}/{address}"
    return {
        "address": whole,
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
        "parameters": {
            key: {"description": what} for key, what in _PARAMETERS.items() if f"{{{key}}}" in whole
        },
    }


def _operation(action: str, name: str, binding: dict[str, Any]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": [{"$ref": f"#/channels/{name}/messages/{name}"}],
        "bindings": {"mqtt": {**binding, "bindingVersion": "0.2.0"}},
    }


def _message(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    plain = {"availability": "text/plain", "camera_picture": "image/jpeg"}
    return {
        "name": schema.get("properties", {}).get("schema", {}).get("const", name),
        "summary": schema.get("description", schema.get("title", name)),
        "contentType": plain.get(name, "application/json"),
        "payload": {"$ref": f"#/components/schemas/{name}"},
    }


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
