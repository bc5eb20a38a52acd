"""The discovery message against what Home Assistant asks of one, and against the topics that there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from pipelines.assembly.mqtt import home_assistant
from pipelines.settings import load_settings
from probes.events.status import Summaries

if TYPE_CHECKING:
    from pathlib import Path

STORE = """version: 1
store: {{id: shop-1, name: Shop, timezone: Europe/Berlin, currency: {currency}, device: box}}
cameras: {{door: {{source: /dev/video0}}, till: {{source: /dev/video1, enabled: false}}}}
outputs: {{mqtt: {{url: "mqtt://broker"{more}}}}}
notify: [{{name: vip, when: {{total_at_least: 5}}}}]
"""
ASKED = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "button": {"command_topic"},
    "event": {"state_topic", "event_types"},
}
KNOWN = {
    *("platform", "name", "unique_id", "state_topic", "command_topic", "payload_press", "value_template"),
    *("device_class", "state_class", "unit_of_measurement", "event_types"),
}


def found(tmp_path: Path, more: str = ", home_assistant: {}", currency: str = "EUR") -> dict:
    path = tmp_path / "store.yaml"
    path.write_text(STORE.format(more=more, currency=currency))
    return home_assistant(load_settings(path, env={}), "box")


def test_it_is_off_unless_asked_for(tmp_path):
    assert found(tmp_path, more="") == {}


def test_one_message_describes_the_device_and_its_entities(tmp_path):
    ((topic, message),) = found(tmp_path, more=", home_assistant: {prefix: ha}").items()
    assert topic == "//ha/device/msh-shop-1-box/config"
    assert {"device", "origin", "components", "availability_topic"} == set(message)
    assert message["device"]["identifiers"] == ["msh-shop-1-box"]
    assert message["origin"]["name"]
    for unique, component in message["components"].items():
        assert component["unique_id"] == unique
        assert ASKED[component["platform"]] <= set(component) <= KNOWN
    assert {u.removeprefix("msh-shop-1-box-") for u in message["components"]} == {
        *("cameras-up", "refresh", "door-live", "door-persons", "door-highest", "notify-vip")
    }
    assert len(json.dumps(message)) < 16_384


def test_it_reads_topics_that_there_are(tmp_path):
    (message,) = found(tmp_path).values()
    base = "msh/v1/shop-1/box/"
    there = {base + t for t in Summaries({"door": []}, "EUR").initial(0, "live")}
    there |= {f"{base}status", f"{base}notify/vip", f"{base}availability"}
    read = {c["state_topic"] for c in message["components"].values() if "state_topic" in c}
    assert read | {message["availability_topic"]} <= there


@pytest.mark.parametrize(("currency", "divisor"), [("EUR", 100), ("JPY", 1), ("KWD", 1000)])
def test_totals_are_in_units_of_the_currency(tmp_path, currency, divisor):
    (message,) = found(tmp_path, currency=currency).values()
    highest = message["components"]["msh-shop-1-box-door-highest"]
    assert highest["unit_of_measurement"] == currency
    assert highest["value_template"] == f"{{{{ value_json.highest_total.amount_minor / {divisor} }}}}"
