"""Home Assistant's discovery message at a real broker, over restarts with other store files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.assembly.mqtt import build_publisher
from pipelines.clock import StoreClock
from pipelines.settings import load_settings
from probes.events.status import Summaries
from probes.metrics import Metrics
from tests.fakes.broker import Broker, Listener
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

TOPIC = "homeassistant/device/msh-shop-box/config"
STORE = """version: 1
store: {{id: shop, name: Shop, timezone: UTC, currency: EUR, device: box}}
cameras: {{door: {{source: /dev/video0}}{cameras}}}
outputs: {{mqtt: {{url: "mqtt://127.0.0.1:{port}"{more}}}}}
"""


def run(
    folder: Path, port: int, cameras: str = "", more: str = ", home_assistant: {}", device: str = "box"
) -> None:
    """Run the publisher of a store file until all that it says is at the broker."""
    file = folder / "store.yaml"
    file.write_text(STORE.format(port=port, cameras=cameras, more=more))
    settings, metrics = load_settings(file, env={}), Metrics(("live",))
    summaries = Summaries({name: [] for name in settings.cameras}, "EUR")
    publisher = build_publisher(
        settings,
        device,
        summaries,
        folder=lambda: folder,
        metrics=metrics,
        clock=StoreClock(),
        random=lambda: 0.5,
    )
    publisher.start()
    wait_for(lambda: metrics.registry.get_sample_value("msh_mqtt_connected") == 1)
    publisher.stop(120)


def test_a_camera_that_goes_leaves_home_assistant_and_so_does_the_device(tmp_path: Path) -> None:
    broker = Broker(tmp_path).start()
    listener = Listener(broker.port)
    try:
        run(tmp_path, broker.port, cameras=", till: {source: /dev/video1}")
        (first,) = listener.wait(TOPIC)
        assert first.json["components"]["msh-shop-box-till-live"]["platform"] == "binary_sensor"
        run(tmp_path, broker.port)
        *_, second = listener.wait(TOPIC, count=2)
        assert second.json["components"]["msh-shop-box-till-live"] == {"platform": "binary_sensor"}
        assert "state_topic" in second.json["components"]["msh-shop-box-door-live"]
        late = Listener(broker.port)
        assert late.wait(TOPIC)[0].json == second.json  # retained
        late.close()
        run(tmp_path, broker.port, more="")
        assert listener.wait(TOPIC, "")
    finally:
        listener.close()
        broker.kill()


def test_a_box_that_gets_another_name_is_not_there_twice(tmp_path: Path) -> None:
    broker = Broker(tmp_path).start()
    try:
        run(tmp_path, broker.port)
        run(tmp_path, broker.port, device="box-2")
        late = Listener(broker.port)
        late.wait("shop/box-2/availability")
        devices = {heard.topic for heard in late.heard if heard.topic.startswith("homeassistant/")}
        assert devices == {"homeassistant/device/msh-shop-box-2/config"}
        assert not [heard.topic for heard in late.heard if "/shop/box/" in heard.topic]
        late.close()
    finally:
        broker.kill()
