"""Brokers that can do less than MQTT 5: what they bear is kept to, and what they say is told."""

from __future__ import annotations

import logging

import pytest

from pipelines.outputs.mqtt.broker import BrokerState
from tests.fakes.scripted_broker import (
    MAXIMUM_PACKET_SIZE,
    REASON_STRING,
    RECEIVE_MAXIMUM,
    SERVER_REFERENCE,
    WILDCARDS,
    Rules,
    number,
    scripted_broker,
    text,
)
from tests.pipelines.outputs.mqtt.bench import happening
from tests.waiting import wait_for

BASE = "msh/v1/berlin/edge-1/"
LARGE = "camera/handbags/zones"


@pytest.mark.parametrize("most", [1, 5])
def test_no_broker_gets_more_at_once_than_it_announces(bench, most):
    with scripted_broker(Rules(number(RECEIVE_MAXIMUM, most, "H"), in_flight=most)) as broker:
        publisher = bench.publisher(broker.port)
        for seq in range(10):
            publisher.send(happening(number=seq))
        wait_for(lambda: bench.count("ended", "acked") == 10)
        bench.online()
        assert broker.hung_up == []
        publisher.stop()


@pytest.mark.parametrize(
    ("rules", "cuts"),
    [
        (Rules(number(WILDCARDS, 0, "B"), wildcards="cut"), []),
        (Rules(wildcards="cut"), [162]),
        (Rules(wildcards="refused"), []),
    ],
)
def test_commands_are_subscribed_to_one_by_one_where_wildcards_are_not_allowed(bench, rules, cuts):
    with scripted_broker(rules) as broker:
        publisher = bench.publisher(broker.port, start=False)
        publisher.on_command("restart", lambda _: "soon")
        publisher.start()
        wait_for(lambda: len(broker.subscribed) >= 3)
        bench.online()
        assert set(broker.subscribed) == {f"{BASE}command/{name}" for name in ("ping", "refresh", "restart")}
        assert broker.hung_up == cuts
        publisher.stop()


@pytest.mark.parametrize(("announced", "cuts"), [(number(MAXIMUM_PACKET_SIZE, 2048, "I"), []), (b"", [149])])
def test_what_is_too_large_for_a_broker_is_left_out_and_the_rest_goes_on(bench, announced, cuts, caplog):
    with scripted_broker(Rules(announced, max_bytes=2048)) as broker:
        publisher = bench.publisher(broker.port)
        bench.online()
        publisher.set_state(LARGE, {"outline": "x" * 5000})
        wait_for(lambda: bench.count("state", "rejected"))
        publisher.send(happening())
        wait_for(lambda: bench.count("ended", "acked"))
        bench.online()
        assert broker.hung_up == cuts
        publisher.stop()
    assert sum(LARGE in record.getMessage() for record in caplog.records) == 1


def test_a_broker_that_sends_elsewhere_is_quoted(bench, caplog):
    told = text(REASON_STRING, "moved in\nMay") + text(SERVER_REFERENCE, "b2.example:1883")
    with scripted_broker(Rules(told, refusal=0x9D)) as broker:
        publisher = bench.publisher(broker.port)
        wait_for(lambda: BrokerState.REFUSED in bench.links)
        wait_for(lambda: "b2.example:1883" in caplog.text)
        publisher.stop()
    assert "Server moved: moved in?May; it names b2.example:1883: set that as the broker" in caplog.text


def test_a_subscription_that_is_denied_is_told(bench, caplog):
    caplog.set_level(logging.WARNING)
    with scripted_broker(Rules(denied=0x87)) as broker:
        publisher = bench.publisher(broker.port)
        wait_for(lambda: "lets no commands through to this device (Not authorized)" in caplog.text)
        bench.online()
        publisher.stop()
