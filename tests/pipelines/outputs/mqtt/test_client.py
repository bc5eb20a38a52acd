"""The client against a paho that is built otherwise inside: it then does without its leniency, and works."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from tests.pipelines.outputs.mqtt.bench import happening
from tests.waiting import wait_for

if TYPE_CHECKING:
    from tests.pipelines.outputs.mqtt.bench import Bench

PUBACK = 0x40


def test_paho_still_has_what_the_leniency_hangs_on() -> None:
    handler = getattr(Client, "_handle_pubackcomp", None)
    assert handler is not None, "LenientClient overrides nothing: see how this paho reads a PUBACK"
    assert [*inspect.signature(handler).parameters] == ["self", "cmd"]
    packet = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)._in_packet
    assert (packet["command"], packet["packet"]) == (0, b"")


def renamed(monkeypatch: pytest.MonkeyPatch, original: Any) -> Any:
    monkeypatch.delattr(Client, "_handle_pubackcomp")
    return lambda client: original(client, "PUBACK")


def with_another_argument(monkeypatch: pytest.MonkeyPatch, original: Any) -> Any:
    monkeypatch.setattr(
        Client, "_handle_pubackcomp", lambda client, cmd, *, flags: original(client, cmd, *flags)
    )
    return lambda client: client._handle_pubackcomp("PUBACK", flags=())


def with_its_packet_elsewhere(monkeypatch: pytest.MonkeyPatch, original: Any) -> Any:
    def handle(client: Any, cmd: str) -> Any:
        client._in_packet = client.__dict__.pop("moved")
        return original(client, cmd)

    def call(client: Any) -> Any:
        client.moved, client._in_packet = client._in_packet, None
        return client._handle_pubackcomp("PUBACK")

    monkeypatch.setattr(Client, "_handle_pubackcomp", handle)
    return call


@pytest.mark.parametrize("change", [renamed, with_another_argument, with_its_packet_elsewhere])
def test_another_paho_costs_the_leniency_alone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    called: list[int] = []
    dispatch = Client._packet_handle
    acknowledge = change(monkeypatch, Client._handle_pubackcomp)

    def handle(client: Any) -> Any:
        if client._in_packet["command"] & 0xF0 != PUBACK:
            return dispatch(client)
        called.append(1)
        return acknowledge(client)

    monkeypatch.setattr(Client, "_packet_handle", handle)
    broker = bench.broker()
    publisher = bench.publisher(broker.port)
    bench.online()
    for number in range(3):
        publisher.send(happening(number=number))
    wait_for(lambda: bench.count("ended", "acked") == 3)
    assert called
    publisher.stop()
