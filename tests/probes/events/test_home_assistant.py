"""The discovery message against what Home Assistant asks of one, and against the topics that there are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from jinja2.sandbox import SandboxedEnvironment

from pipelines.assembly.mqtt import home_assistant
from pipelines.settings import load_settings
from pricing.sales.types import SaleKind
from probes.events.home_assistant import STEPS
from probes.events.status import Summaries, store_summary
from tests.fakes import schemas

if TYPE_CHECKING:
    from pathlib import Path

STORE = """version: 1
store: {{id: shop-1, name: Shop, timezone: Europe/Berlin, currency: {currency}, device: box}}
cameras: {{door: {{source: /dev/video0}}, till: {{source: /dev/video1, enabled: false}}}}
outputs: {{mqtt: {{url: "mqtt://broker"{more}}}}}
notify: [{{name: vip, when: {{total_at_least: 5}}}}]
"""
# What Home Assistant's MQTT integration (2024.11 to 2026) asks of each platform, and takes besides.
ASKED = {
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "button": {"command_topic"},
    "event": {"state_topic", "event_types"},
    "image": {"image_topic"},
}
COMMON = {"platform", "name", "unique_id", "device_class"}
READS = {"state_topic", "value_template"}
TAKES = {
    "sensor": {*COMMON, *READS, "state_class", "unit_of_measurement"},
    "binary_sensor": {*COMMON, *READS},
    "button": {*COMMON, "command_topic", "payload_press", "entity_category"},
    "event": {*COMMON, *READS, "event_types"},
    "image": {*COMMON, "image_topic", "content_type"},
}
CLASSES = {"sensor": {"monetary"}, "binary_sensor": {"connectivity"}, "button": {"restart"}, "event": set()}
SELLING = "staff: {people: {anna: {}}}\n"


def found(
    tmp_path: Path,
    more: str = ", home_assistant: {}",
    currency: str = "EUR",
    sections: str = "",
    drop: str = "",
) -> dict:
    path = tmp_path / "store.yaml"
    path.write_text(STORE.format(more=more, currency=currency).replace(drop, "") + sections)
    return home_assistant(load_settings(path, env={}), "box", tmp_path)


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
        platform = component["platform"]
        assert ASKED[platform] <= set(component) <= TAKES[platform]
        assert component.get("device_class") in {None, *CLASSES[platform]}
        assert component.get("entity_category", "config") == "config"  # "config" is refused for what is read
    assert {u.removeprefix("msh-shop-1-box-") for u in message["components"]} == {
        *(
            "cameras-up",
            "persons",
            "value",
            "refresh",
            "reload",
            "restart",
            "door-live",
            "door-persons",
            "door-highest",
            "notify-vip",
        )
    }
    assert len(json.dumps(message)) < 16_384


def test_it_reads_topics_that_there_are(tmp_path):
    (message,) = found(tmp_path).values()
    base = "msh/v1/shop-1/box/"
    there = {base + t for t in Summaries({"door": []}, "EUR").initial(0, "live")}
    there |= {f"{base}{topic}" for topic in ("status", "summary", "notify/vip", "availability")}
    read = {c["state_topic"] for c in message["components"].values() if "state_topic" in c}
    assert read | {message["availability_topic"]} <= there


@pytest.mark.parametrize(("currency", "divisor"), [("EUR", 100), ("JPY", 1), ("KWD", 1000)])
def test_totals_are_in_units_of_the_currency(tmp_path, currency, divisor):
    (message,) = found(tmp_path, currency=currency).values()
    highest = message["components"]["msh-shop-1-box-door-highest"]
    assert highest["unit_of_measurement"] == currency
    assert highest["value_template"] == f"{{{{ value_json.highest_total.amount_minor / {divisor} }}}}"


def rendered(component: dict, message: dict) -> str:
    """Render as Home Assistant does: Jinja's sandbox, the payload parsed as JSON."""
    jinja = SandboxedEnvironment()
    jinja.filters["tojson"] = json.dumps
    return jinja.from_string(component["value_template"]).render(value_json=message).strip()


def test_the_stores_people_value_and_staff_are_sensors(tmp_path):
    (message,) = found(tmp_path, sections=SELLING).values()
    summary = store_summary(
        0, 3, 129_050, "EUR", unattended_minor=2000, staff={"free": 2, "busy": 0, "break": 0, "off": 1}
    )
    schemas.message("store_summary").validate(summary)
    schemas.message("store_summary").validate(store_summary(0, 3, 129_050, "EUR"))
    read = {
        name.removeprefix("msh-shop-1-box-"): rendered(one, summary)
        for name, one in message["components"].items()
        if one.get("state_topic", "").endswith("box/summary")
    }
    assert read == {"persons": "3", "value": "1290.5", "unattended": "20.0", "free": "2"}


def test_offers_are_events_and_late_ones_are_none(tmp_path):
    (message,) = found(tmp_path, sections=SELLING).values()
    event = message["components"]["msh-shop-1-box-sale"]
    assert event["state_topic"] == "msh/v1/shop-1/box/sale/+"
    assert set(event["event_types"]) == {kind.value for kind in SaleKind} - {"staff"} == set(STEPS)
    step = {"kind": "offered", "seller": 'Jörg "B"', "reason": "knows watch", "waited_ms": 61_000}
    step |= {"worth_minor": 129_000, "replayed": False}
    assert json.loads(rendered(event, step)) == {
        "event_type": "offered", "seller": 'Jörg "B"', "reason": "knows watch", "waited_ms": 61_000,
        "worth": 1290.0,
    }  # fmt: skip
    assert rendered(event, {**step, "replayed": True}) == rendered(event, {**step, "kind": "staff"}) == ""


def test_pictures_are_entities_where_they_are_sent(tmp_path):
    (message,) = found(tmp_path, more=", home_assistant: {pictures_s: 30}").values()
    picture = message["components"]["msh-shop-1-box-door-picture"]
    assert ASKED["image"] <= set(picture) <= TAKES["image"]
    assert picture["image_topic"] == "msh/v1/shop-1/box/camera/door/picture"


def test_buttons_press_commands_that_there_are(tmp_path):
    (message,) = found(
        tmp_path, sections="", more=", home_assistant: {}}, snapshots: {folder: pictures"
    ).values()
    pressed = {
        (one["command_topic"].rpartition("/")[2], one["payload_press"])
        for one in message["components"].values()
        if one["platform"] == "button"
    }
    assert pressed == {
        ("refresh", "{}"), ("reload", "{}"), ("restart", "{}"), ("snapshot", '{"camera": "door"}'),
    }  # fmt: skip


def test_what_is_gone_is_named_by_its_platform_until_it_comes_back(tmp_path):
    ((topic, first),) = found(tmp_path, sections=SELLING).items()
    ((_, message),) = found(tmp_path, drop="notify: [{name: vip, when: {total_at_least: 5}}]\n").items()
    gone = {name: one for name, one in message["components"].items() if set(one) == {"platform"}}
    assert gone == {
        f"msh-shop-1-box-{name}": {"platform": platform}
        for name, platform in (
            ("notify-vip", "event"), ("sale", "event"), ("unattended", "sensor"), ("free", "sensor"),
        )
    }  # fmt: skip
    assert found(tmp_path, sections=SELLING) == {topic: first}
    (tmp_path / "home-assistant-shop-1-box.json").write_text("[1")
    assert found(tmp_path, sections=SELLING) == {topic: first}
