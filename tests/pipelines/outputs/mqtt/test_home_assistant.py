"""Home Assistant's discovery message at a real broker, over restarts with other store files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelines.assembly.basis import StoreBasis
from pipelines.assembly.mqtt import build_publisher
from pipelines.settings import load_settings
from probes.events.status import Summaries
from probes.metrics import Metrics
from tests.fakes.broker import Broker, Listener
from tests.pipelines.outputs.mqtt.bench import named, retained
from tests.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOPIC = "homeassistant/device/msh-shop-box/config"
STORE = """version: 1
store: {{id: "{store}", name: Shop, timezone: UTC, currency: EUR, device: {device}}}
cameras: {{door: {{source: /dev/video0}}{cameras}}}
outputs: {{mqtt: {{url: "mqtt://127.0.0.1:{port}"{more}}}}}
"""


def run(
    folder: Path,
    port: int,
    cameras: str = "",
    more: str = ", home_assistant: {}",
    *,
    store: str = "shop",
    device: str = "box",
    name: str = "store.yaml",
) -> None:
    """Run the publisher of a store file until all that it says is at the broker."""
    file = folder / name
    file.write_text(STORE.format(port=port, cameras=cameras, more=more, store=store, device=device))
    settings, metrics = load_settings(file, env={"STORE": "shop-2"}), Metrics(("live",))
    summaries = Summaries({name: [] for name in settings.cameras}, "EUR")
    basis = StoreBasis(settings, settings.store.device, metrics, folder=lambda: folder)
    publisher = build_publisher(basis, summaries)
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


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path).start()
    yield made
    made.kill()


@pytest.mark.parametrize(("store", "device"), [("shop", "box-2"), ("shop-2", "box")])
def test_a_box_that_gets_another_name_is_not_there_twice(
    tmp_path: Path, broker: Broker, store: str, device: str
) -> None:
    run(tmp_path, broker.port)
    run(tmp_path, broker.port, store=store, device=device)
    assert retained(broker, f"{store}/{device}") == named(store, device)
    run(tmp_path, broker.port)  # and back
    assert retained(broker, "shop/box") == named("shop", "box")


def test_a_box_of_the_former_name_that_runs_stays_in_home_assistant(tmp_path: Path, broker: Broker) -> None:
    """The disk of a box was copied, and the copy got a name of its own."""
    run(tmp_path, broker.port)
    other = Listener(broker.port)
    other.publish("msh/v1/shop/box/availability", "online", retain=True)
    other.wait("shop/box/availability", "online")
    run(tmp_path, broker.port, device="box-2")
    other.close()
    assert retained(broker, "shop/box-2") == named("shop", "box") | named("shop", "box-2")


@pytest.mark.parametrize(
    ("store", "name"),
    [("shop-2", "other.yaml"), ("${STORE}", "store.yaml")],
    ids=["another-file", "one-file-of-several-stores"],
)
def test_another_store_that_shares_the_state_folder_loses_nothing(
    tmp_path: Path, broker: Broker, store: str, name: str
) -> None:
    run(tmp_path, broker.port)
    run(tmp_path, broker.port, store=store, name=name)
    assert retained(broker, "shop-2/box") == named("shop", "box") | named("shop-2", "box")
