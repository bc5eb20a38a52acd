"""The example of a chain in configs/chain: its files fit each other, our messages and our schema."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from engines.paths import CONFIGS
from tests.fakes.broker import Broker, Listener
from tests.waiting import wait_for

if TYPE_CHECKING:
    from pathlib import Path

CHAIN = CONFIGS / "chain"
COMPOSE: dict[str, Any] = yaml.safe_load((CHAIN / "compose.yaml").read_text())
CLICKHOUSE: dict[str, Any] = yaml.safe_load((CHAIN / "compose.clickhouse.yaml").read_text())
CELL = json.loads((CONFIGS / "messages.schema.json").read_text())["$defs"]["report"]["properties"]["cells"][
    "items"
]
COLUMNS = {"store", "device", "currency", "measure", "key", "started", "count", "total"}


@pytest.mark.parametrize("compose", [COMPOSE, CLICKHOUSE])
def test_compose_mounts_what_is_there_and_names_what_it_declares(compose: dict[str, Any]) -> None:
    volumes = {"mosquitto", "timescaledb", "clickhouse"}
    for service in compose["services"].values():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            made = source.startswith(("./secrets", "./certs"))
            assert source in volumes or made or (CHAIN / source).is_file(), mount
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"])
    assert set(compose.get("volumes", {})) <= volumes


def test_telegraf_reads_the_topics_and_fields_that_there_are() -> None:
    telegraf = (CHAIN / "telegraf.conf").read_text()
    assert 'topics = ["msh/v1/+/+/report/+"]' in telegraf
    named = {*re.findall(r'path = "(\w+)"', telegraf)} - {"cells"}
    report = json.loads((CONFIGS / "messages.schema.json").read_text())["$defs"]["report"]
    assert named <= set(report["properties"])
    assert set(CELL["properties"]) == {"measure", "key", "start", "end", "count", "total"}
    assert 'timestamp_key = "end"' in telegraf
    assert 'start = "started"' in telegraf


@pytest.mark.parametrize(("file", "time"), [("timescale.sql", "time"), ("clickhouse.sql", "timestamp")])
def test_the_tables_have_the_columns_that_telegraf_writes(file: str, time: str) -> None:
    text = (CHAIN / file).read_text()
    table = re.search(r"CREATE TABLE [\w.]*report_cell \((.*?)\n\)", text, re.S)
    assert table
    assert {line.split()[0] for line in table[1].strip().splitlines()} == COLUMNS | {time}


def test_a_shop_has_its_own_topics_alone_and_telegraf_reads_reports_alone(tmp_path: Path) -> None:
    lines = (CHAIN / "mosquitto.conf").read_text()
    assert "allow_anonymous false" in lines
    (tmp_path / "acl").write_text((CHAIN / "acl").read_text())
    (tmp_path / "acl").chmod(0o600)
    users = {"berlin": "one-password", "paris": "other-password", "telegraf": "third-password"}
    broker = Broker(tmp_path, users=users, extra=f"acl_file {tmp_path}/acl").start()
    heard = {name: Listener(broker.port, "msh/v1/#", (name, word)) for name, word in users.items()}
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set("berlin", users["berlin"])
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    try:
        for topic in ("paris/box/report/1200", "berlin/box/person", "berlin/box/report/1200"):
            client.publish(f"msh/v1/{topic}", topic, qos=1).wait_for_publish(300)
        wait_for(lambda: heard["telegraf"].heard and len(heard["berlin"].heard) == 2)
        assert [one.text for one in heard["telegraf"].heard] == ["berlin/box/report/1200"]
        assert heard["paris"].heard == []
    finally:
        client.loop_stop()
        for listener in heard.values():
            listener.close()
        broker.kill()


def test_shell_in_compose_is_right() -> None:
    for service in (COMPOSE["services"]["telegraf"], CLICKHOUSE["services"]["clickhouse"]):
        command = service["entrypoint"][2].replace("$$", "$")
        assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0
