"""Home Assistant's device discovery: one retained message that makes the box a device with entities.

The form is that of Home Assistant 2024.11 and later (MQTT integration, "device discovery payload"). The
entities read the topics that there are anyway; no picture leaves the box by MQTT, so there is no camera.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.events.status import AVAILABILITY, STATUS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from probes.events.messages import Payload

NAME = "make-sales-happen"


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
) -> Payload:
    """Return the message. base: of the box's topics, with a slash at its end. name: the store's.

    rules: those of `notify`. exponent: decimals of the currency.
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
        f"{ident}-refresh": {
            "platform": "button",
            "name": "Publish state again",
            "command_topic": f"{base}command/refresh",
            "payload_press": "{}",
        },
    }
    for camera in cameras:
        components |= _camera(f"{ident}-{camera}", f"{base}camera/{camera}", camera, currency, exponent)
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


def _camera(ident: str, topic: str, camera: str, currency: str, exponent: int) -> Payload:
    amount = "value_json.highest_total.amount_minor"
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
        f"{ident}-highest": {
            "platform": "sensor",
            "name": f"{camera} highest total",
            "device_class": "monetary",
            "unit_of_measurement": currency,
            "state_topic": f"{topic}/summary",
            "value_template": f"{{{{ {amount} / {10**exponent} }}}}",
        },
    }
