"""Home Assistant's device discovery: one retained message that makes the box a device with entities.

The form is that of Home Assistant 2024.11 and later (MQTT integration, "device discovery payload"). The
entities read the topics that there are anyway; a picture only where the store file sends some.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from probes.events.status import AVAILABILITY, STATUS, SUMMARY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.events.messages import Payload

NAME = "make-sales-happen"
STEPS = ("offered", "accepted", "declined", "timed_out", "withdrawn", "done", "escalated")
"""The steps of offers that are events in Home Assistant."""


def discovery(
    base: str,
    *,
    store: str,
    device: str,
    name: str,
    version: str,
    cameras: Sequence[str],
    rules: Sequence[str],
    currency: str,
    exponent: int,
    staff: bool = False,
    snapshots: bool = False,
    pictures: bool = False,
) -> Payload:
    """Return the message. base: of the box's topics, with a slash at its end. name: the store's.

    rules: those of `notify`. exponent: decimals of the currency. staff: whether customers are offered to
    salespeople. snapshots: whether pictures can be taken on command. pictures: whether masked ones are sent.
    """
    ident = f"msh-{store}-{device}"
    components: Payload = {
        f"{ident}-cameras-up": {
            "platform": "sensor",
            "name": "Cameras live",
            "state_topic": base + STATUS,
            "value_template": "{{ value_json.cameras_up }}",
            "state_class": "measurement",
        },
        f"{ident}-persons": {
            "platform": "sensor",
            "name": "Customers in the store",
            "state_topic": base + SUMMARY,
            "value_template": "{{ value_json.persons }}",
            "state_class": "measurement",
        },
        f"{ident}-value": _amount("Value in the store", base + SUMMARY, "value", currency, exponent),
        f"{ident}-refresh": _button("Publish state again", f"{base}command/refresh"),
        f"{ident}-reload": _button("Read the store file", f"{base}command/reload"),
        f"{ident}-restart": _button("Restart", f"{base}command/restart") | {"device_class": "restart"},
    }
    if staff:
        components |= _staff(ident, base, currency, exponent)
    for camera in cameras:
        components |= _camera(f"{ident}-{camera}", f"{base}camera/{camera}", camera, currency, exponent)
        if pictures:
            components[f"{ident}-{camera}-picture"] = {
                "platform": "image",
                "name": f"{camera} picture",
                "image_topic": f"{base}camera/{camera}/picture",
                "content_type": "image/jpeg",
            }
        if snapshots:
            press = _button(f"{camera} picture to disk", f"{base}command/snapshot", camera=camera)
            components[f"{ident}-{camera}-snapshot"] = press
    for rule in rules:
        components[f"{ident}-notify-{rule}"] = {
            "platform": "event",
            "name": rule,
            "state_topic": f"{base}notify/{rule}",
            "event_types": ["notify"],
            "value_template": "{{ {'event_type': 'notify', 'text': value_json.text,"
            " 'camera': value_json.camera, 'zones': value_json.zones} | tojson }}",
        }
    for unique, component in components.items():
        component["unique_id"] = unique
    return {
        "device": {
            "identifiers": [ident],
            "name": f"{name} ({device})",
            "manufacturer": NAME,
            "sw_version": version,
        },
        "origin": {"name": NAME, "sw_version": version},
        "availability_topic": base + AVAILABILITY,
        "components": components,
    }


def _button(name: str, topic: str, **fields: str) -> Payload:
    return {
        "platform": "button",
        "name": name,
        "command_topic": topic,
        "payload_press": json.dumps(fields),
        "entity_category": "config",
    }


def _amount(name: str, topic: str, key: str, currency: str, exponent: int) -> Payload:
    return {
        "platform": "sensor",
        "name": name,
        "device_class": "monetary",
        "unit_of_measurement": currency,
        "state_topic": topic,
        "value_template": f"{{{{ value_json.{key}.amount_minor / {10**exponent} }}}}",
    }


def _staff(ident: str, base: str, currency: str, exponent: int) -> Payload:
    """Return what tells of offers. Steps that were sent late, after an outage, are no events any more."""
    fields = "'seller': value_json.seller, 'reason': value_json.reason, 'waited_ms': value_json.waited_ms"
    event = f"{{'event_type': value_json.kind, {fields}, 'worth': value_json.worth_minor / {10**exponent}}}"
    wanted = "value_json.kind != 'staff' and not value_json.replayed"
    return {
        f"{ident}-unattended": _amount("Value unattended", base + SUMMARY, "unattended", currency, exponent),
        f"{ident}-free": {
            "platform": "sensor",
            "name": "Salespeople free",
            "state_topic": base + SUMMARY,
            "value_template": "{{ value_json.staff.free }}",
            "state_class": "measurement",
        },
        f"{ident}-sale": {
            "platform": "event",
            "name": "Offer",
            "state_topic": f"{base}sale/+",
            "event_types": list(STEPS),
            "value_template": f"{{% if {wanted} %}}{{{{ {event} | tojson }}}}{{% endif %}}",
        },
    }


def _camera(ident: str, topic: str, camera: str, currency: str, exponent: int) -> Payload:
    return {
        f"{ident}-live": {
            "platform": "binary_sensor",
            "name": f"{camera} live",
            "device_class": "connectivity",
            "state_topic": f"{topic}/status",
            "value_template": "{{ 'ON' if value_json.state == 'live' else 'OFF' }}",
        },
        f"{ident}-persons": {
            "platform": "sensor",
            "name": f"{camera} people",
            "state_topic": f"{topic}/summary",
            "value_template": "{{ value_json.persons }}",
            "state_class": "measurement",
        },
        f"{ident}-highest": _amount(
            f"{camera} highest total", f"{topic}/summary", "highest_total", currency, exponent
        ),
    }
